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
  delete(id: string): Promise<void>;
}

export interface HeldLists {
  trust: TrustList | TrustFailure;
  statusLists: StatusLists;
  /** Of what is held here, by id: the storage may have something newer by now, from another tab or an interrupted refresh. */
  etags: ReadonlyMap<string, string | undefined>;
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

export interface Refreshed {
  /** Something new was stored, so that the lists are to be read again. */
  changed: boolean;
  /** Why some list was not had, if any was not: the first such reason. The others are as new as the issuer's. */
  failure?: unknown;
}

export async function readLists({ roots, storage }: Pick<ListSource, 'roots' | 'storage'>): Promise<HeldLists> {
  const rows = await storage.all();
  const trustRow = rows.find((row) => row.id === TRUST_ID);
  const trust = trustRow ? await loadTrustList(trustRow.bytes, roots) : 'trust-list-bad';
  const held = new Map<string, StatusList>();
  const etags = new Map<string, string | undefined>();
  if (trustRow && typeof trust !== 'string') etags.set(TRUST_ID, trustRow.etag);
  let someFailed = false;
  for (const row of rows) {
    if (typeof trust === 'string' || !isNamed(trust, row.id)) continue;
    const list = await loadStatusList(row.bytes, trust);
    if (list === 'status-bad') someFailed = true;
    else {
      held.set(list.uri, list);
      etags.set(list.uri, row.etag);
    }
  }
  return { trust, statusLists: { held, someFailed }, etags, empty: trustRow === undefined };
}

/** Asks for what is new. A list that cannot be had keeps none of the others from being refreshed. */
export async function refreshLists(held: HeldLists, source: ListSource): Promise<Refreshed> {
  const heldTrust = typeof held.trust === 'string' ? undefined : held.trust;
  const [trustOutcome] = await Promise.allSettled([refreshTrustList(held, heldTrust, source)]);
  const freshTrust = trustOutcome.status === 'fulfilled' ? trustOutcome.value : undefined;
  const trust = freshTrust ?? heldTrust;
  const outcomes = await Promise.allSettled(
    trust?.lists.map((entry) => refreshStatusList(held, trust, entry, source)) ?? [],
  );
  const failed = [trustOutcome, ...outcomes].find((outcome) => outcome.status === 'rejected');
  return {
    changed: freshTrust !== undefined || outcomes.some((outcome) => outcome.status === 'fulfilled' && outcome.value),
    ...(failed && { failure: failed.reason }),
  };
}

async function refreshTrustList(
  held: HeldLists,
  heldTrust: TrustList | undefined,
  source: ListSource,
): Promise<TrustList | undefined> {
  const { roots, storage } = source;
  const fresh = await downloadList(source, TRUST_ID, source.trustListPath, heldTrust && held.etags.get(TRUST_ID));
  if (!fresh) return undefined;
  const trust = await loadTrustList(fresh.bytes, roots, heldTrust?.seq);
  if (typeof trust === 'string') throw new Error(trust);
  await storage.put(fresh);
  for (const { id } of await storage.all()) if (id !== TRUST_ID && !isNamed(trust, id)) await storage.delete(id);
  return trust;
}

/** Says whether there was a newer one. */
async function refreshStatusList(
  held: HeldLists,
  trust: TrustList,
  { uri, path }: TrustList['lists'][number],
  source: ListSource,
): Promise<boolean> {
  const fresh = await downloadList(source, uri, path, held.etags.get(uri));
  if (!fresh) return false;
  const heldIatSeconds = held.statusLists.held.get(uri)?.iatSeconds;
  const loaded = await loadStatusList(fresh.bytes, trust, { nowSeconds: source.nowSeconds(), heldIatSeconds });
  if (loaded === 'status-bad' || loaded.uri !== uri) throw new Error(`status list ${uri} refused`);
  await source.storage.put(fresh);
  return true;
}

function isNamed(trust: TrustList, uri: string): boolean {
  return trust.lists.some((list) => list.uri === uri);
}

/** The list, or nothing where the one of this ETag is still the newest. */
async function downloadList(
  source: ListSource,
  id: string,
  path: string,
  etag: string | undefined,
): Promise<SignedList | undefined> {
  const fresh = await source.download(path, etag);
  return fresh && { id, ...fresh, fetchedAtSeconds: source.nowSeconds() };
}

/** The moments that the issuer signed: a verifier's clock is never before the newest of them. */
export function issuedAtSeconds({ trust, statusLists }: HeldLists): number[] {
  const statusMoments = [...statusLists.held.values()].map((list) => list.iatSeconds);
  return typeof trust === 'string' ? statusMoments : [trust.iatSeconds, ...statusMoments];
}
