// A till that was tampered with wants to take from a balance by a code that was made for another: by other numbers, by guessed
// digits, by an old code, by many purchases at once.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { makeInstance } from '../../e2e/lib/instance.mjs';
import { check } from '../../e2e/lib/report.mjs';
import { daysPass, Phone } from '../lib/actors.mjs';
import { nowSeconds } from '../lib/browser.mjs';
import { Till } from '../lib/till.mjs';

export const title = 'Digits that were not meant for this till';

const OUTLET = 'Магазин на Ленина';
const IN_ONE_PUSH = 100;
/** How many digits a till may hold at once, by docs/security.md. */
const MOST_HELD = 20;

export async function attack({ isLong }) {
  const instance = await makeInstance();
  try {
    await instance.start();
    const world = await makeWorld(instance);
    await check('a code for one till’s digits pays at no other, under whatever number', () => otherNumbers(world));
    await check('an ordinary purchase moves no till’s numbers to where they fit', () => movedNumbers(world));
    await check('digits that nobody asked for pay nothing', () => guesses(world, isLong ? 8 : 3));
    await check('a code that was made before its digits, or is a minute old, pays nothing', () => oldCodes(world));
    await check('of many purchases at once with one code one is paid', () => manyAtOnce(world));
    await check('the books agree with the journal', () => instance.run('ledger', 'audit'));
    await instance.stop();
  } finally {
    await instance.remove();
  }
}

async function makeWorld(instance) {
  const { code, birthDate } = await instance.freshEntries();
  const isoBirthDate = birthDate.replace(/(..)(..)(....)/, '$3-$2-$1');
  const phone = await Phone.enrol(instance.url, code, isoBirthDate);
  const honest = await Till.pair(instance.url, await instance.tillCode(OUTLET));
  const rogue = await Till.pair(instance.url, await instance.tillCode(OUTLET));
  await honest.book({ token: phone.code(), amountKopecks: 1_000_000 });
  await daysPass(instance);
  return { phone, honest, rogue, balance: 30_000 };
}

async function isUntouched({ phone, balance }) {
  const { availableKopecks } = (await phone.good('GET', '/api/sync/pull?face=member&schema=1')).upserts.find(
    ({ entity }) => entity === 'balance',
  ).data;
  assert.equal(availableKopecks, balance);
}

async function refusedAll(till, mutations, ...codes) {
  for (let from = 0; from < mutations.length; from += IN_ONE_PUSH) {
    for (const answer of await till.push(mutations.slice(from, from + IN_ONE_PUSH))) {
      assert.ok(answer.status === 'rejected' && codes.includes(answer.code), JSON.stringify(answer));
    }
  }
}

async function otherNumbers(world) {
  const { phone, honest, rogue } = world;
  const digits = await honest.digits(honest.nextOpNo());
  const token = phone.code({ digits, maxKopecks: 30_000 });
  for (let asked = 0; ; asked += 1) {
    const opNo = rogue.nextOpNo();
    const { status, body } = await rogue.askDigits(opNo);
    if (status === 429) {
      assert.equal(asked, MOST_HELD);
      break;
    }
    assert.notEqual(body.digits, digits);
    const limit = await rogue.askLimit(token, opNo);
    assert.deepEqual([limit.status, limit.body.code], [422, 'challenge-wrong']);
    await refusedAll(
      rogue,
      [rogue.purchase({ token, amountKopecks: 100_000, redeemKopecks: 100, opNo })],
      'challenge-wrong',
    );
  }
  await isUntouched(world);
}

async function movedNumbers(world) {
  const { phone, honest, rogue } = world;
  const token = phone.code({ digits: await honest.digits(honest.nextOpNo()), maxKopecks: 30_000 });
  await rogue.book({ token: phone.code({ digits: '1' }), amountKopecks: 20_000, opNo: 4_999 });
  const numbers = Array.from({ length: IN_ONE_PUSH }, (_, n) => 4_950 + n).filter((opNo) => opNo !== 4_999);
  await refusedAll(
    rogue,
    numbers.map((opNo) => rogue.purchase({ token, amountKopecks: 100_000, redeemKopecks: 100, opNo })),
    'challenge-over',
  );
  await isUntouched(world);
}

async function guesses(world, pushes) {
  const { phone, honest } = world;
  const tries = Array.from({ length: pushes * IN_ONE_PUSH }, () => {
    const token = phone.code({ digits: String(randomInt(10_000)).padStart(4, '0'), maxKopecks: 30_000 });
    return honest.purchase({ token, amountKopecks: 100_000, redeemKopecks: 100, opNo: 10_000 + randomInt(900_000) });
  });
  await refusedAll(honest, tries, 'challenge-over');
  await isUntouched(world);
}

async function oldCodes(world) {
  const { phone, honest } = world;
  const opNo = honest.nextOpNo();
  const digits = await honest.digits(opNo);
  const attempt = (at) =>
    honest.purchase(
      { token: phone.code({ at, digits, maxKopecks: 30_000 }), amountKopecks: 100_000, redeemKopecks: 100, opNo },
      at,
    );
  await refusedAll(
    honest,
    [attempt(nowSeconds() - 40), attempt(nowSeconds() - 100)],
    'proof-stale',
    'redemption-offline',
  );
  const late = attempt(nowSeconds() - 100);
  // A clock that is said to be just as far behind changes nothing.
  const [answer] = await honest.push([late], nowSeconds() - 100);
  assert.equal(answer.code, 'redemption-offline');
  await isUntouched(world);
}

async function manyAtOnce(world) {
  const { phone, honest, rogue } = world;
  const opNo = honest.nextOpNo();
  const token = phone.code({ digits: await honest.digits(opNo), maxKopecks: 30_000 });
  const pushes = Array.from({ length: 24 }, (_, n) => {
    const till = n % 2 === 0 ? honest : rogue;
    return till.push([till.purchase({ token, amountKopecks: 100_000, redeemKopecks: 100, opNo })]);
  });
  const answers = (await Promise.all(pushes)).flat();
  assert.equal(answers.filter(({ status }) => status === 'applied').length, 1);
  world.balance -= 100;
  await isUntouched(world);
}
