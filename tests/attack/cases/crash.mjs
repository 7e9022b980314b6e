// PostgreSQL is killed with kill -9 in the middle of purchases: what was acknowledged is there, and no till misses a change.
import assert from 'node:assert/strict';
import { check } from '../../e2e/lib/report.mjs';
import { makeInstance, until } from '../../e2e/lib/instance.mjs';
import { pairTillWithCard } from '../lib/till.mjs';

export const title = 'A database that crashes';

const WORKERS = 4;
const BEFORE = 40;
const AFTER = 5;
const AMOUNT_KOPECKS = 100_00;
/** A till may push 300 times a minute. */
const MOST_OF_WORKER = 50;
/** As many as one push may hold. */
const BATCH = 100;
const TRACELESS = 'begin; select pg_current_xact_id(); rollback;'.repeat(20);

export async function attack({ isLong }) {
  const instance = await makeInstance();
  try {
    await instance.start();
    const { till, card } = await pairTillWithCard(instance);
    const purchase = () => till.purchase({ token: card, amountKopecks: AMOUNT_KOPECKS });
    for (let round = 1; round <= (isLong ? 6 : 2); round += 1) {
      await check(`crash ${round}: nothing acknowledged is lost, and a cursor of before misses nothing`, () =>
        crash(instance, till, purchase),
      );
    }
    await instance.stop();
  } finally {
    await instance.remove();
  }
}

async function crash(instance, till, purchase) {
  const acknowledged = new Set();
  let goesOn = true;
  const workers = Array.from({ length: WORKERS }, async () => {
    for (let n = 0; goesOn && n < MOST_OF_WORKER; n += 1) {
      const mutation = purchase();
      if ((await till.tryPush(mutation))[0] === 'applied') acknowledged.add(mutation);
    }
  });
  await until('purchases are booked', 20_000, () => acknowledged.size >= BEFORE);
  await instance.sql(TRACELESS);
  const before = await till.pull();
  await killDatabase(instance);
  goesOn = false;
  await Promise.all(workers);
  await instance.stop();
  await instance.start();
  for (let n = 0; n < AFTER; n += 1) assert.deepEqual(await till.tryPush(purchase()), ['applied']);
  const again = [...acknowledged];
  for (let from = 0; from < again.length; from += BATCH) {
    const statuses = new Set(await till.tryPush(...again.slice(from, from + BATCH)));
    assert.deepEqual([...statuses], ['duplicate'], 'what was acknowledged is not there');
  }
  const all = (await till.pull()).purchases;
  const seen = new Set([...before.purchases, ...(await till.pull(before.cursor)).purchases]);
  assert.deepEqual(
    [...all].filter((id) => !seen.has(id)),
    [],
    'changes that a till would never have heard of',
  );
  await instance.run('ledger', 'audit');
}

/** All of its processes at once: none may write anything down for another. */
async function killDatabase(instance) {
  const servers = await instance.databaseProcesses();
  assert.ok(servers.length > 1);
  for (const pid of servers) process.kill(pid, 'SIGKILL');
  await until('the database is gone', 10_000, async () => (await instance.databaseProcesses()).length === 0);
}
