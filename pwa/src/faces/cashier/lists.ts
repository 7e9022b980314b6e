// The signed lists as this till holds them: kept in the database, refreshed by ETag.
import { reach } from '../../api/client';
import { problemFrom } from '../../api/problem';
import { fromHex, type Bytes } from '../../core/card/bytes';
import {
  TRUST_LIST_PATH,
  issuedAtSeconds,
  readLists,
  refreshLists as refresh,
  type HeldLists,
  type ListSource,
  type ListStorage,
  type Refreshed,
} from '../../core/card/lists';
import { within } from '../../core/within';
import { inStore, readMeta, writeMeta } from '../../db/open';
import { seen, tillNowSeconds } from './time';

export type { HeldLists };

const PINS_KEY = 'pins';
const TRUST_SEQ_KEY = 'trust-seq';

interface Shell {
  roots: string[];
}

const PINS_WITHIN_MILLIS = 5_000;

let pins: Bytes[] | null = null;

/** The pins come with the app shell, once a page; the copy in the database is for a browser without a service worker. */
async function readPins(): Promise<Bytes[]> {
  if (pins) return pins;
  const fetched = await within(PINS_WITHIN_MILLIS, 'shell.json', fetchShell()).catch(() => undefined);
  if (fetched) await writeMeta(PINS_KEY, fetched.roots);
  const roots = (fetched?.roots ?? (await readMeta<string[]>(PINS_KEY)) ?? []).map(fromHex);
  if (fetched) pins = roots;
  return roots;
}

/** Whatever else answers, as the sign-in page of a network, names no roots. */
async function fetchShell(): Promise<Shell | undefined> {
  const response = await fetch('/shell.json');
  const shell = response.ok ? ((await response.json()) as Partial<Shell>) : {};
  return Array.isArray(shell.roots) ? { roots: shell.roots } : undefined;
}

const storage: ListStorage = {
  all: () => inStore((db) => db.getAll('lists')),
  put: async (list) => void (await inStore((db) => db.put('lists', list))),
  delete: (id) => inStore((db) => db.delete('lists', id)),
};

export async function readHeldLists(): Promise<HeldLists> {
  const held = await readLists({ roots: await readPins(), storage });
  for (const moment of issuedAtSeconds(held)) await seen(moment);
  return { ...held, trust: await withoutRollback(held.trust) };
}

/** Also a list that was put back into the database from an older copy is refused. */
async function withoutRollback(trust: HeldLists['trust']): Promise<HeldLists['trust']> {
  if (typeof trust === 'string') return trust;
  const newestSeq = (await readMeta<number>(TRUST_SEQ_KEY)) ?? 0;
  if (trust.seq < newestSeq) return 'trust-list-rollback';
  if (trust.seq > newestSeq) await writeMeta(TRUST_SEQ_KEY, trust.seq);
  return trust;
}

/** Asks for what is new. A failure is an ApiProblem where the server was not reached. */
export async function refreshLists(held: HeldLists): Promise<Refreshed> {
  const roots = await readPins();
  return refresh(held, { roots, storage, trustListPath: TRUST_LIST_PATH, download, nowSeconds: tillNowSeconds });
}

const download: ListSource['download'] = async (path, heldEtag) => {
  const headers: HeadersInit = heldEtag ? { 'If-None-Match': heldEtag } : {};
  const response = await reach(path, { headers, cache: 'no-store' });
  if (response.status === 304) return undefined;
  if (!response.ok) throw problemFrom(response.status, undefined);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const etag = response.headers.get('ETag');
  return { bytes, ...(etag ? { etag } : {}) };
};

/** When the oldest of the lists was made: what the cashier is told as their age. */
export function listsMadeAtSeconds({ statusLists }: HeldLists): number | null {
  const moments = [...statusLists.held.values()].map((list) => list.iatSeconds);
  return moments.length === 0 ? null : Math.min(...moments);
}
