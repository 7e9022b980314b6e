/** Brings the server's rows into the phone's database; rows and cursor are committed together. */
import { ApiProblem } from '../api/problem';
import { inStore, readMeta } from '../db/open';
import type { SyncFace } from '../db/schema';
import { KNOWN_ENTITIES, sendPull, type PullAnswer } from './wire';

/** A bound on what one visit fetches; the next visit goes on from the cursor. */
const PAGES_AT_MOST = 200;

const cursorKey = (face: SyncFace) => `cursor:${face}`;
/** The storage key of the kinds that the app knew when it stored the cursor. */
const knownKey = (face: SyncFace) => `cursor-known:${face}`;

/** Tells of every page that brought something as soon as it is kept; true while the server still works on what this device sent. */
export async function pullChanges(face: SyncFace, onKept: () => void): Promise<boolean> {
  const [cursor, known] = await Promise.all([readMeta<string>(cursorKey(face)), readMeta<string>(knownKey(face))]);
  // What an earlier version of the app did not know lies behind its cursor.
  if (cursor === undefined || known !== KNOWN_ENTITIES) return pullAnew(face, onKept);
  try {
    return await pullOnwards(face, cursor, onKept);
  } catch (cause) {
    const forgotten = cause instanceof ApiProblem && cause.code === 'sync-start-over';
    if (!forgotten) throw cause;
    return pullAnew(face, onKept);
  }
}

async function pullOnwards(face: SyncFace, cursor: string, onKept: () => void): Promise<boolean> {
  let from = cursor;
  for (let page = 0; page < PAGES_AT_MOST; page += 1) {
    const answer = await sendPull(face, from);
    await keep(face, [answer], false);
    if (answer.upserts.length + answer.tombstones.length > 0) onKept();
    if (!answer.more) return answer.pending;
    from = answer.cursor;
  }
  return true;
}

/** What is shown stays until everything new is here, then all of it is exchanged at once. */
async function pullAnew(face: SyncFace, onKept: () => void): Promise<boolean> {
  const pages: PullAnswer[] = [];
  for (;;) {
    const answer = await sendPull(face, pages.at(-1)?.cursor);
    pages.push(answer);
    if (!answer.more) break;
    if (pages.length >= PAGES_AT_MOST) {
      throw new ApiProblem({ code: 'unavailable', status: 200, detail: 'pull does not end' });
    }
  }
  await keep(face, pages, true);
  onKept();
  return pages.at(-1)?.pending ?? false;
}

function keep(face: SyncFace, pages: readonly PullAnswer[], anew: boolean): Promise<void> {
  return inStore(async (db) => {
    const tx = db.transaction(['entities', 'meta'], 'readwrite');
    const entities = tx.objectStore('entities');
    if (anew) {
      await entities.delete(IDBKeyRange.bound([face], [face, []]));
      await tx.objectStore('meta').put({ key: knownKey(face), value: KNOWN_ENTITIES });
    }
    for (const { upserts, tombstones, cursor } of pages) {
      for (const { entity, id, data } of upserts) await entities.put({ face, entity, id, data });
      for (const { entity, id } of tombstones) await entities.delete([face, entity, id]);
      await tx.objectStore('meta').put({ key: cursorKey(face), value: cursor });
    }
    await tx.done;
  });
}

/** For signing out or pairing anew: what was pulled goes, the outbox is not touched. */
export function forgetPulled(face: SyncFace): Promise<void> {
  return inStore(async (db) => {
    const tx = db.transaction(['entities', 'meta'], 'readwrite');
    await tx.objectStore('entities').delete(IDBKeyRange.bound([face], [face, []]));
    await tx.objectStore('meta').delete(cursorKey(face));
    await tx.done;
  });
}
