// The member: activates, shows the living code with and without network or server, reads where the cashback is from.
import assert from 'node:assert/strict';
import { assertReads, chapter, check } from '../lib/report.mjs';
import { HERO } from './chair.mjs';

/** A code on the phone is followed by the next one. */
export const PROOF_MILLIS = 15_000;

/** Fills in the empty form and sends it; what comes of it is for the caller to read. */
export async function typesCode(phone, code, birthDate) {
  await phone.at('activation-code').pressSequentially(code);
  await phone.at('birth-date').pressSequentially(birthDate);
  await phone.button('Продолжить').click();
}

/** Types code and birth date and goes on to the card, with the programme's consent or without it. */
export async function activate(phone, code, birthDate, { joins }) {
  await phone.open('/activate');
  await typesCode(phone, code.replace('-', '').toLowerCase(), birthDate);
  await phone.reads(phone.page.locator('h1'), 'Здравствуйте');
  // Whoever has agreed before is not asked.
  const consent = phone.page.getByRole('checkbox');
  const isAsked = (await consent.count()) > 0;
  if (isAsked && joins) await consent.check();
  await phone.button(isAsked && !joins ? 'Открыть без ПрофКардс' : 'Открыть карту').click();
  await phone.at('card').waitFor();
}

export async function activationStory(stage, code) {
  chapter('The member');
  const phone = await stage.person('phone');
  await phone.open('/activate');
  await check('a wrong birth date opens nothing, and says so', async () => {
    await phone.at('activation-code').pressSequentially(code);
    await phone.at('birth-date').pressSequentially('13031985');
    await phone.shoot('member-activation');
    await phone.button('Продолжить').click();
    await phone.reads(phone.page.getByRole('alert'), 'Код и дата рождения не подошли');
  });
  await check('a link that is opened in a tab already there brings its code', async () => {
    await phone.open('/activate');
    await phone.at('activation-code').waitFor();
    await phone.page.evaluate((code) => (location.hash = code), code);
    await phone.page.waitForFunction(
      (code) => document.querySelector('[data-testid="activation-code"]').value === code && location.hash === '',
      code,
    );
  });
  await check('activates with code and birth date, reads and gives the consent', async () => {
    await phone.open('/activate');
    await typesCode(phone, code, HERO.birthDate);
    await phone.reads(phone.page.locator('h1'), `Здравствуйте, ${HERO.firstName}`);
    await phone.page.getByRole('checkbox').check();
    await phone.shoot('member-consent');
    await phone.button('Открыть карту').click();
    const card = await phone.reads(phone.at('card'));
    assertReads(card, HERO.lastName, HERO.firstName, 'школы № 12', 'с сентября 2025', 'Действует');
    await phone.shoot('member-card');
  });
  await check('the key of the card stays in the phone: it cannot be read out', async () => {
    const keys = await phone.stored('keys');
    assert.deepEqual(
      keys.map(({ id, isExtractable }) => ({ id, isExtractable })),
      [{ id: 'device', isExtractable: false }],
    );
  });
  await check('shows the living code, and fetches nothing for the next one', () => livingCode(phone));
  return phone;
}

async function livingCode(phone) {
  await phone.installed();
  await openCode(phone);
  await phone.shoot('member-code');
  await phone.page.waitForLoadState('networkidle');
  const requestsBefore = phone.requests.length;
  const first = await shownAt(phone);
  await phone.shiftClock(PROOF_MILLIS);
  const second = await newerThan(phone, first);
  assert.ok(second >= first + PROOF_MILLIS / 1000);
  // A clock that is put right may go back: a code of the future would be refused until it is caught up with.
  await phone.shiftClock(0);
  await phone.page.waitForFunction(
    (than) => Number(document.querySelector('[data-testid="qr"]').dataset.shownAt) < than,
    second,
  );
  assert.deepEqual(phone.requests.slice(requestsBefore), []);
}

/** From a cold start to the code on the screen. */
export async function reopenCode(phone) {
  await phone.open('/');
  const card = await phone.reads(phone.at('card'));
  assertReads(card, 'Действует');
  await openCode(phone);
}

export async function openCode(phone) {
  await phone.link('Показать код').last().click();
  await shownAt(phone);
}

/** The moment of the code on the screen, in Unix seconds. */
export async function shownAt(phone) {
  return newerThan(phone, 0);
}

/** Waits for a code of a later moment than this one; answers its own. */
export async function newerThan(phone, seconds) {
  const handle = await phone.page.waitForFunction((than) => {
    const shown = Number(document.querySelector('[data-testid="qr"]')?.dataset.shownAt ?? 0);
    return shown > than && shown;
  }, seconds);
  return handle.jsonValue();
}

/** What a camera sees of the phone: its whole screen, with a code of this moment. */
export async function photograph(phone) {
  const shown = await shownAt(phone);
  const ageSeconds = await phone.page.evaluate((at) => Date.now() / 1000 - at, shown);
  // About to be replaced: the next one is waited for, as a person would.
  if (ageSeconds > PROOF_MILLIS / 1000 - 2) await newerThan(phone, shown);
  return phone.page.screenshot();
}

export async function offlineStory(phone) {
  await check('the network goes, the app is closed and reopened: card and a fresh code still show', async () => {
    await phone.offline();
    const reopenedAtSeconds = Math.floor(Date.now() / 1000);
    const requestsBefore = phone.requests.length;
    await reopenCode(phone);
    assert.ok((await shownAt(phone)) >= reopenedAtSeconds, 'the code is an old one');
    await phone.button('Закрыть').click();
    await phone.reads(phone.page.locator('main'), 'Без сети');
    const responses = phone.requests.slice(requestsBefore).filter((url) => !url.startsWith('data:'));
    assert.ok(responses.length > 0, 'the reopened app asked for nothing at all, not even for its own files');
    await phone.shoot('member-card-offline');
    await openCode(phone);
  });
}

export async function cashbackStory(phone) {
  await check('the member sees the cashback appear without touching the phone', async () => {
    await phone.reads(phone.page.getByRole('region', { name: 'Покупки' }), '45,00');
    assertReads(
      await phone.page.getByRole('region', { name: 'Доступно' }).innerText(),
      'Ожидает подтверждения',
      '45,00 ₽',
    );
    await phone.shoot('member-profcards');
  });
  await check('and why: the purchase opens into its rule, its figures and its days', async () => {
    await phone.page.getByRole('region', { name: 'Покупки' }).getByRole('button').first().click();
    const text = await phone.reads(phone.sheet(), 'Почему столько');
    assertReads(
      text,
      'Книжная лавка',
      'Магазин на Ленина',
      '3 % от 1 500,00 ₽ — 45,00 ₽',
      'Станет доступно',
      'Покупка на кассе',
      'Номер операции',
    );
    await phone.shoot('member-purchase');
  });
}
