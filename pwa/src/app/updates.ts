/** Registers the service worker and says when a new version waits; it takes over only when asked. */

const LOOK_EVERY_MILLIS = 3_600_000;

export function registerServiceWorker(onUpdateReady: (takeOver: () => void) => void): void {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  addEventListener('load', () => {
    navigator.serviceWorker.register('/sw.js').then(
      (registration) => watch(registration, onUpdateReady),
      (cause: unknown) => console.warn('service worker not registered', cause),
    );
  });
}

function watch(
  registration: ServiceWorkerRegistration,
  onUpdateReady: (takeOver: () => void) => void,
): void {
  const announce = (waiting: ServiceWorker) => onUpdateReady(() => takeOver(waiting));
  // Without a controller this is the first install, which is no update.
  const isUpdate = () => navigator.serviceWorker.controller !== null;

  if (registration.waiting && isUpdate()) announce(registration.waiting);
  registration.addEventListener('updatefound', () => {
    const incoming = registration.installing;
    incoming?.addEventListener('statechange', () => {
      if (incoming.state === 'installed' && isUpdate()) announce(incoming);
    });
  });
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') registration.update().catch(() => undefined);
  });
  // A till may stay in sight for weeks.
  setInterval(() => registration.update().catch(() => undefined), LOOK_EVERY_MILLIS);
}

function takeOver(waiting: ServiceWorker): void {
  navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), {
    once: true,
  });
  waiting.postMessage('take-over');
}

/** Brings the server's version of the app: for when this one no longer understands the server. */
export async function updateApp(): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration();
  await registration?.update().catch(() => undefined);
  const incoming = registration?.installing ?? registration?.waiting;
  if (!incoming) return location.reload();
  while (incoming.state === 'installing') {
    await new Promise((changed) => incoming.addEventListener('statechange', changed, { once: true }));
  }
  if (incoming.state === 'installed') takeOver(incoming);
}

const RELOADED_KEY = 'reloaded-for-missing-chunk';

/** After an update an open page may ask for a chunk that is gone; one reload brings the new ones. */
export function reloadOnceOnMissingChunk(): void {
  addEventListener('vite:preloadError', (event) => {
    if (sessionStorage.getItem(RELOADED_KEY)) return;
    sessionStorage.setItem(RELOADED_KEY, '1');
    event.preventDefault();
    location.reload();
  });
}

/** Call when a face has loaded: the next missing chunk may reload again. */
export function chunkLoaded(): void {
  sessionStorage.removeItem(RELOADED_KEY);
}
