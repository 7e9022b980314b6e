/// <reference lib="webworker" />
/**
 * The service worker: the app shell offline, and the outbox sent when the system says that the
 * network is back, even with the app closed. It never caches an answer of the API and never
 * replaces itself unasked.
 */
import { addPlugins, cleanupOutdatedCaches, createHandlerBoundToURL, precacheAndRoute } from 'workbox-precaching';
import { NavigationRoute, registerRoute } from 'workbox-routing';
import { SEGMENTS } from './app/faces';
import { restoreClock } from './core/clock';
import { syncOf } from './sync/engine';
import { countOutbox } from './sync/outbox';

declare const self: ServiceWorkerGlobalScope & typeof globalThis;

interface SyncEvent extends ExtendableEvent {
  readonly tag: string;
}

// A network's sign-in page answers for any file; a version with such a file in it is not installed.
addPlugins([
  { cacheWillUpdate: async ({ request, response }) => ((await isFileOf(request, response)) ? response : null) },
]);
precacheAndRoute(self.__WB_MANIFEST);
cleanupOutdatedCaches();

registerRoute(
  new NavigationRoute(createHandlerBoundToURL('/index.html'), {
    allowlist: [/^\/$/, new RegExp(`^/(${SEGMENTS.join('|')})([/?]|$)`)],
  }),
);

// The page asks for this when a person taps "update"; see app/updates.ts.
self.addEventListener('message', (event) => {
  if (event.data === 'take-over') void self.skipWaiting();
});

// Matters on the first visit only: the page that installed the worker goes offline-ready at once.
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('sync', (event) => {
  const { tag } = event as SyncEvent;
  if (tag === 'outbox') (event as SyncEvent).waitUntil(sendOutboxes());
});

async function isFileOf({ url }: Request, response: Response): Promise<boolean> {
  if (response.status !== 200 || response.redirected) return false;
  const isPage = /^text\/html/i.test(response.headers.get('Content-Type') ?? '');
  if (!new URL(url).pathname.endsWith('.html')) return !isPage;
  return isPage && (await response.clone().text()).includes('id="app"');
}

/** Fails while something is left that could still go, so that the system asks again later. */
async function sendOutboxes(): Promise<void> {
  await restoreClock();
  for (const face of ['till', 'member'] as const) {
    if ((await countOutbox(face)).queued === 0) continue;
    const { queued, session } = await syncOf(face).now();
    if (queued > 0 && session !== 'ended') throw new Error(`${queued} left in the outbox`);
  }
}
