/** Opens the database once per page and tells whoever else has it open to let a newer one in. */
import { openDB, type IDBPDatabase } from 'idb';
import { TookTooLong, within } from '../core/within';
import { DATABASE_NAME, DATABASE_VERSION, type ProfCardsDb } from './schema';

export type Db = IDBPDatabase<ProfCardsDb>;

/** Far more than a slow phone needs. Some browsers never answer, as where a frozen tab keeps an older version open. */
export const ANSWERS_WITHIN_MILLIS = 5_000;

/** WebKit sometimes forgets an opening that came right after two quick page loads; another one it answers. */
const ASKED_AGAIN_AFTER_MILLIS = 2_000;

let opened: Promise<Db> | undefined;

export function database(): Promise<Db> {
  opened ??= open();
  return opened;
}

function open(): Promise<Db> {
  const forget = () => {
    if (opened === answered) opened = undefined;
  };
  const answered = firstAnswer(() => openOnce(forget));
  answered.catch(forget);
  return answered;
}

/** Opens the database, and tries once more where no answer comes: the first answer counts. */
function firstAnswer(ask: () => Promise<Db>): Promise<Db> {
  return new Promise((done, fail) => {
    let isOver = false;
    const end = (): void => {
      isOver = true;
      clearTimeout(again);
      clearTimeout(givenUp);
    };
    const failed = (cause: unknown): void => {
      end();
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as it was answered
      fail(cause);
    };
    const listen = (opening: Promise<Db>): void => {
      opening.then((db) => {
        // What comes after that serves nobody, and would stand in the way of a newer version.
        if (isOver) return db.close();
        end();
        done(db);
      }, failed);
    };
    const again = setTimeout(() => listen(ask()), ASKED_AGAIN_AFTER_MILLIS);
    const givenUp = setTimeout(() => failed(new TookTooLong('indexedDB.open')), ANSWERS_WITHIN_MILLIS);
    listen(ask());
  });
}

/** Async, since some browsers throw at once instead of refusing. */
async function openOnce(forget: () => void): Promise<Db> {
  return openDB<ProfCardsDb>(DATABASE_NAME, DATABASE_VERSION, {
    upgrade(db, from) {
      if (from < 1) createFirst(db);
    },
    blocking(_current, _blocked, event) {
      (event.target as IDBDatabase).close();
      forget();
    },
    terminated: forget,
  });
}

/**
 * Every access but a purchase's. A store may fall silent in the midst of things, as on a phone that the system put to sleep: what
 * it does not answer in time is given up, and the next access opens it anew.
 */
export function inStore<T>(work: (db: Db) => Promise<T>): Promise<T> {
  return inStoreToTheEnd((db) => within(ANSWERS_WITHIN_MILLIS, 'the store', work(db)));
}

/** However long it takes: a purchase that is told as failed and is kept after all would be booked twice. */
export async function inStoreToTheEnd<T>(work: (db: Db) => Promise<T>): Promise<T> {
  const handle = database();
  const db = await handle;
  try {
    return await work(db);
  } catch (cause) {
    if (isHandleLost(cause) && opened === handle) opened = undefined;
    // What it has begun comes to its end.
    if (isHandleLost(cause)) db.close();
    throw cause;
  }
}

/** Closed by the system, or its process gone: as WebKit tells it after a sleep, if it tells it. */
function isHandleLost(cause: unknown): boolean {
  return (
    cause instanceof TookTooLong ||
    (cause instanceof DOMException && ['InvalidStateError', 'UnknownError'].includes(cause.name))
  );
}

function createFirst(db: Db): void {
  db.createObjectStore('keys', { keyPath: 'id' });
  db.createObjectStore('cards', { keyPath: 'id' });
  const entities = db.createObjectStore('entities', { keyPath: ['face', 'entity', 'id'] });
  entities.createIndex('kind', ['face', 'entity']);
  const outbox = db.createObjectStore('outbox', { keyPath: 'id' });
  outbox.createIndex('state', ['face', 'state']);
  outbox.createIndex('order', ['face', 'seq']);
  db.createObjectStore('lists', { keyPath: 'id' });
  const proofs = db.createObjectStore('proofs', { keyPath: 'id' });
  proofs.createIndex('at', 'atSeconds');
  db.createObjectStore('meta', { keyPath: 'key' });
}

export async function readMeta<T>(key: string): Promise<T | undefined> {
  const row = await inStore((db) => db.get('meta', key));
  return row?.value as T | undefined;
}

export async function writeMeta(key: string, value: unknown): Promise<void> {
  await inStore((db) => db.put('meta', { key, value }));
}

/** Asks the browser not to evict us; a refusal is normal and changes nothing. */
export async function askToPersist(): Promise<boolean> {
  const asked = navigator.storage?.persist?.();
  return asked !== undefined ? within(ANSWERS_WITHIN_MILLIS, 'storage.persist', asked).catch(() => false) : false;
}
