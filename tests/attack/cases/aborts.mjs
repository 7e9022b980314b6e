// Clients that hang up in the middle of whatever the server does for them: nothing that others do afterwards is lost.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { check } from '../../e2e/lib/report.mjs';
import { makeInstance, until } from '../../e2e/lib/instance.mjs';
import { Staff } from '../lib/actors.mjs';
import { pairTillWithCard } from '../lib/till.mjs';

export const title = 'Requests that are hung up on';

const AT_ONCE = 120;
const AMOUNT_KOPECKS = 100_00;
const LONGEST_MILLIS = 6;
/** Shorter than the time after which the database itself ends what says nothing. */
const SEEN_WITHIN_MILLIS = 4_000;

export async function attack({ isLong }) {
  const instance = await makeInstance();
  try {
    await instance.start();
    const { till, card } = await pairTillWithCard(instance);
    const port = Number(new URL(instance.url).port);
    const bursts = isLong ? 400 : 100;
    await check(`${bursts} bursts of ${AT_ONCE} aborted requests leave no connection in a transaction`, async () => {
      for (let n = 0; n < bursts; n += 1) {
        await Promise.all(
          Array.from({ length: AT_ONCE }, (_, i) => hangUp(port, `nobody${n}-${i}`, LONGEST_MILLIS * Math.random())),
        );
      }
      const stuck = "select count(*) from pg_stat_activity where state like 'idle in transaction%'";
      await until(
        'no connection is in a transaction',
        SEEN_WITHIN_MILLIS,
        async () => (await instance.sql(stuck)) === '0',
      );
      const figures = await (await fetch(`${instance.url}/metrics`)).text();
      const closed = /^profcards_db_connections_closed_total (\d+)/m.exec(figures)?.[1] ?? '0';
      console.log(`        connections that came back in a transaction and were closed: ${closed}`);
    });
    // Those whose answer came too late for the client to hang up were wrong, and all of them come from one address.
    await instance.sql('update limit_counter set count = 0');
    await check('what is answered afterwards is done: sessions last and purchases are booked', async () => {
      for (let n = 0; n < 24; n += 1) {
        const staff = await Staff.signIn(instance.url, 'lyceum3');
        const { status } = await staff.ask('GET', '/api/staff/session');
        assert.equal(status, 200, 'a session that was given is not there');
        assert.deepEqual(await till.tryPush(till.purchase({ token: card, amountKopecks: AMOUNT_KOPECKS })), [
          'applied',
        ]);
      }
      assert.equal((await till.pull()).purchases.size, 24);
      await instance.run('ledger', 'audit');
    });
    await instance.stop();
  } finally {
    await instance.remove();
  }
}

/** Asks for what begins a transaction, and is gone after so long. */
function hangUp(port, login, afterMillis) {
  const body = JSON.stringify({ login, password: 'x'.repeat(300) });
  const head = `POST /api/staff/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(head + body, () => setTimeout(() => socket.destroy(), afterMillis));
    });
    socket.on('error', () => {});
    socket.on('close', done);
  });
}
