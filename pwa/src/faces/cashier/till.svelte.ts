// The state of this till as its screens see it: pairing, operations, lists, contact. The truth is in the database
// and on the server; this only mirrors it.
import type { ProblemCode } from '../../api/codes';
import type { TillState } from '../../api/types';
import { contact, type Contact } from '../../api/contact';
import { asProblem } from '../../api/problem';
import {
  clockOffsetSeconds,
  isOffsetDoubtful,
  noteClockOnLeaving,
  restoreClock,
  trustDeviceClock,
} from '../../core/clock';
import { readEntities, readEntity, saveEntity } from '../../db/entities';
import { askToPersist, readMeta, writeMeta } from '../../db/open';
import { learnTime, syncOf, type SyncStatus } from '../../sync/engine';
import { keepInSync } from '../../sync/keepup';
import { forget, readOutbox, requeue } from '../../sync/outbox';
import { forgetPulled } from '../../sync/pull';
import { forgetOldProofs } from './judge';
import { listsMadeAtSeconds, readHeldLists, refreshLists, type HeldLists } from './lists';
import {
  catchUpOpNo,
  continueOpNo,
  forgetOldSettled,
  operationsOf,
  shiftOf,
  type Operation,
  type PulledPurchase,
  type Shift,
  setOutlet,
} from './purchases';
import { pairTill, readTill, unpairTill, type Till } from './tillApi';
import { restoreFloor, tillNowSeconds } from './time';

const LISTS_REFRESH_MILLIS = 5 * 60_000;
/** While cards are being scanned: a card that was just revoked is refused seconds later. */
const LISTS_WATCH_MILLIS = 4_000;
const LISTS_WATCH_SLOWEST_MILLIS = 16_000;
const TICK_MILLIS = 10_000;
const INSTALLATION_KEY = 'client:till';

const sync = syncOf('till');

let paired = $state<Till | null>(null);
let operations = $state.raw<Operation[]>([]);
let syncStatus = $state.raw<SyncStatus>(sync.get());
let lists = $state.raw<HeldLists | null>(null);
let reached = $state<Contact['state']>('unknown');
let nowSeconds = $state(tillNowSeconds());
let offsetSeconds = $state(0);
let isDoubtful = $state(false);
let stopSync: (() => void) | null = null;
let refreshing: Promise<boolean> | null = null;

export const till = {
  get paired(): Till | null {
    return paired;
  },
  get signedOut(): boolean {
    return paired !== null && syncStatus.session === 'ended';
  },
  get operations(): Operation[] {
    return operations;
  },
  get sync(): SyncStatus {
    return syncStatus;
  },
  get lists(): HeldLists | null {
    return lists;
  },
  get listsMadeAtSeconds(): number | null {
    return lists && listsMadeAtSeconds(lists);
  },
  get reached(): Contact['state'] {
    return reached;
  },
  /** The server's time minus this device's, as last learnt. */
  get clockOffsetSeconds(): number {
    return offsetSeconds;
  },
  /** Whether that was learnt in an earlier visit, and the clock may have been put right since. */
  get isClockDoubtful(): boolean {
    return isDoubtful;
  },
  get nowSeconds(): number {
    return nowSeconds;
  },
  get shift(): Shift {
    return shiftOf(operations, midnightBefore(nowSeconds));
  },
};

export async function startTill(): Promise<() => void> {
  await Promise.all([restoreClock(), restoreFloor()]);
  await Promise.all([readState(), readLists(), forgetOldProofs()]);
  const stops = [
    sync.subscribe((status) => (syncStatus = status)),
    sync.onChange(() => void readState()),
    contact.subscribe(({ state }) => {
      if (state === 'reached' && reached === 'lost') void updateLists();
      reached = state;
    }),
    every(LISTS_REFRESH_MILLIS, () => void updateLists()),
    every(TICK_MILLIS, readClock),
    noteClockOnLeaving(),
    on(window, 'online', () => void updateLists()),
    on(document, 'visibilitychange', () => document.visibilityState === 'visible' && void updateLists()),
  ];
  void updateLists();
  if (paired) followServer();
  return () => {
    stops.forEach((stop) => stop());
    stopSync?.();
    stopSync = null;
  };
}

export async function pair(code: string): Promise<void> {
  const answer = await pairTill(code, await installationId());
  await forgetPulled('till');
  await saveEntity('till', 'till', 'me', answer as TillState);
  await setOutlet(answer.outletId);
  await continueOpNo(answer.lastOpNo);
  await sync.sessionChanged();
  await readState();
  void askToPersist();
  followServer();
}

/** Names this installation to the server when it is paired, for as long as its database lives. Sent with nothing else. */
async function installationId(): Promise<string> {
  const kept = await readMeta<string>(INSTALLATION_KEY);
  if (kept) return kept;
  const fresh = crypto.randomUUID();
  await writeMeta(INSTALLATION_KEY, fresh);
  return fresh;
}

/** The outbox stays: what was not sent goes after the next pairing. */
export async function unpair(): Promise<void> {
  await unpairTill();
  stopSync?.();
  stopSync = null;
  await forgetPulled('till');
  await sync.sessionChanged();
  await readState();
}

/** For what an older server, or an older app, could not read. */
export async function resendOperation(id: string): Promise<void> {
  await requeue(id);
  await sync.now();
  await readState();
}

export async function removeOperation(id: string): Promise<void> {
  await forget([id]);
  await readState();
}

/** The time and the lists are asked for again now. */
export async function updateLists(): Promise<void> {
  await learnTime().catch(notRefreshed);
  await refresh();
}

/** Keeps the lists as new as the server's for as long as cards are scanned: until the returned function is called. */
export function watchLists(): () => void {
  let failures = 0;
  let stopped = false;
  let timer = setTimeout(() => void round(), LISTS_WATCH_MILLIS);
  async function round(): Promise<void> {
    if (document.visibilityState === 'visible') failures = (await refresh()) ? 0 : failures + 1;
    const pauseMillis = Math.min(LISTS_WATCH_MILLIS * 2 ** failures, LISTS_WATCH_SLOWEST_MILLIS);
    if (!stopped) timer = setTimeout(() => void round(), pauseMillis);
  }
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

/** Answers why it did not go, by the problem's code. */
export async function sendNow(): Promise<ProblemCode | null> {
  const [{ problem }] = await Promise.all([sync.now(), updateLists()]);
  if (paired && problem !== null) return problem;
  return reached === 'lost' ? 'network' : null;
}

/** For whoever waits at the till for the server's word: not before the round that runs is over. */
export function askAgain(): void {
  if (!syncStatus.running) void sync.now();
}

/** One round at a time; says whether the server was reached. */
function refresh(): Promise<boolean> {
  refreshing ??= askForLists().finally(() => (refreshing = null));
  return refreshing;
}

async function askForLists(): Promise<boolean> {
  try {
    const { changed, failure } = await refreshLists(lists ?? (await readHeldLists()));
    if (changed) await readLists();
    if (failure !== undefined) throw failure;
    return true;
  } catch (cause) {
    notRefreshed(cause);
    return false;
  } finally {
    readClock();
  }
}

/** The age of what is held says all that the cashier can act on. */
function notRefreshed(cause: unknown): void {
  console.warn('lists not refreshed', asProblem(cause).code);
}

async function readLists(): Promise<void> {
  lists = await readHeldLists();
}

async function readState(): Promise<void> {
  const [kept, rows, purchases] = await Promise.all([
    readEntity('till', 'till', 'me'),
    readOutbox('till'),
    readEntities('till', 'purchase') as Promise<PulledPurchase[]>,
  ]);
  const known = readTill(kept);
  if (known && known.lastOpNo !== paired?.lastOpNo) await catchUpOpNo(known.lastOpNo);
  paired = known;
  operations = operationsOf(rows, purchases);
  readClock();
  await forgetOldSettled(rows);
}

/** The cashier says that the device's clock is right. */
export async function clockIsRight(): Promise<void> {
  await trustDeviceClock();
  readClock();
}

function readClock(): void {
  nowSeconds = tillNowSeconds();
  offsetSeconds = clockOffsetSeconds();
  isDoubtful = isOffsetDoubtful();
}

function followServer(): void {
  stopSync?.();
  stopSync = keepInSync('till');
}

function midnightBefore(seconds: number): number {
  return Math.floor(new Date(seconds * 1000).setHours(0, 0, 0, 0) / 1000);
}

function every(millis: number, work: () => void): () => void {
  const timer = setInterval(() => document.visibilityState === 'visible' && work(), millis);
  return () => clearInterval(timer);
}

function on(target: EventTarget, name: string, work: () => void): () => void {
  target.addEventListener(name, work);
  return () => target.removeEventListener(name, work);
}
