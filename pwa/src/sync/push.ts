/** Sends the outbox, in order, until it is empty or the server wants a pause. */
import { learnServerTime } from '../core/clock';
import { ApiProblem } from '../api/problem';
import type { OutboxRow, SyncFace } from '../db/schema';
import { readQueued, settle } from './outbox';
import { PUSH_AT_MOST, sendPush, type PushAnswer } from './wire';

/** Refusals of a whole request that one bad row can cause. */
const CAUSED_BY_A_ROW = new Set(['malformed-request', 'invalid-input', 'too-large']);

export interface PushOutcome {
  /** Rows that left the queue. */
  settled: number;
  /** The server's word on whose clock is off, as of this push. */
  clock?: PushAnswer['clock'];
}

export async function pushOutbox(face: SyncFace): Promise<PushOutcome> {
  const outcome: PushOutcome = { settled: 0 };
  for (;;) {
    const rows = await readQueued(face, PUSH_AT_MOST);
    if (rows.length === 0) return outcome;
    const settled = await pushRows(face, rows, outcome);
    outcome.settled += settled;
    if (settled === 0) return outcome;
  }
}

/** A request refused for one row's sake is halved until that row stands alone; the rest go through. */
async function pushRows(
  face: SyncFace,
  rows: readonly OutboxRow[],
  outcome: PushOutcome,
): Promise<number> {
  try {
    return await pushOnce(face, rows, outcome);
  } catch (cause) {
    if (!(cause instanceof ApiProblem) || !CAUSED_BY_A_ROW.has(cause.code)) throw cause;
    const [only] = rows;
    if (rows.length === 1 && only) {
      return settle([{ id: only.id, status: 'rejected', code: cause.code, detail: cause.detail }]);
    }
    const middle = Math.ceil(rows.length / 2);
    const first = await pushRows(face, rows.slice(0, middle), outcome);
    return first + (await pushRows(face, rows.slice(middle), outcome));
  }
}

async function pushOnce(
  face: SyncFace,
  rows: readonly OutboxRow[],
  outcome: PushOutcome,
): Promise<number> {
  const askedAtMillis = Date.now();
  const answer = await sendPush(face, rows, Math.floor(askedAtMillis / 1000));
  const heardAtMillis = Date.now();
  const settled = await settle(answer.answers);
  outcome.clock = answer.clock;
  // Whole seconds were cut off somewhere within the second: half of one is the best guess.
  await learnServerTime(answer.serverTime * 1000 + 500, askedAtMillis, heardAtMillis);
  return settled;
}
