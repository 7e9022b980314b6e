/** Sends the outbox, in order, until it is empty or the server wants a pause. */
import { learnServerTime } from '../core/clock';
import { ApiProblem } from '../api/problem';
import type { OutboxRow, SyncFace } from '../db/schema';
import { CAUSED_BY_A_ROW, readQueued, readUnread, settle } from './outbox';
import { PUSH_AT_MOST, sendPush, type PushAnswer } from './wire';

/** What the server could not read is sent again when the page is opened, and then so often: a newer server is not announced. */
const UNREAD_AGAIN_MILLIS = 10 * 60_000;

const unreadSentMillis = new Map<SyncFace, number>();

interface Pushing {
  face: SyncFace;
  /** Told at once: what was settled stays settled when a later request fails. */
  onSettled: () => void;
}

export async function pushOutbox(face: SyncFace, onSettled: () => void): Promise<void> {
  const pushing = { face, onSettled };
  const unread = await unreadToSend(face);
  await pushQueued(pushing);
  let settled = 0;
  for (let from = 0; from < unread.length; from += PUSH_AT_MOST) {
    settled += await pushRows(pushing, unread.slice(from, from + PUSH_AT_MOST));
  }
  // What waited with them.
  if (settled > 0) await pushQueued(pushing);
}

async function pushQueued(pushing: Pushing): Promise<void> {
  let rows;
  do rows = await readQueued(pushing.face, PUSH_AT_MOST);
  while (rows.length > 0 && (await pushRows(pushing, rows)) > 0);
}

async function unreadToSend(face: SyncFace): Promise<OutboxRow[]> {
  const atMillis = performance.now();
  const sentMillis = unreadSentMillis.get(face);
  if (sentMillis !== undefined && atMillis - sentMillis < UNREAD_AGAIN_MILLIS) return [];
  const rows = await readUnread(face);
  unreadSentMillis.set(face, atMillis);
  return rows;
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
