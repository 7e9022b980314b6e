/// <reference lib="webworker" />
/**
 * The service worker: the app shell offline, and a nudge to the outbox when the system says that
 * the network is back. It never caches an answer of the API and never replaces itself unasked.
 */
import {
  cleanupOutdatedCaches,
  createHandlerBoundToURL,
  precacheAndRoute,
} from 'workbox-precaching';
import { NavigationRoute, registerRoute } from 'workbox-routing';

declare const self: ServiceWorkerGlobalScope & typeof globalThis;

interface SyncEvent extends ExtendableEvent {
  readonly tag: string;
}

precacheAndRoute(self.__WB_MANIFEST);
cleanupOutdatedCaches();

registerRoute(
  new NavigationRoute(createHandlerBoundToURL('/index.html'), {
    allowlist: [/^\/$/, /^\/(card|activate|scan|chair)(\/|$)/],
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
  if (tag !== 'outbox') return;
  (event as SyncEvent).waitUntil(wakeOpenPages());
});

/** Sending needs the page's locks and its view of what is pending; a closed app sends on opening. */
async function wakeOpenPages(): Promise<void> {
  const pages = await self.clients.matchAll({ type: 'window' });
  for (const page of pages) page.postMessage('sync-now');
}
