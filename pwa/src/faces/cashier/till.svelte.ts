// The state of this till as its screens see it: pairing, operations, lists, contact. The truth is in the database
// and on the server; this only mirrors it.
import { contact, type Contact } from '../../api/contact';
import { asProblem } from '../../api/problem';
import { restoreClock } from '../../core/clock';
import { readEntities, readEntity, saveEntity } from '../../db/entities';
import { askToPersist } from '../../db/open';
import { clientIdOf, syncOf, type SyncStatus } from '../../sync/engine';
import { keepInSync } from '../../sync/keepup';
import { forget, readOutbox, requeue } from '../../sync/outbox';
import { forgetPulled } from '../../sync/pull';
import { forgetOldProofs } from './judge';
import { listsMadeAtSeconds, readHeldLists, refreshLists, type HeldLists } from './lists';
import {
  continueOpNo, forgetOldSettled, operationsOf, shiftOf, type Operation, type PulledPurchase, type Shift, setOutlet,
} from './purchases';
import { pairTill, readTill, unpairTill, type Till } from './tillApi';
import { restoreFloor, tillNowSeconds } from './time';

const LISTS_REFRESH_MILLIS = 5 * 60_000;
const TICK_MILLIS = 10_000;

const sync = syncOf('till');

let paired = $state<Till | null>(null);
let operations = $state.raw<Operation[]>([]);
let syncStatus = $state.raw<SyncStatus>(sync.get());
let lists = $state.raw<HeldLists | null>(null);
let reached = $state<Contact['state']>('unknown');
let nowSeconds = $state(tillNowSeconds());
let stopSync: (() => void) | null = null;
let refreshing: Promise<void> | null = null;

export const till = {
  get paired(): Till | null { return paired; },
  get signedOut(): boolean { return paired !== null && syncStatus.session === 'ended'; },
  get operations(): Operation[] { return operations; },
  get sync(): SyncStatus { return syncStatus; },
  get lists(): HeldLists | null { return lists; },
  get listsMadeAtSeconds(): number | null { return lists && listsMadeAtSeconds(lists); },
  get reached(): Contact['state'] { return reached; },
  get nowSeconds(): number { return nowSeconds; },
  get shift(): Shift { return shiftOf(operations, midnightBefore(nowSeconds)); },
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
    every(TICK_MILLIS, () => (nowSeconds = tillNowSeconds())),
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
  const answer = await pairTill(code, await clientIdOf('till'));
  const rows = await readOutbox('till');
  await forgetPulled('till');
  await saveEntity('till', 'till', 'me', answer);
  await setOutlet(answer.outletId);
  await continueOpNo(answer.lastOpNo, rows.some((row) => row.state === 'queued'));
  await sync.sessionChanged();
  await readState();
  void askToPersist();
  followServer();
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

/** The lists are asked for again now; one round at a time. */
export function updateLists(): Promise<void> {
  refreshing ??= refresh().finally(() => (refreshing = null));
  return refreshing;
}

export async function sendNow(): Promise<void> {
  await Promise.all([sync.now(), updateLists()]);
}

async function refresh(): Promise<void> {
  try {
    if (await refreshLists(lists ?? (await readHeldLists()))) await readLists();
  } catch (cause) {
    // The age of what is held says all that the cashier can act on.
    console.warn('lists not refreshed', asProblem(cause).code);
  }
  nowSeconds = tillNowSeconds();
}

async function readLists(): Promise<void> {
  lists = await readHeldLists();
}

async function readState(): Promise<void> {
  const [kept, rows, purchases] = await Promise.all([
    readEntity<unknown>('till', 'till', 'me'),
    readOutbox('till'),
    readEntities<PulledPurchase>('till', 'purchase'),
  ]);
  paired = readTill(kept);
  operations = operationsOf(rows, purchases);
  nowSeconds = tillNowSeconds();
  await forgetOldSettled(rows);
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
