import 'fake-indexeddb/auto';
import { readFileSync } from 'node:fs';
import { beforeEach, expect, test, vi } from 'vitest';
import { fromHex } from '../../core/card/bytes';
import { loadStatusList } from '../../core/card/status';
import { loadTrustList } from '../../core/card/trust';
import { database } from '../../db/open';
import { addToOutbox, readOutbox, type OutboxTransaction } from '../../sync/outbox';
import { forgetOldProofs, judge } from './judge';
import type { HeldLists } from './lists';
import {
  cancelPurchase,
  catchUpOpNo,
  comingOpNo,
  continueOpNo,
  DigitsUsed,
  operationsOf,
  receiptNumber,
  recordPurchase,
  setOutlet,
  shiftOf,
  type PulledPurchase,
} from './purchases';
import { tillNowSeconds } from './time';

interface Vector {
  name: string;
  token: string;
  now: number;
  roots: string[];
  trustList: string;
  statusLists: string[];
}

const readVectors = (file: string): Vector[] =>
  JSON.parse(readFileSync(new URL(`../../../../crates/card/vectors/${file}`, import.meta.url), 'utf8'));

const { token, now, roots, trustList, statusLists } = readVectors('00-accepted.json')[0]!;

async function lists(): Promise<HeldLists> {
  const trust = await loadTrustList(fromHex(trustList), roots.map(fromHex));
  if (typeof trust === 'string') throw new Error(trust);
  const list = await loadStatusList(fromHex(statusLists[0]!), trust);
  if (list === 'status-bad') throw new Error(list);
  return {
    trust,
    statusLists: { held: new Map([[list.uri, list]]), someFailed: false },
    etags: new Map(),
    empty: false,
  };
}

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: now * 1000 });
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('no network in this test')));
  const db = await database();
  await Promise.all((['outbox', 'meta', 'proofs'] as const).map((store) => db.clear(store)));
});

/** The vector's card, shown with this proof. */
const shown = (proofId: string | null = null) => ({ token, proofId, verdictAtSeconds: now });

const opNos = async () => (await readOutbox('till')).map((row) => (row.args as { opNo: number }).opNo);

test('operations are numbered without a gap, on from what the server knew', async () => {
  await continueOpNo(41);
  const first = await recordPurchase(shown('aa'), 145_000);
  await Promise.all([recordPurchase(shown('bb'), 100), cancelPurchase(first.id), recordPurchase(shown(), 200)]);
  expect(await opNos()).toEqual([42, 43, 44, 45]);
  await continueOpNo(42);
  await recordPurchase(shown(), 300);
  expect((await opNos()).at(-1)).toBe(46);
  await continueOpNo(60);
  expect(await comingOpNo()).toBe(61);
});

test('what was put back to an earlier state goes on from the newest number that the server knows', async () => {
  await continueOpNo(5);
  await catchUpOpNo(20);
  await recordPurchase(shown(), 100);
  await catchUpOpNo(20);
  await recordPurchase(shown(), 200);
  expect(await opNos()).toEqual([21, 22]);
});

test('what an older server could not read is a purchase that stands, unless the customer waited for it to be redeemed', async () => {
  await continueOpNo(0);
  const rows = [
    await recordPurchase(shown(), 145_000),
    await recordPurchase(shown(), 200, { redeemKopecks: 100, opNo: 2 }),
  ];
  const refused = rows.map((row) => ({ ...row, state: 'rejected' as const, code: 'malformed-args' as const }));
  const operations = operationsOf(refused, []);
  expect(operations.map(({ opNo, state }) => [opNo, state])).toEqual([
    [2, 'rejected'],
    [1, 'unread'],
  ]);
  expect(shiftOf(operations, 0)).toEqual({ count: 1, totalKopecks: 145_000 });
});

test('a till that was moved is another till, with numbers of its own', async () => {
  await setOutlet('a11ce');
  await continueOpNo(700);
  await recordPurchase(shown(), 100);
  await setOutlet('b0b');
  await continueOpNo(0);
  await recordPurchase(shown(), 200);
  expect(await opNos()).toEqual([701, 1]);
  await setOutlet('a11ce');
  await continueOpNo(700);
  expect(await comingOpNo()).toBe(702);
});

test('a purchase says where it was made, also when the till is moved before it is sent', async () => {
  await setOutlet('a11ce');
  await recordPurchase(shown(), 100);
  await setOutlet('b0b');
  await recordPurchase(shown(), 200);
  expect((await readOutbox('till')).map((row) => (row.args as { outletId: string }).outletId)).toEqual([
    'a11ce',
    'b0b',
  ]);
});

test('digits serve the operation that they were shown for, and no other', async () => {
  await continueOpNo(6);
  const redemption = { redeemKopecks: 4_500, opNo: await comingOpNo() };
  const row = await recordPurchase(shown('dd'), 100_000, redemption);
  expect(row.args).toEqual({ token, amountKopecks: 100_000, redeemKopecks: 4_500, opNo: 7 });
  await expect(recordPurchase(shown('ee'), 100_000, redemption)).rejects.toThrow(DigitsUsed);
  const db = await database();
  expect([await opNos(), await comingOpNo(), await db.count('proofs')]).toEqual([[7], 8, 1]);
  expect(operationsOf(await readOutbox('till'), [])[0]).toMatchObject({ amountKopecks: 100_000, redeemKopecks: 4_500 });
});

test('a purchase by number carries the lookup in place of a token', async () => {
  const row = await recordPurchase({ lookupId: 'f0f0' }, 30_000);
  expect(row.args).toMatchObject({ lookupId: 'f0f0', amountKopecks: 30_000 });
  expect(row.args).not.toHaveProperty('token');
  expect(operationsOf([row], [])[0]).toMatchObject({ shownName: null, redeemKopecks: 0 });
});

test.each<[string, (tx: OutboxTransaction) => Promise<unknown>]>([
  ['the database', (tx) => tx.objectStore('proofs').add({ id: 'cc', atSeconds: now })],
  ['something else', () => Promise.reject(new Error('out of paper'))],
])('a row, its number and its proof are there together or not at all, when %s fails', async (_what, fail) => {
  await continueOpNo(7);
  const failing = addToOutbox('till', {
    name: 'purchase.record',
    args: {},
    alongside: async (tx) => {
      await tx.objectStore('meta').put({ key: 'till-op-no', value: 8 });
      await tx.objectStore('proofs').put({ id: 'cc', atSeconds: now });
      await fail(tx);
      return {};
    },
  });
  await expect(failing).rejects.toThrow();
  const db = await database();
  expect([await db.count('outbox'), await db.count('proofs'), (await db.get('meta', 'till-op-no'))?.value]).toEqual([
    0, 0, 7,
  ]);
});

test('a card of the future does not move the till’s clock', async () => {
  const future = readVectors('06-time.json').find(({ name }) => name === 'issued in an hour')!;
  expect((await judge(future.token, await lists())).verdict.code).toBe('not-yet-valid');
  expect(tillNowSeconds()).toBe(now);
});

test('a showing that was served is replayed from then on, until its day is over', async () => {
  const held = await lists();
  const { verdict } = await judge(token, held);
  expect(verdict.code).toBe('accepted');
  await recordPurchase(shown(verdict.proofId), 145_000);
  expect((await judge(token, held)).verdict.code).toBe('replayed');
  await forgetOldProofs();
  expect((await judge(token, held)).verdict.code).toBe('replayed');
  vi.setSystemTime((now + 25 * 3600) * 1000);
  await forgetOldProofs();
  expect(await (await database()).count('proofs')).toBe(0);
});

test('operations tell what waits, what settled and what was refused; the shift counts what stands', async () => {
  const kept = await recordPurchase(shown(), 1_000);
  const cancelled = await recordPurchase(shown(), 2_000);
  await cancelPurchase(cancelled.id);
  const refused = await recordPurchase(shown(), 4_000);
  const rows = (await readOutbox('till')).map((row) =>
    row.id === refused.id ? { ...row, state: 'rejected' as const, code: 'not-in-programme' as const } : row,
  );
  const pulled: PulledPurchase[] = [
    {
      id: 'p',
      mutationId: 'elsewhere',
      receipt: '9',
      amountKopecks: 8_000,
      accrualKopecks: 240,
      state: 'pending',
      eventAt: now - 60,
    },
  ];
  const operations = operationsOf(rows, pulled);
  expect(Object.fromEntries(operations.map(({ id, state }) => [id, state]))).toEqual({
    [kept.id]: 'queued',
    [cancelled.id]: 'cancelling',
    [refused.id]: 'rejected',
    elsewhere: 'pending',
  });
  expect(operations.find(({ id }) => id === kept.id)?.shownName).toBe('Иванова М. П.');
  expect(shiftOf(operations, now - 3600)).toEqual({ count: 2, totalKopecks: 9_000 });
  expect(shiftOf(operations, now - 30)).toEqual({ count: 1, totalKopecks: 1_000 });
});

test('a purchase that the programme looks at has been sold all the same', () => {
  const held: PulledPurchase = {
    id: 'p',
    mutationId: 'm',
    receipt: '9',
    amountKopecks: 8_000,
    accrualKopecks: 240,
    state: 'held',
    eventAt: 100,
  };
  const operations = operationsOf([], [held]);
  expect(operations.map(({ state }) => state)).toEqual(['held']);
  expect(shiftOf(operations, 50)).toEqual({ count: 1, totalKopecks: 8_000 });
});

test('the receipt bears the same number before and after the server has heard of it', () => {
  expect(receiptNumber({ receipt: null, opNo: 44 }, 12)).toBe('12-0044');
  expect(receiptNumber({ receipt: '7-0003', opNo: 44 }, 12)).toBe('7-0003');
});

test('a refused cancellation stands beside the purchase that it did not cancel', async () => {
  const record = await recordPurchase(shown(), 1_000);
  const cancel = await cancelPurchase(record.id);
  const rows = (await readOutbox('till')).map((row) =>
    row.id === cancel.id
      ? { ...row, state: 'rejected' as const, code: 'cancel-too-late' as const }
      : { ...row, state: 'applied' as const },
  );
  const operations = operationsOf(rows, []);
  expect(operations.map(({ kind, state, amountKopecks }) => [kind, state, amountKopecks]).sort()).toEqual([
    ['cancel', 'rejected', 1_000],
    ['purchase', 'pending', 1_000],
  ]);
});
