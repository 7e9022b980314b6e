// A phone whose key is P-256 is a phone like any other: its proof with the till's digits redeems.
import assert from 'node:assert/strict';
import { holdNothing, holdPicture } from '../lib/camera.mjs';
import { assertReads, chapter, check } from '../lib/report.mjs';
import { activate, openCode, photograph } from '../story/member.mjs';
import { asksDigits, cashbackComes, showsDigits, typesDigits } from '../story/redemption.mjs';
import { buy, OUTLET, pair, scan, scanning } from '../story/till.mjs';
import { algorithmOf, p256Phone } from './keys.mjs';

export async function p256RedemptionStory(instance, stage) {
  chapter('Redeeming with a P-256 phone');
  const phone = await p256Phone(stage, 'p256-phone');
  const { code, birthDate } = await instance.freshEntries();
  await activate(phone, code, birthDate, { joins: true });
  assert.equal(await algorithmOf(phone), 'ES256');
  await nothingYet(phone);
  const till = await stage.person('p256-till', { isPhone: false });
  await pair(till, await instance.tillCode(OUTLET));
  await check('its purchase is booked', async () => {
    assert.equal((await scan(till, phone)).code, 'accepted');
    await buy(till, 1000);
    await till.reads(till.at('done'), 'Учтена на сервере');
    await till.at('next-customer').click();
  });
  await check('and its cashback becomes available', () => cashbackComes(instance, phone, '30,00'));
  await redeems(instance, till, phone);
}

async function nothingYet(phone) {
  await check('with nothing to spend the phone says so, and when there will be', async () => {
    await openCode(phone);
    await phone.at('redeem').click();
    await phone.reads(phone.sheet(), 'Списывать пока нечего');
    await phone.shoot('member-redeem-nothing');
    await phone.button('Понятно').click();
  });
}

async function redeems(instance, till, phone) {
  await phone.open('/card/code');
  await till.open('/scan');
  await scanning(till);
  await scan(till, phone);
  await waits(instance, till, phone, await asksDigits(till, 1000));
  const digits = await asksDigitsAgain(till);
  await check(
    'the digits and the most to spend stand above the code; one tap leaves, three minutes end it',
    async () => {
      await chooses(phone, digits);
      await phone.shoot('member-redeeming');
      await phone.button('Не списывать').click();
      await phone.at('redeeming').waitFor({ state: 'detached' });
      await chooses(phone, digits);
      await phone.shiftClock(181_000);
      await phone.reads(phone.page.locator('body'), 'Прошло три минуты');
      await phone.at('redeeming').waitFor({ state: 'detached' });
      await phone.shiftClock(0);
    },
  );
  await check('the till takes what was redeemed off the bill; the phone goes back to its plain code', async () => {
    await phone.open('/card/code');
    await showsDigits(till, phone, digits, 30);
    await till.reads(till.at('redeem-limit'), 'списать до 30,00 ₽');
    await till.at('confirm-redemption').click();
    assertReads(await till.reads(till.at('done'), 'Учтена на сервере'), 'Списано 30,00 ₽ из 1 000,00 ₽', '970,00 ₽');
    await phone.at('redeeming').waitFor({ state: 'detached' });
    await phone.open('/card/profcards');
    await phone.reads(phone.page.getByRole('region', { name: 'Покупки' }), 'списано 30,00');
  });
}

async function waits(instance, till, phone, digits) {
  await check(
    'a phone that holds the card only lately pays nothing, and the till says from when on it does',
    async () => {
      await instance.sql("update device set redeems_from = now() + interval '3 days'");
      await typesDigits(phone, digits, 30);
      await holdPicture(till.page, await photograph(phone));
      const refusal = await till.reads(till.page.getByRole('alert'), 'код: redemption-too-soon');
      assertReads(refusal, 'бонусы с него можно списывать с', 'Проведите покупку без списания');
      await holdNothing(till.page);
      await till.shoot('till-too-soon');
      await instance.sql('update device set redeems_from = enrolled_at');
      await phone.button('Не списывать').click();
      await till.at('without-redeeming').click();
    },
  );
}

/** The amount stands there already. */
async function asksDigitsAgain(till) {
  await till.at('redeem').click();
  const digits = await till.reads(till.at('challenge'), /\d{4}/);
  await scanning(till);
  return digits.trim();
}

/** All that is available is offered; more of it cannot be given away. */
async function chooses(phone, digits) {
  await phone.at('redeem').click();
  assert.equal(await phone.at('redeem-amount').inputValue(), '30');
  await phone.at('redeem-amount').fill('31');
  await phone.at('redeem-show').click();
  assertReads(await phone.reads(phone.sheet(), 'Доступно только'), 'Нужны четыре цифры', 'Доступно только 30,00 ₽');
  await phone.at('redeem-digits').pressSequentially(digits);
  await phone.at('redeem-amount').fill('30');
  await phone.at('redeem-show').click();
  assertReads(await phone.reads(phone.at('redeeming')), 'Списание', `цифры ${digits}`, 'не больше 30,00 ₽');
}
