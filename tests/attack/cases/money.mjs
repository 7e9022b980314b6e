// A till that was tampered with and a copied paper card: whatever time it names, it gets no money out before people can act.
// A card of the program's own is never older than the program, so what is dated weeks back is tried in tests/it/late_purchases.rs.
import assert from 'node:assert/strict';
import { makeInstance } from '../../e2e/lib/instance.mjs';
import { check } from '../../e2e/lib/report.mjs';
import { nowSeconds } from '../lib/browser.mjs';
import { Till } from '../lib/till.mjs';

export const title = 'A till that names the time';

const PART_KOPECKS = 400_000;
const HOUR_SECONDS = 3_600;

export async function attack({ isLong }) {
  const instance = await makeInstance();
  try {
    await instance.start();
    const tills = [];
    for (let made = 0; made < 2; made += 1) {
      const { pairingCode } = await instance.freshEntries();
      tills.push(await Till.pair(instance.url, pairingCode));
    }
    const [first, second] = tills;
    const card = await instance.run('card', 'sample', '--class', 'paper');
    // A till counts whole seconds; in the one that began before the partner's rule, the card would bring nothing.
    await instance.sql('select pg_sleep(1)');
    const shownAt = nowSeconds();
    await instance.sql(
      "update card set status = 1, status_at = clock_timestamp() + interval '2 seconds', status_reason = 'lost' where purpose = 'sample'",
    );
    await instance.sql('select pg_sleep(3)');

    await check('a card that was revoked brings nothing at the present hour', async () => {
      const [answer] = await first.push([first.purchase({ token: card, amountKopecks: PART_KOPECKS })]);
      assert.equal(answer.code, 'revoked');
    });
    const parts = [...Array(isLong ? 40 : 6).keys()].map((n) => {
      const till = tills[n % 2];
      return { till, purchase: till.purchase({ token: card, amountKopecks: PART_KOPECKS }, shownAt) };
    });
    await check('dated before, it is booked, and above the sum it is held, however it is split and raced', async () => {
      const answers = await Promise.all(parts.map(async ({ till, purchase }) => (await till.push([purchase]))[0]));
      assert.ok(
        answers.every(({ status }) => status === 'applied'),
        JSON.stringify(answers),
      );
      const states = { ...(await first.states()), ...(await second.states()) };
      const passed = Object.values(states).filter((state) => state === 'pending');
      assert.equal(passed.length, 2, 'twice four thousand of ten');
      assert.equal(Object.values(states).filter((state) => state === 'held').length, parts.length - 2);
    });
    await check('no date makes it spendable before its fourteen days', async () => {
      const [{ result }] = await first.push([
        first.purchase({ token: card, amountKopecks: 20_000 }, shownAt - HOUR_SECONDS / 60),
      ]);
      const waits = (Date.parse(result.confirmOn) - Date.now()) / (24 * HOUR_SECONDS * 1000);
      assert.ok(waits > 12, `${result.confirmOn} is too soon`);
      assert.equal(await instance.run('ledger', 'confirm'), '0');
    });
    const held = (await instance.run('ledger', 'held')).split('\n').map((line) => line.split(' ')[0]);
    await check('what is held is never confirmed, and people release or refuse it once', async () => {
      await instance.sql('update purchase set confirm_on = current_date - 1');
      assert.equal(await instance.run('ledger', 'confirm'), '3');
      assert.equal(held.length, parts.length - 2);
      await instance.run(
        'ledger',
        'held',
        'release',
        held[0],
        '--by',
        'the attacked',
        '--reason',
        'the receipt is there',
      );
      await instance.run(
        'ledger',
        'held',
        'refuse',
        ...held.slice(1),
        '--by',
        'the attacked',
        '--reason',
        'no receipts',
      );
      assert.equal(await instance.run('ledger', 'held'), '');
      assert.equal(await instance.run('ledger', 'confirm'), '1');
    });
    await check('what was confirmed is taken back, and the books agree', async () => {
      await instance.run('ledger', 'take-back', held[0], '--by', 'the attacked', '--reason', 'the receipt was false');
      assert.match(
        await instance.run('ledger', 'take-back', held[0], '--by', 'the attacked', '--reason', 'the receipt was false'),
        /was done before/,
      );
      await instance.run('ledger', 'audit');
    });
    await instance.stop();
  } finally {
    await instance.remove();
  }
}
