// Bonuses are redeemed with the till's digits, which serve once; and the last resort without a phone: a typed number.
import assert from 'node:assert/strict';
import { holdNothing, holdPicture } from '../lib/camera.mjs';
import { assertReads, chapter, check, plain } from '../lib/report.mjs';
import { HERO } from './chair.mjs';
import { newerThan, photograph, PROOF_MILLIS, shownAt } from './member.mjs';
import { buy, OUTLET, pair, scan, scanning, typeAmount } from './till.mjs';

const LIMIT = '**/api/till/redemption-limit';
const PUSH = '**/api/sync/push';

/** The member has 45 roubles that are pending, at a partner that lets bonuses pay a third. */
export async function redemptionStory(stage, instance, phone) {
  chapter('Bonuses, and a typed number');
  await check('cashback whose days are over becomes available', () => cashbackComes(instance, phone, '45,00'));
  const till = await stage.person('bonus-till', { isPhone: false });
  await pair(till, await instance.tillCode(OUTLET));
  const number = await redeemsPart(till, phone);
  await losesTheAnswer(till, phone);
  await typesNumber(till, number);
}

/** All that is pending is due, and becomes available with a round of housekeeping. */
export async function cashbackComes(instance, phone, sum) {
  await instance.makePendingDue();
  await instance.run('housekeeping');
  await phone.open('/card/profcards');
  await phone.reads(phone.at('balance'), new RegExp(`^\\s*${sum}`));
}

async function redeemsPart(till, phone) {
  await phone.open('/card/code');
  await scanning(till);
  const { text } = await scan(till, phone);
  const [number] = /\d{4}\s\d{4}\s\d{4}/.exec(text);
  const digits = await asksDigits(till, 1000);
  await check('a code without the till’s digits does not redeem, and says the digits', async () => {
    await typesDigits(phone, String((Number(digits) + 1) % 10_000).padStart(4, '0'), 45);
    await holdPicture(till.page, await photograph(phone));
    const refusal = await till.reads(till.page.getByRole('alert'), 'код: challenge-wrong');
    assertReads(
      refusal,
      `Для списания нужны цифры этой кассы: ${digits}`,
      'Пусть член Профсоюза введёт их в приложении',
    );
    await holdNothing(till.page);
    await till.shoot('till-challenge');
    await phone.button('Не списывать').click();
  });
  await check('a code that the server refuses leads back to the camera, with words', async () => {
    await till.context.route(LIMIT, (route) => route.fulfill({ status: 422, json: { code: 'proof-stale' } }), {
      times: 1,
    });
    await typesDigits(phone, digits, 44);
    await holdPicture(till.page, await photograph(phone));
    const refusal = await till.reads(till.page.getByRole('alert'), 'код: proof-stale');
    assertReads(refusal, 'Код показан', 'Пусть откроют карту');
    await holdNothing(till.page);
    await scanning(till);
    await phone.button('Не списывать').click();
  });
  const picture = await check(
    'with the digits the till hears from the server how much this purchase may take',
    async () => {
      const shown = await showsDigits(till, phone, digits, 45);
      await till.reads(till.at('redeem-limit'), 'списать до 45,00 ₽');
      assertReads(await till.at('payable').innerText(), 'к оплате 955,00 ₽');
      await till.shoot('till-redeem');
      return shown;
    },
  );
  await check('a part is redeemed: what is to pay, and what is booked', async () => {
    await typeAmount(till, 20);
    await till.at('confirm-redemption').click();
    const done = await till.reads(till.at('done'), 'Учтена на сервере');
    assertReads(done, 'К оплате', '980,00 ₽', 'Списано 20,00 ₽ из 1 000,00 ₽', 'кэшбэк 29,40 ₽');
    await till.shoot('till-redeemed');
    await till.at('next-customer').click();
  });
  await check('the same digits never serve again', async () => {
    await scan(till, phone);
    const next = await asksDigits(till, 1000);
    assert.notEqual(next, digits);
    await holdPicture(till.page, picture);
    await till.reads(till.page.getByRole('alert'), 'код: challenge-wrong');
    await holdNothing(till.page);
    await till.at('back').click();
    await till.at('back').click();
    await till.at('scan-next').click();
  });
  return number;
}

async function losesTheAnswer(till, phone) {
  await check('an answer that is lost: the till waits, says so, and hears it again', async () => {
    await nextCode(phone);
    await scan(till, phone);
    const digits = await asksDigits(till, 500);
    await showsDigits(till, phone, digits, 25);
    await till.reads(till.at('redeem-limit'), 'списать до 25,00 ₽');
    let isLost = true;
    await till.context.route(PUSH, async (route) => {
      const response = await route.fetch();
      await (isLost ? route.abort() : route.fulfill({ response }));
    });
    await till.at('confirm-redemption').click();
    const waiting = await till.reads(till.at('done'), 'Списание ещё не подтверждено');
    assertReads(waiting, 'Ждём ответа сервера', 'Списать 25,00 ₽ из 500,00 ₽');
    await till.shoot('till-unconfirmed');
    isLost = false;
    await till.reads(till.at('done'), 'Учтена на сервере');
    assertReads(await till.at('done').innerText(), 'Списано 25,00 ₽ из 500,00 ₽');
    await till.at('next-customer').click();
  });
  await check('the member reads it on the phone, and nothing was taken twice', async () => {
    await phone.open('/card/profcards');
    await phone.reads(phone.at('balance'), /^\s*0,00/);
  });
  await check('the way back closes what lies over a page, and then leaves the page', async () => {
    await phone.open('/card');
    await phone.page.locator('a[href="/card/profcards"]').first().click();
    const purchase = phone.page.getByRole('main').getByRole('button').filter({ hasText: '₽' }).first();
    await purchase.click();
    await phone.sheet().waitFor();
    await phone.page.goBack();
    await phone.sheet().waitFor({ state: 'hidden' });
    assert.equal(new URL(phone.page.url()).pathname, '/card/profcards');
    await purchase.click();
    await phone.sheet().getByRole('button', { name: 'Закрыть' }).click();
    await phone.page.waitForFunction(() => history.state === null);
    await phone.page.goBack();
    await phone.page.waitForURL('**/card');
  });
}

async function typesNumber(till, number) {
  await check('without a network a number is not looked up, and the till says so', async () => {
    await till.offline();
    await openNumber(till, number);
    await till.reads(till.page.getByRole('dialog'), 'Без сети номер не проверить');
    await till.page.keyboard.press('Escape');
    await till.offline(false);
  });
  await check('a number that is typed as a code is looked up; nothing at all is asked for', async () => {
    await till.at('type-code').click();
    await till.at('check-code').click();
    await till.reads(till.sheet(), 'Введите или вставьте текст кода');
    await till.at('code-text').fill(number);
    await till.at('check-code').click();
    assert.equal(plain(await till.at('number').inputValue()), plain(number));
    await till.page.keyboard.press('Escape');
  });
  await check('a mistyped number is told at once, an unknown one by the server', async () => {
    await openNumber(till, `${number.slice(0, -1)}${(Number(number.at(-1)) + 1) % 10}`);
    await till.reads(till.page.getByRole('dialog'), 'В номере опечатка');
    await till.at('number').fill('000000000000');
    await till.at('find-number').click();
    await till.reads(till.page.getByRole('dialog'), 'Действующей карты с таким номером нет');
    await till.shoot('till-number');
  });
  await check('a number brings discount and cashback, never a redemption', async () => {
    await till.at('number').fill(number);
    await till.at('find-number').click();
    const found = await till.reads(till.at('found'), HERO.shownName);
    assertReads(
      found,
      'ПРОВЕРЬТЕ',
      'По номеру: скидка и начисление, без списания',
      'Списание: нет',
      'сверьте имя с документом',
    );
    await till.shoot('till-found');
    const done = await buy(till, 300);
    assertReads(done, 'Покупка принята', '300,00 ₽');
    await till.reads(till.at('done'), 'Учтена на сервере');
  });
}

/** The code that was shown last is spent. */
async function nextCode(phone) {
  const shown = await shownAt(phone);
  await phone.shiftClock(PROOF_MILLIS);
  await newerThan(phone, shown);
  await phone.shiftClock(0);
}

/** From the verdict to the digits that the till shows. */
export async function asksDigits(till, roubles) {
  await till.at('to-amount').click();
  await typeAmount(till, roubles);
  await till.at('redeem').click();
  const digits = await till.reads(till.at('challenge'), /\d{4}/);
  await scanning(till);
  return digits.trim();
}

export async function typesDigits(phone, digits, roubles) {
  await phone.at('redeem').click();
  await phone.at('redeem-digits').pressSequentially(digits);
  await phone.at('redeem-amount').fill(String(roubles));
  await phone.at('redeem-show').click();
  await phone.reads(phone.at('redeeming'), digits);
}

export async function showsDigits(till, phone, digits, roubles) {
  await typesDigits(phone, digits, roubles);
  const picture = await photograph(phone);
  await holdPicture(till.page, picture);
  await till.at('redeem-limit').waitFor();
  await holdNothing(till.page);
  return picture;
}

async function openNumber(till, number) {
  await till.at('type-number').click();
  await till.at('number').fill(number);
  await till.at('find-number').click();
}
