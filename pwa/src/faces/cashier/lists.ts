// The signed lists as this till holds them: kept in the database, checked anew at each opening, refreshed by ETag.
// A download that does not check out never replaces what is held.
import { reach } from '../../api/client';
import { problemFrom } from '../../api/problem';
import { fromHex, type Bytes } from '../../core/card/bytes';
import { loadStatusList, type StatusList, type StatusLists } from '../../core/card/status';
import { loadTrustList, type TrustFailure, type TrustList } from '../../core/card/trust';
import { learnServerTime } from '../../core/clock';
import { database, readMeta, writeMeta } from '../../db/open';
import type { SignedList } from '../../db/schema';
import { seen, tillNowSeconds } from './time';

export interface HeldLists {
  trust: TrustList | TrustFailure;
  statusLists: StatusLists;
  /** Nothing was ever downloaded: the first visit has not finished. */
  empty: boolean;
}

const TRUST_ID = 'trust';
const TRUST_PATH = '/.well-known/profcards/trust-list';
const PINS_KEY = 'pins';

interface Shell {
  roots: string[];
}

/** The pins come with the app shell; the copy in the database is for a browser without a service worker. */
async function readPins(): Promise<Bytes[]> {
  const fetched = await fetch('/shell.json')
    .then((response) => (response.ok ? (response.json() as Promise<Shell>) : undefined))
    .catch(() => undefined);
  if (fetched) await writeMeta(PINS_KEY, fetched.roots);
  const roots = fetched?.roots ?? (await readMeta<string[]>(PINS_KEY)) ?? [];
  return roots.map(fromHex);
}

export async function readHeldLists(): Promise<HeldLists> {
  const db = await database();
  const [pins, rows] = await Promise.all([readPins(), db.getAll('lists')]);
  const trustRow = rows.find((row) => row.id === TRUST_ID);
  const trust = trustRow ? await loadTrustList(trustRow.bytes, pins) : 'trust-list-bad';
  const held = new Map<string, StatusList>();
  let someFailed = false;
  if (typeof trust !== 'string') {
    await seen(trust.iatSeconds);
    for (const row of rows.filter(({ id }) => id !== TRUST_ID)) {
      const list = await loadStatusList(row.bytes, trust);
      if (list === 'status-bad') someFailed = true;
      else held.set(list.uri, list);
    }
    for (const list of held.values()) await seen(list.iatSeconds);
  }
  return { trust, statusLists: { held, someFailed }, empty: trustRow === undefined };
}

/** Asks for what is new; says whether anything was. Throws an ApiProblem where the server was not reached. */
export async function refreshLists(held: HeldLists): Promise<boolean> {
  await learnTime();
  const pins = await readPins();
  const heldTrust = typeof held.trust === 'string' ? undefined : held.trust;
  let changed = false;
  const freshTrust = await download(TRUST_ID, TRUST_PATH, heldTrust !== undefined);
  let trust = heldTrust;
  if (freshTrust) {
    const loaded = await loadTrustList(freshTrust.bytes, pins, heldTrust?.seq);
    if (typeof loaded === 'string') throw new Error(loaded);
    await keep(freshTrust);
    trust = loaded;
    changed = true;
  }
  for (const { uri, path } of trust?.lists ?? []) {
    const heldIatSeconds = held.statusLists.held.get(uri)?.iatSeconds;
    const fresh = await download(uri, path, heldIatSeconds !== undefined);
    if (!trust || !fresh) continue;
    const loaded = await loadStatusList(fresh.bytes, trust, { nowSeconds: tillNowSeconds(), heldIatSeconds });
    if (loaded === 'status-bad' || loaded.uri !== uri) throw new Error(`status list ${uri} refused`);
    await keep(fresh);
    changed = true;
  }
  return changed;
}

async function learnTime(): Promise<void> {
  const askedAtMillis = Date.now();
  const response = await reach('/api/time');
  const answer = (await response.json().catch(() => ({}))) as { unixMillis?: unknown };
  if (typeof answer.unixMillis === 'number') await learnServerTime(answer.unixMillis, askedAtMillis);
}

/** The list, or nothing where the one that is held in good order is still the newest. */
async function download(id: string, path: string, isHeld: boolean): Promise<SignedList | undefined> {
  const row = isHeld ? await (await database()).get('lists', id) : undefined;
  const headers: HeadersInit = row?.etag ? { 'If-None-Match': row.etag } : {};
  const response = await reach(path, { headers, cache: 'no-store' });
  if (response.status === 304) return undefined;
  if (!response.ok) throw problemFrom(response.status, undefined);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const etag = response.headers.get('ETag');
  return { id, bytes, fetchedAtSeconds: tillNowSeconds(), ...(etag ? { etag } : {}) };
}

async function keep(list: SignedList): Promise<void> {
  await (await database()).put('lists', list);
}

/** When the oldest of the lists was made: what the cashier is told as their age. */
export function listsMadeAtSeconds({ statusLists }: HeldLists): number | null {
  const moments = [...statusLists.held.values()].map((list) => list.iatSeconds);
  return moments.length === 0 ? null : Math.min(...moments);
}
