// Slow searches by the dozen, and a second server that is frozen in the middle of its work: tills go on.
import assert from 'node:assert/strict';
import { check } from '../../e2e/lib/report.mjs';
import { makeInstance, until } from '../../e2e/lib/instance.mjs';
import { Staff } from '../lib/actors.mjs';
import { pairTillWithCard, Till } from '../lib/till.mjs';

export const title = 'What is slow or stuck';

const SEARCHES = 16;
const PUSHES = 200;
const AMOUNT_KOPECKS = 100_00;
const FROZEN_FOR_MILLIS = 30_000;

export async function attack({ isLong }) {
  const instance = await makeInstance();
  try {
    await instance.start();
    await crowd(instance, isLong ? 400_000 : 60_000);
    await check(`${SEARCHES} slow searches run: every purchase is booked, and every search is answered`, async () => {
      const quiet = await slowestPush(await pairTillWithCard(instance));
      const other = await pairTillWithCard(instance);
      const search = await searcher(instance);
      const seen = new Map();
      let goesOn = true;
      const searches = Array.from({ length: SEARCHES }, async () => {
        while (goesOn) {
          const answer = await search();
          seen.set(answer, (seen.get(answer) ?? 0) + 1);
        }
      });
      const busy = await slowestPush(other);
      goesOn = false;
      await Promise.all(searches);
      const ratio = (busy / quiet).toFixed(1);
      console.log(
        `        p99 of ${PUSHES} pushes: ${quiet.toFixed(1)} ms quiet, ${busy.toFixed(1)} ms busy, ${ratio} times; searches: ${JSON.stringify([...seen])}`,
      );
      for (const answer of seen.keys()) assert.ok(['200', '503 search-too-slow'].includes(answer), answer);
    });
    await check('a second server is frozen in the middle of its work: the first one goes on', () => freeze(instance));
    await instance.stop();
  } finally {
    await instance.remove();
  }
}

/** Books so many purchases one after the other; the slowest but one in a hundred, in milliseconds. */
async function slowestPush({ till, card }) {
  const times = [];
  for (let n = 0; n < PUSHES; n += 1) {
    const mutation = till.purchase({ token: card, amountKopecks: AMOUNT_KOPECKS });
    const began = performance.now();
    assert.deepEqual(await till.tryPush(mutation), ['applied']);
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[Math.floor(PUSHES * 0.99) - 1];
}

/** One search through everybody in the region; how it was answered. */
async function searcher(instance) {
  const staff = await Staff.signIn(instance.url, 'lipetsk');
  const path = `/api/staff/organisations/${staff.organisations[0]}/members?query=${encodeURIComponent('а')}`;
  return async () => {
    const { status, body } = await staff.ask('GET', path);
    return status === 200 ? '200' : `${status} ${body.code}`;
  };
}

/** So many more members of a school, whom each search goes through. */
async function crowd(instance, members) {
  await instance.sql(`
    create temporary table crowd as
    select gen_random_uuid() as person, gen_random_uuid() as membership, 77000000000 + n as body from generate_series(1, ${members}) n;
    insert into person (id, last_name, first_name, search_name, sex, birth_date, created_at)
    select person, 'Толпина', 'Анна', 'толпина анна', 'f', '1980-05-17', now() from crowd;
    insert into membership (id, person_id, number, status, joined_on, valid_from)
    select membership, person,
           body || ((10 - (select sum(case when i % 2 = 1 then d * 2 - case when d > 4 then 9 else 0 end else d end)
                           from (select i, substr(body::text, 12 - i, 1)::int as d from generate_series(1, 11) i) digits) % 10) % 10)::text,
           'active', '2015-09-01', '2015-09-01' from crowd;
    insert into registration (id, membership_id, organisation_id, valid_from)
    select gen_random_uuid(), membership, (select organisation_id from mandate where role = 'chair' order by organisation_id limit 1), '2015-09-01'
    from crowd;`);
  await instance.sql('analyze');
}

/** Purchases of one member by way of a second server, which is stopped with their locks in its hands. */
async function freeze(instance) {
  const { till, card } = await pairTillWithCard(instance);
  const code = await instance.run('till', 'code');
  const second = await instance.beside();
  try {
    await second.start('serve');
    const other = await Till.pair(second.url, code);
    const pushes = Array.from({ length: 8 }, async () => {
      for (;;) await other.tryPush(other.purchase({ token: card, amountKopecks: AMOUNT_KOPECKS }));
    });
    // They end when it is killed.
    const ended = Promise.allSettled(pushes);
    const stuck =
      "select count(*) from pg_stat_activity where application_name = 'profcards tills' and wait_event_type = 'Lock'";
    await until('its purchases wait for each other', 10_000, async () => Number(await instance.sql(stuck)) > 0);
    process.kill(second.pid, 'SIGSTOP');
    const mutation = till.purchase({ token: card, amountKopecks: AMOUNT_KOPECKS });
    await until(
      'the first server books',
      FROZEN_FOR_MILLIS,
      async () => (await till.tryPush(mutation))[0] === 'applied',
    );
    assert.equal((await fetch(`${instance.url}/readyz`)).status, 200);
    await second.remove();
    await ended;
  } finally {
    await second.remove();
  }
}
