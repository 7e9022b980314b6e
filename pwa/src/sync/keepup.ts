/**
 * When to sync: on opening, when the page is looked at again, when the network or the server comes
 * back, when the server says that something changed, and on a timer while the page is visible.
 */
import { contact } from '../api/contact';
import { syncOf, type SyncStatus } from './engine';
import type { SyncFace } from '../db/schema';

const HEALTHY_MILLIS = 60_000;
const FIRST_RETRY_MILLIS = 1_000;
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
  let wasRunning = false;

  const run = () => void sync.now();

  /** Whoever began it, as a purchase does: what comes next follows from how the last round ended. */
  function roundIsOver({ session, problem, pauseSeconds, pending, queued }: SyncStatus): void {
    clearTimeout(timer);
    // What is still queued was answered "later".
    failures = problem === null && queued === 0 ? 0 : failures + 1;
    // The face may have gone out of sight since the round began.
    if (document.visibilityState !== 'visible') return;
    if (session === 'ended') live.close();
    else live.open();
    const retryAfterMillis = Math.max(retryMillis(failures), pauseSeconds * 1000);
    timer = setTimeout(run, failures > 0 ? retryAfterMillis : pending ? PENDING_MILLIS : HEALTHY_MILLIS);
  }

  const stopRounds = sync.subscribe((status) => {
    const isOver = wasRunning && !status.running;
    wasRunning = status.running;
    if (status.running) clearTimeout(timer);
    else if (isOver) roundIsOver(status);
  });

  const live = liveUrl ? liveEvents(liveUrl, run) : { open() {}, close() {} };

  function onVisibility(): void {
    if (document.visibilityState === 'visible') run();
    else {
      clearTimeout(timer);
      live.close();
    }
  }

  let wasLost = contact.get().state === 'lost';
  const stopContact = contact.subscribe(({ state }) => {
    if (state === 'reached' && wasLost && !sync.get().running) run();
    wasLost = state === 'lost';
  });

  addEventListener('online', run, { signal });
  document.addEventListener('visibilitychange', onVisibility, { signal });
  run();

  return () => {
    stopping.abort();
    stopRounds();
    stopContact();
    clearTimeout(timer);
    live.close();
  };
}

/** A reply that was lost is asked for within seconds; a server that stays away is asked ever less often. */
export function retryMillis(failures: number): number {
  const grown = Math.min(LAST_RETRY_MILLIS, FIRST_RETRY_MILLIS * 2 ** (failures - 1));
  return grown * (0.75 + Math.random() / 2);
}

/** The server's event stream. When it cannot be had, the timer above is the fallback. */
function liveEvents(url: string, changed: () => void) {
  let source: EventSource | undefined;

  function open(): void {
    if (typeof EventSource === 'undefined') return;
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
