// The signed lists that a verifier holds: kept as they came, checked anew at each reading, refreshed from the issuer. Where they
// are kept and how they are fetched is passed in. A download that does not check out never replaces what is held.
import type { Bytes } from './bytes';
import { loadStatusList, type StatusList, type StatusLists } from './status';
import { loadTrustList, type TrustFailure, type TrustList } from './trust';

/** A list as it was downloaded. */
export interface SignedList {
  /** `trust`, or the status list's uri. */
  id: string;
  bytes: Uint8Array;
  etag?: string;
  fetchedAtSeconds: number;
}

export interface ListStorage {
  all(): Promise<SignedList[]>;
  put(list: SignedList): Promise<void>;
}

export interface HeldLists {
  trust: TrustList | TrustFailure;
  statusLists: StatusLists;
  /** Nothing was ever downloaded. */
  empty: boolean;
}

export interface ListSource {
  roots: Bytes[];
  storage: ListStorage;
  trustListPath: string;
  /** The list at the path, or nothing where the one of this ETag is still the newest. Throws where the issuer was not reached. */
  download: (path: string, etag: string | undefined) => Promise<Pick<SignedList, 'bytes' | 'etag'> | undefined>;
  nowSeconds: () => number;
}

export const TRUST_LIST_PATH = '/.well-known/profcards/trust-list';
const TRUST_ID = 'trust';

export async function readLists({ roots, storage }: Pick<ListSource, 'roots' | 'storage'>): Promise<HeldLists> {
  const rows = await storage.all();
  const trustRow = rows.find((row) => row.id === TRUST_ID);
  const trust = trustRow ? await loadTrustList(trustRow.bytes, roots) : 'trust-list-bad';
  const held = new Map<string, StatusList>();
  let someFailed = false;
  for (const row of rows) {
    if (row.id === TRUST_ID || typeof trust === 'string') continue;
    const list = await loadStatusList(row.bytes, trust);
    if (list === 'status-bad') someFailed = true;
    else held.set(list.uri, list);
  }
  return { trust, statusLists: { held, someFailed }, empty: trustRow === undefined };
}

/** Asks for what is new; says whether anything was, so that the lists are to be read again. */
export async function refreshLists(held: HeldLists, source: ListSource): Promise<boolean> {
  const { roots, storage, nowSeconds } = source;
  const heldTrust = typeof held.trust === 'string' ? undefined : held.trust;
  let changed = false;
  const freshTrust = await downloadList(source, TRUST_ID, source.trustListPath, heldTrust !== undefined);
  let trust = heldTrust;
  if (freshTrust) {
    const loaded = await loadTrustList(freshTrust.bytes, roots, heldTrust?.seq);
    if (typeof loaded === 'string') throw new Error(loaded);
    await storage.put(freshTrust);
    trust = loaded;
    changed = true;
  }
  for (const { uri, path } of trust?.lists ?? []) {
    const heldIatSeconds = held.statusLists.held.get(uri)?.iatSeconds;
    const fresh = await downloadList(source, uri, path, heldIatSeconds !== undefined);
    if (!trust || !fresh) continue;
    const loaded = await loadStatusList(fresh.bytes, trust, { nowSeconds: nowSeconds(), heldIatSeconds });
    if (loaded === 'status-bad' || loaded.uri !== uri) throw new Error(`status list ${uri} refused`);
    await storage.put(fresh);
    changed = true;
  }
  return changed;
}

/** The list, or nothing where the one that is held in good order is still the newest. */
async function downloadList(source: ListSource, id: string, path: string, isHeld: boolean): Promise<SignedList | undefined> {
  const row = isHeld ? (await source.storage.all()).find((kept) => kept.id === id) : undefined;
  const fresh = await source.download(path, row?.etag);
  return fresh && { id, ...fresh, fetchedAtSeconds: source.nowSeconds() };
}

/** The moments that the issuer signed: a verifier's clock is never before the newest of them. */
export function issuedAtSeconds({ trust, statusLists }: HeldLists): number[] {
  const statusMoments = [...statusLists.held.values()].map((list) => list.iatSeconds);
  return typeof trust === 'string' ? statusMoments : [trust.iatSeconds, ...statusMoments];
}
