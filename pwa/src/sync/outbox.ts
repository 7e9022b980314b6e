/**
 * What was done on this device and has to reach the server. A row leaves only by `forget`, which a
 * face calls for what a person has settled: never because a session ended, a schema changed, the
 * server asked to start over, or a row was refused.
 */
import type { IDBPTransaction } from 'idb';
import type { ProblemCode, RowCode } from '../api/codes';
import { inStore, inStoreToTheEnd, type Db } from '../db/open';
import type { MutationState, OutboxRow, ProfCardsDb, SyncFace } from '../db/schema';
import { nowSeconds } from '../core/clock';
import { nextOpNo, raiseOpNo } from './opNumbers';
import type { MutationAnswer } from './wire';

export interface Mutation {
  name: string;
  args: unknown;
  /** The id, given where the caller must know it before, as for a receipt. */
  id?: string;
  atSeconds?: number;
  /** Whether somebody waits for the answer: what is not understood now is then of no use later. */
  atOnce?: boolean;
  /** Writes that stand or fall with the row; what it returns is added to the args. Awaits nothing but the database. */
  alongside?: (tx: OutboxTransaction) => Promise<Record<string, unknown>>;
}

/** What an operation writes besides its row. */
export const OUTBOX_STORES = ['outbox', 'meta', 'proofs'] as const;

export type OutboxTransaction = IDBPTransaction<ProfCardsDb, typeof OUTBOX_STORES, 'readwrite'>;

/** The row and its place in the order are committed together. */
export function addToOutbox(face: SyncFace, mutation: Mutation): Promise<OutboxRow> {
  return inStoreToTheEnd((db) => add(db, face, mutation));
}

async function add(db: Db, face: SyncFace, mutation: Mutation): Promise<OutboxRow> {
  // On the disk before it counts: what a cashier was told is kept must outlive a power cut.
  const tx = db.transaction(OUTBOX_STORES, 'readwrite', { durability: 'strict' });
  const seqKey = `seq:${face}`;
  const last = ((await tx.objectStore('meta').get(seqKey))?.value as number | undefined) ?? 0;
  const row: OutboxRow = {
    id: mutation.id ?? crypto.randomUUID(),
    face,
    seq: last + 1,
    name: mutation.name,
    args: mutation.alongside
      ? { ...(mutation.args as object), ...(await orAbort(tx, mutation.alongside)) }
      : mutation.args,
    atSeconds: mutation.atSeconds ?? nowSeconds(),
    state: 'queued',
    attempts: 0,
    ...(mutation.atOnce ? { atOnce: true } : {}),
  };
  await Promise.all([
    tx.objectStore('outbox').add(row),
    tx.objectStore('meta').put({ key: seqKey, value: row.seq }),
    tx.done,
  ]);
  return row;
}

/** A transaction commits what was written before an exception unless it is told otherwise. */
async function orAbort<T>(tx: OutboxTransaction, work: (tx: OutboxTransaction) => Promise<T>): Promise<T> {
  try {
    return await work(tx);
  } catch (cause) {
    const ended = tx.done.catch(() => undefined);
    // A failed request may have aborted it already.
    if (tx.error === null) tx.abort();
    await ended;
    throw cause;
  }
}

/** Everything of the face, in the order in which it was done. */
export function readOutbox(face: SyncFace): Promise<OutboxRow[]> {
  const range = IDBKeyRange.bound([face, 0], [face, Number.MAX_SAFE_INTEGER]);
  return inStore((db) => db.getAllFromIndex('outbox', 'order', range));
}

/** What can be sent now: what takes back a row that the server could not read waits with it. */
export async function readQueued(face: SyncFace, atMost: number): Promise<OutboxRow[]> {
  const unread = new Set((await readUnread(face)).map(({ id }) => id));
  return (await readState(face, 'queued')).filter((row) => !unread.has(takenBackBy(row) ?? '')).slice(0, atMost);
}

/** What the server could not read, in the order in which it was done. A newer server may. */
export async function readUnread(face: SyncFace): Promise<OutboxRow[]> {
  return (await readState(face, 'rejected')).filter(isUnread);
}

async function readState(face: SyncFace, state: MutationState): Promise<OutboxRow[]> {
  const rows = await inStore((db) => db.getAllFromIndex('outbox', 'state', [face, state]));
  return rows.sort((a, b) => a.seq - b.seq);
}

/** What has not reached the server for good: to be sent, not understood, refused. */
export async function countOutbox(face: SyncFace): Promise<{ queued: number; unread: number; rejected: number }> {
  const count = (state: MutationState) => inStore((db) => db.countFromIndex('outbox', 'state', [face, state]));
  const [queued, refused] = await Promise.all([count('queued'), count('rejected')]);
  const unread = refused === 0 ? 0 : (await readUnread(face)).length;
  return { queued, unread, rejected: refused - unread };
}

/** Refusals of a whole request that one bad row can cause. */
export const CAUSED_BY_A_ROW: readonly ProblemCode[] = [
  'malformed-request',
  'invalid-input',
  'too-large',
] satisfies RowCode[];

/** The server does not know what it is: it may be older than this app. Its answer is not kept there, so it may answer otherwise later. */
const NOT_UNDERSTOOD: readonly (ProblemCode | undefined)[] = ['unknown-mutation', 'malformed-args', ...CAUSED_BY_A_ROW];

/** Whether it waits for a server that understands it; all other refusals are final. */
export function isUnread({ state, code, atOnce }: Pick<OutboxRow, 'state' | 'code' | 'atOnce'>): boolean {
  return state === 'rejected' && !atOnce && NOT_UNDERSTOOD.includes(code);
}

function takenBackBy({ args }: OutboxRow): string | undefined {
  return (args as { mutationId?: string } | null)?.mutationId;
}

/**
 * Writes the server's answers down, all or none; returns of how many rows there is news. `lastOpNo` is the newest number of the till's
 * operations that the server knows.
 */
export function settle(answers: readonly MutationAnswer[], lastOpNo?: number): Promise<number> {
  return inStore(async (db) => {
    const tx = db.transaction(OUTBOX_STORES, 'readwrite');
    if (lastOpNo !== undefined) await raiseOpNo(tx, lastOpNo);
    const outbox = tx.objectStore('outbox');
    let settled = 0;
    for (const answer of answers) {
      const row = await outbox.get(answer.id);
      // Another tab may have settled it, or it was never ours: an answer makes no row.
      if (!row || !isOpen(row)) continue;
      const next = await answeredIn(tx, row, answer, lastOpNo);
      const isDecided = next.state !== 'queued' && !(isUnread(row) && isUnread(next));
      if (isDecided || next.args !== row.args) settled += 1;
      await outbox.put(next);
    }
    await tx.done;
    return settled;
  });
}

function isOpen(row: OutboxRow): boolean {
  return row.state === 'queued' || isUnread(row);
}

/** What becomes of a row by its answer: what takes back a row that the server could not read waits with it. */
async function answeredIn(
  tx: OutboxTransaction,
  row: OutboxRow,
  answer: MutationAnswer,
  lastOpNo?: number,
): Promise<OutboxRow> {
  const takenBack = takenBackBy(row);
  const waitsWith = takenBack === undefined ? undefined : await tx.objectStore('outbox').get(takenBack);
  if (waitsWith && isUnread(waitsWith)) return row;
  return needsNewNumber(row, answer, lastOpNo) ? renumbered(tx, row) : answered(row, answer);
}

/**
 * Whether an operation was refused for its number alone, by a server that keeps no such refusal: another till of this installation's
 * past has used it. Not where digits were drawn for the number.
 */
function needsNewNumber(row: OutboxRow, answer: MutationAnswer, lastOpNo = 0): boolean {
  const args = row.args as { opNo?: number; redeemKopecks?: number };
  return (
    answer.status === 'rejected' &&
    answer.code === 'op-number-reused' &&
    !args.redeemKopecks &&
    lastOpNo >= (args.opNo ?? Infinity)
  );
}

async function renumbered(tx: OutboxTransaction, row: OutboxRow): Promise<OutboxRow> {
  return { ...row, attempts: row.attempts + 1, args: { ...(row.args as object), opNo: await nextOpNo(tx) } };
}

function answered(row: OutboxRow, answer: MutationAnswer): OutboxRow {
  const { code: _code, detail: _detail, ...rest } = row;
  const attempts = row.attempts + 1;
  if (answer.status === 'retry') return { ...rest, attempts, state: 'queued' };
  // A refusal that is heard a second time is still a refusal.
  const isRefused = answer.status === 'rejected' || (answer.status === 'duplicate' && answer.code);
  if (isRefused) {
    const refused: OutboxRow = { ...rest, attempts, state: 'rejected', code: answer.code ?? 'internal' };
    return answer.detail ? { ...refused, detail: answer.detail } : refused;
  }
  return { ...rest, attempts, state: 'applied', result: answer.result };
}

/** Puts a refused row back in its place in the queue. */
export function requeue(id: string): Promise<void> {
  return inStore(async (db) => {
    const tx = db.transaction('outbox', 'readwrite');
    const row = await tx.store.get(id);
    if (row?.state === 'rejected') {
      const { code: _code, detail: _detail, ...rest } = row;
      await tx.store.put({ ...rest, state: 'queued' });
    }
    await tx.done;
  });
}

/** Removes what is settled and seen. What is still queued stays, whatever the caller believes. */
export function forget(ids: readonly string[]): Promise<void> {
  return inStore(async (db) => {
    const tx = db.transaction('outbox', 'readwrite');
    for (const id of ids) {
      const row = await tx.store.get(id);
      if (row && row.state !== 'queued') await tx.store.delete(id);
    }
    await tx.done;
  });
}
