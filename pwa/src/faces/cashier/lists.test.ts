import 'fake-indexeddb/auto';
import { readFileSync } from 'node:fs';
import { beforeEach, expect, test, vi } from 'vitest';
import { fromHex } from '../../core/card/bytes';
import { database, readMeta, writeMeta } from '../../db/open';
import { readHeldLists } from './lists';

const [vector] = JSON.parse(
  readFileSync(new URL('../../../../crates/card/vectors/00-accepted.json', import.meta.url), 'utf8'),
) as { roots: string[]; trustList: string }[];
const { roots, trustList } = vector!;

beforeEach(async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('no network in this test')));
  const db = await database();
  await Promise.all((['lists', 'meta'] as const).map((store) => db.clear(store)));
  await writeMeta('pins', roots);
  await db.put('lists', { id: 'trust', bytes: fromHex(trustList), fetchedAtSeconds: 0 });
});

test('a trust list that was put back from an older copy is refused at the next opening', async () => {
  const { trust } = await readHeldLists();
  if (typeof trust === 'string') throw new Error(trust);
  expect(await readMeta('trust-seq')).toBe(trust.seq);
  await writeMeta('trust-seq', trust.seq + 1);
  expect((await readHeldLists()).trust).toBe('trust-list-rollback');
});
