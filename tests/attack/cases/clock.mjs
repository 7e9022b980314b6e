// A server's clock jumps while it runs, and comes back an hour later: nothing that was done meanwhile lasts.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeInstance, until } from '../../e2e/lib/instance.mjs';
import { check } from '../../e2e/lib/report.mjs';
import { Till } from '../lib/till.mjs';

export const title = 'A wrong clock';

const WITHIN_MILLIS = 20_000;

export async function attack() {
  const instance = await makeInstance();
  const clock = join(instance.folder, 'clock');
  let server;
  const setClock = (offset) => writeFile(clock, `${offset}\n`);
  try {
    await instance.start();
    await setClock('+0');
    // Its databases go by the right clock, and so does the first server.
    const faked = {
      LD_PRELOAD: '/usr/$LIB/faketime/libfaketime.so.1',
      FAKETIME_TIMESTAMP_FILE: clock,
      FAKETIME_NO_CACHE: '1',
    };
    server = await instance.beside(faked);
    await server.start('serve');
    const { pairingCode } = await instance.freshEntries();
    const till = await Till.pair(server.url, pairingCode);
    const card = await instance.run('card', 'sample', '--class', 'paper');
    const before = till.purchase({ token: card, amountKopecks: 150_000 });
    const [booked] = await till.push([before]);
    assert.equal(booked.status, 'applied');

    await check(
      'sixteen days ahead nothing becomes spendable, and what a till hands in is not refused for good',
      async () => {
        const rounds = roundsThatWait(server);
        await setClock('+16d');
        await until('a round waits', WITHIN_MILLIS, () => roundsThatWait(server) > rounds);
        assert.deepEqual(await till.states(), { [before.id]: 'pending' });
        const [answer] = await till.push([till.purchase({ token: card, amountKopecks: 70_000 })]);
        assert.equal(answer.status, 'retry');
      },
    );
    await check('410 days ahead a session is refused', async () => {
      const rounds = roundsThatWait(server);
      await setClock('+410d');
      await until('a round waits', WITHIN_MILLIS, () => roundsThatWait(server) > rounds);
      assert.equal(await till.states(), undefined);
    });
    // A process whose clock has leapt back by a year keeps no time any more: it is ended, as anybody would.
    await server.remove();
    await check('once the clock is right, session and purchase are as they were', async () => {
      till.url = instance.url;
      assert.deepEqual(await till.states(), { [before.id]: 'pending' });
      const after = till.purchase({ token: card, amountKopecks: 70_000 });
      assert.equal((await till.push([after]))[0].status, 'applied');
      assert.equal((await till.push([after]))[0].status, 'duplicate');
      await instance.run('ledger', 'audit');
    });
    await instance.stop();
  } finally {
    await server?.remove();
    await instance.remove();
  }
}

/** How often the server has said that its housekeeping waits for the clock. */
function roundsThatWait({ log }) {
  return log.split('\n').filter((line) => line.includes('housekeeping failed') && line.includes('clock')).length;
}
