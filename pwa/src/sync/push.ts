/** Sends the outbox, in order, until it is empty or the server wants a pause. */
import { learnServerTime } from '../core/clock';
import { ApiProblem } from '../api/problem';
import type { OutboxRow, SyncFace } from '../db/schema';
import { readQueued, settle } from './outbox';
import { PUSH_AT_MOST, sendPush, type PushAnswer } from './wire';

/** Refusals of a whole request that one bad row can cause. */
export const CAUSED_BY_A_ROW = ['malformed-request', 'invalid-input', 'too-large'];

interface Pushing {
  face: SyncFace;
  /** Told at once: what was settled stays settled when a later request fails. */
  onSettled: () => void;
}

export async function pushOutbox(face: SyncFace, onSettled: () => void): Promise<void> {
  let rows;
  do rows = await readQueued(face, PUSH_AT_MOST);
  while (rows.length > 0 && (await pushRows({ face, onSettled }, rows)) > 0);
}

/** A request refused for one row's sake is halved until that row stands alone; the rest go through. */
async function pushRows(pushing: Pushing, rows: readonly OutboxRow[]): Promise<number> {
  try {
    return await pushOnce(pushing, rows);
  } catch (cause) {
    if (!(cause instanceof ApiProblem) || !CAUSED_BY_A_ROW.includes(cause.code)) throw cause;
    const [only] = rows;
    if (rows.length === 1 && only) {
      // Where a request without any row is refused as well, no row is to blame for it, and this throws.
      await pushOnce(pushing, []);
      return settleRows(pushing, [{ id: only.id, status: 'rejected', code: cause.code, detail: cause.detail }]);
    }
    const middle = Math.ceil(rows.length / 2);
    const first = await pushRows(pushing, rows.slice(0, middle));
    return first + (await pushRows(pushing, rows.slice(middle)));
  }
}

async function pushOnce(pushing: Pushing, rows: readonly OutboxRow[]): Promise<number> {
  const askedAtMillis = Date.now();
  const answer = await sendPush(pushing.face, rows, Math.floor(askedAtMillis / 1000));
  const heardAtMillis = Date.now();
  const settled = await settleRows(pushing, answer.answers, answer.lastOpNo ?? undefined);
  // Whole seconds were cut off somewhere within the second: half of one is the best guess.
  await learnServerTime(answer.serverTime * 1000 + 500, askedAtMillis, heardAtMillis);
  return settled;
}

async function settleRows({ onSettled }: Pushing, answers: PushAnswer['answers'], lastOpNo?: number): Promise<number> {
  const settled = await settle(answers, lastOpNo);
  if (settled > 0) onSettled();
  return settled;
}
