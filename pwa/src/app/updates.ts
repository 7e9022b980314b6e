/** Registers the service worker and says when a new version waits; it takes over only when asked. */
import { within } from '../core/within';
import { askServerMillis } from '../sync/wire';

/** A slow network brings the whole app in that time; after it the page itself is loaded anew. */
const INSTALLED_WITHIN_MILLIS = 60_000;

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

function watch(registration: ServiceWorkerRegistration, onUpdateReady: (takeOver: () => void) => void): void {
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
  setInterval(() => void registration.update().catch(() => undefined), LOOK_EVERY_MILLIS);
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
  if (registration) await within(INSTALLED_WITHIN_MILLIS, 'the update', registration.update()).catch(() => undefined);
  const incoming = registration?.installing ?? registration?.waiting;
  if (!incoming) return location.reload();
  await within(INSTALLED_WITHIN_MILLIS, 'the update', isInstalled(incoming)).catch(() => undefined);
  if (incoming.state === 'installed') takeOver(incoming);
  else location.reload();
}

async function isInstalled(incoming: ServiceWorker): Promise<void> {
  while (incoming.state === 'installing') {
    await new Promise((changed) => incoming.addEventListener('statechange', changed, { once: true }));
  }
}

const RELOADED_KEY = 'reloaded-for-missing-chunk';
/** A file that stays away, although the server is there, must not reload the page for ever. */
const RELOAD_AT_MOST_EVERY_MILLIS = 60_000;

type Load<T> = () => Promise<T>;

let early = 0;

/** Asks for a chunk that nobody needs yet. One that is missing is told when it is needed: no form is lost to it that is being filled in. */
export async function fetchEarly(load: Load<unknown>): Promise<void> {
  early += 1;
  await fetchWhole(load).catch(() => undefined);
  early -= 1;
}

/** The stylesheets that did not come. Vite asks for each but once, and takes it for loaded ever after. */
const missingStyles = new Set<HTMLLinkElement>();
/** What came with all its styles. */
const whole = new WeakSet<Load<unknown>>();
let asking: Promise<unknown> | undefined;

/** A chunk with its styles: of what is missing nobody knows which chunk it belongs to, so all of it is asked for anew first. */
export async function fetchWhole<T>(load: Load<T>): Promise<T> {
  while (missingStyles.size > 0 && !whole.has(load)) {
    asking ??= Promise.all([...missingStyles].map(askAgain)).finally(() => (asking = undefined));
    await asking;
  }
  const loaded = await load();
  whole.add(load);
  return loaded;
}

function askAgain(missing: HTMLLinkElement): Promise<void> {
  return new Promise<void>((done, fail) => {
    const link = missing.cloneNode() as HTMLLinkElement;
    link.onload = () => done();
    link.onerror = () => {
      dispatchEvent(new Event('vite:preloadError'));
      fail(new Error(`no ${link.href}`));
    };
    missing.replaceWith(link);
  }).finally(() => missingStyles.delete(missing));
}

/** After an update an open page may ask for a chunk that is gone; a reload brings the new ones. */
export function reloadOnMissingChunk(): void {
  addEventListener('vite:preloadError', () => {
    if (early === 0) void reloadIfServerAnswers();
  });
  addEventListener('error', ({ target }) => isStylesheet(target) && missingStyles.add(target), true);
}

const isStylesheet = (target: EventTarget | null): target is HTMLLinkElement =>
  (target as Partial<HTMLLinkElement> | null)?.rel === 'stylesheet';

/** Without the server nothing is gone, and a reload would only lose the page. */
async function reloadIfServerAnswers(): Promise<void> {
  const lastMillis = reloadedAtMillis();
  if (lastMillis === undefined || Date.now() - lastMillis < RELOAD_AT_MOST_EVERY_MILLIS) return;
  const answers = await askServerMillis().then(
    () => true,
    () => false,
  );
  if (!answers) return;
  sessionStorage.setItem(RELOADED_KEY, String(Date.now()));
  location.reload();
}

/** None where nothing can be kept: a page that cannot know that it was reloaded would do it for ever. */
function reloadedAtMillis(): number | undefined {
  try {
    const kept = sessionStorage.getItem(RELOADED_KEY);
    sessionStorage.setItem(RELOADED_KEY, kept ?? '0');
    return Number(kept);
  } catch {
    return undefined;
  }
}
