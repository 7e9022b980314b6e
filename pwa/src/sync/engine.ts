/**
 * One sync per face: push, then pull, one tab at a time. Its status is a store in Svelte's
 * contract; `onChange` says that the phone's database has new rows, whichever tab brought them.
 */
import { isClockFresh, learnServerTime, nowSeconds } from '../core/clock';
import type { ProblemCode } from '../api/codes';
import { asProblem } from '../api/problem';
import { readMeta, writeMeta } from '../db/open';
import type { OutboxRow, SyncFace } from '../db/schema';
import { addToOutbox, countOutbox, type Mutation } from './outbox';
import { pullChanges } from './pull';
import { pushOutbox } from './push';
import { askServerMillis } from './wire';

export interface SyncStatus {
  running: boolean;
  /** `ended`: the server no longer knows this device's session. Nothing is deleted for it. */
  session: 'unknown' | 'open' | 'ended';
  /** Code of the last failure; null after a success. */
  problem: ProblemCode | null;
  /** Seconds for which the server wants to hear nothing; 0 where it did not say. */
  pauseSeconds: number;
  lastSyncedSeconds: number | null;
  queued: number;
  /**
   * The rows that the server does not understand, as one that is older than this app: they are sent again by
   * themselves.
   */
  unread: number;
  rejected: number;
  pending: boolean;
}

export interface Sync {
  get(): SyncStatus;
  subscribe(listener: (status: SyncStatus) => void): () => void;
  onChange(listener: () => void): () => void;
  /** Puts a mutation down for good, then tries to send it without making the caller wait. */
  enqueue(mutation: Mutation): Promise<OutboxRow>;
  /** Resolves when a whole round that began after this call is over. Never rejects. */
  now(): Promise<SyncStatus>;
  /** After enrolling, pairing or signing out: forget what was known of the session. */
  sessionChanged(): Promise<void>;
}

const initial: SyncStatus = {
  running: false,
  session: 'unknown',
  problem: null,
  pauseSeconds: 0,
  lastSyncedSeconds: null,
  queued: 0,
  unread: 0,
  rejected: 0,
  pending: false,
};

const syncs = new Map<SyncFace, Sync>();

export function syncOf(face: SyncFace): Sync {
  let sync = syncs.get(face);
  if (!sync) syncs.set(face, (sync = createSync(face)));
  return sync;
}

function createSync(face: SyncFace): Sync {
  let status = initial;
  const statusListeners = new Set<(status: SyncStatus) => void>();
  const changeListeners = new Set<() => void>();
  const channel = openChannel(`profcards-sync-${face}`, () => void heardFromOtherTab());
  let round: Promise<SyncStatus> | undefined;
  let nextRound: Promise<SyncStatus> | undefined;

  function set(part: Partial<SyncStatus>): void {
    status = { ...status, ...part };
    for (const listener of statusListeners) listener(status);
  }

  function notifyChange(): void {
    for (const listener of changeListeners) listener();
  }

  async function heardFromOtherTab(): Promise<void> {
    await refresh().catch((cause: unknown) => console.error(cause));
    notifyChange();
  }

  async function refresh(): Promise<void> {
    const [counts, lastSynced] = await Promise.all([countOutbox(face), readMeta<number>(lastSyncedKey(face))]);
    set({ ...counts, lastSyncedSeconds: lastSynced ?? null });
  }

  async function runRound(): Promise<SyncStatus> {
    set({ running: true });
    let changed = false;
    try {
      await alone(`profcards-sync-${face}`, () => pushAndPull(face, set, () => (changed = true)));
      set({ session: 'open', problem: null, pauseSeconds: 0 });
      await writeMeta(lastSyncedKey(face), nowSeconds());
    } catch (cause) {
      const { code, status: httpStatus, retryAfterSeconds: pauseSeconds = 0 } = asProblem(cause);
      set({ problem: code, pauseSeconds, ...(httpStatus === 401 ? { session: 'ended' as const } : {}) });
    }
    await refresh().catch((cause: unknown) => console.error(cause));
    set({ running: false });
    channel?.postMessage('changed');
    if (changed) notifyChange();
    return status;
  }

  /** A round under way may have read the queue already: whoever asks now waits for the next one. */
  function now(): Promise<SyncStatus> {
    if (!round) {
      round = runRound().finally(() => (round = undefined));
      return round;
    }
    nextRound ??= round.then(() => {
      nextRound = undefined;
      return now();
    });
    return nextRound;
  }

  async function enqueue(mutation: Mutation): Promise<OutboxRow> {
    const row = await addToOutbox(face, mutation);
    // The row is kept: a fault of the counting must not look like a purchase that failed, or it is made twice.
    await refresh().catch((cause: unknown) => console.error(cause));
    notifyChange();
    channel?.postMessage('changed');
    void askForBackgroundSync();
    void now();
    return row;
  }

  async function sessionChanged(): Promise<void> {
    set({ ...initial, running: status.running });
    await refresh();
    notifyChange();
  }

  void refresh().catch((cause: unknown) => console.error(cause));
  return {
    get: () => status,
    subscribe: (listener) => register(statusListeners, listener, () => listener(status)),
    onChange: (listener) => register(changeListeners, listener),
    enqueue,
    now,
    sessionChanged,
  };
}

function register<T>(listeners: Set<T>, listener: T, first?: () => void): () => void {
  listeners.add(listener);
  first?.();
  return () => listeners.delete(listener);
}

const lastSyncedKey = (face: SyncFace) => `last-synced:${face}`;

/** `onNews`: the database has something new for the screen, also where the round fails after it. */
async function pushAndPull(
  face: SyncFace,
  set: (part: Partial<SyncStatus>) => void,
  onNews: () => void,
): Promise<void> {
  await pushOutbox(face, onNews);
  set({ pending: await pullChanges(face, onNews) });
  // A face that only pulls would never hear the time; a proof dated by a wrong clock is refused.
  if (!isClockFresh()) await learnTime();
}

/** Asks the server what time it is. */
export async function learnTime(): Promise<void> {
  const askedAtMillis = Date.now();
  await learnServerTime(await askServerMillis(), askedAtMillis);
}

/** Without it the other tabs see what is new when they are looked at. */
function openChannel(name: string, heard: () => void): BroadcastChannel | undefined {
  const channel = newChannel(name);
  if (!channel) return undefined;
  channel.addEventListener('message', heard);
  return channel;
}

/** A round that takes longer is a slow one, or its tab was put to sleep in the midst of it. */
const OTHER_TAB_HAS_MILLIS = 10_000;

/**
 * Two tabs should not send the same rows side by side; the server would answer right, but twice. So the lock is a courtesy,
 * and is taken from a tab that keeps it without an end: the system may have frozen it, and what is queued must go.
 */
export async function alone(name: string, work: () => Promise<void>): Promise<void> {
  const locks = globalThis.navigator?.locks;
  if (!locks) return work();
  let begun: Promise<void> | undefined;
  const once = () => (begun ??= work());
  const ignored = () => undefined;
  await new Promise<void>((turnIsOver) => {
    const timer = setTimeout(turnIsOver, OTHER_TAB_HAS_MILLIS);
    const ownTurn = () => {
      clearTimeout(timer);
      return once().finally(turnIsOver);
    };
    // Refused where pages may keep nothing. Taken away from this tab, it is no fault of the work.
    locks.request(name, ownTurn).catch(ignored).finally(turnIsOver);
  });
  if (!begun) void locks.request(name, { steal: true }, once).catch(ignored);
  return once();
}

/** Refused where pages may share nothing. */
function newChannel(name: string): BroadcastChannel | undefined {
  try {
    return new BroadcastChannel(name);
  } catch {
    return undefined;
  }
}

interface WithBackgroundSync extends ServiceWorkerRegistration {
  sync?: { register(tag: string): Promise<void> };
}

/** Where it exists, the system itself sends the outbox when the network returns. */
async function askForBackgroundSync(): Promise<void> {
  const container = globalThis.navigator?.serviceWorker;
  if (!container?.controller) return;
  const registration: WithBackgroundSync = await container.ready;
  await registration.sync?.register('outbox').catch(() => undefined);
}
