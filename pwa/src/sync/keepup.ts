/**
 * When to sync: on opening, when the page is looked at again, when the network or the server comes
 * back, when the server says that something changed, and on a timer while the page is visible.
 */
import { contact } from '../api/contact';
import { syncOf } from './engine';
import type { SyncFace } from '../db/schema';

const HEALTHY_MILLIS = 60_000;
const FIRST_RETRY_MILLIS = 3_000;
const LAST_RETRY_MILLIS = 60_000;
/** While the server keeps working on what was sent. */
const PENDING_MILLIS = 2_000;

/** Keeps a face's data fresh until the returned function is called. */
export function keepInSync(face: SyncFace, liveUrl?: string): () => void {
  const sync = syncOf(face);
  const stopping = new AbortController();
  const { signal } = stopping;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;

  async function run(): Promise<void> {
    clearTimeout(timer);
    const status = await sync.now();
    failures = status.problem ? failures + 1 : 0;
    clearTimeout(timer);
    // The face may have been left, or be out of sight, since the round began.
    if (signal.aborted || document.visibilityState !== 'visible') return;
    if (status.session === 'ended') live.close();
    else live.open();
    timer = setTimeout(() => void run(), pauseMillis());
  }

  function pauseMillis(): number {
    if (failures > 0) {
      const grown = Math.min(LAST_RETRY_MILLIS, FIRST_RETRY_MILLIS * 2 ** (failures - 1));
      return grown * (0.75 + Math.random() / 2);
    }
    return sync.get().pending ? PENDING_MILLIS : HEALTHY_MILLIS;
  }

  const live = liveUrl ? liveEvents(liveUrl, () => void run()) : { open() {}, close() {} };

  function onVisibility(): void {
    if (document.visibilityState === 'visible') void run();
    else {
      clearTimeout(timer);
      live.close();
    }
  }

  let wasLost = contact.get().state === 'lost';
  const stopContact = contact.subscribe(({ state }) => {
    if (state === 'reached' && wasLost && !sync.get().running) void run();
    wasLost = state === 'lost';
  });

  addEventListener('online', () => void run(), { signal });
  document.addEventListener('visibilitychange', onVisibility, { signal });
  void run();

  return () => {
    stopping.abort();
    stopContact();
    clearTimeout(timer);
    live.close();
  };
}

/** The server's event stream. When it cannot be had, the timer above is the fallback. */
function liveEvents(url: string, changed: () => void) {
  let source: EventSource | undefined;

  function open(): void {
    if (source && source.readyState !== EventSource.CLOSED) return;
    source = new EventSource(url);
    source.addEventListener('changed', changed);
    source.addEventListener('open', () => {
      contact.report(true);
      // What changed while nobody was listening, also between the last pull and this moment.
      changed();
    });
  }

  function close(): void {
    source?.close();
    source = undefined;
  }

  return { open, close };
}
