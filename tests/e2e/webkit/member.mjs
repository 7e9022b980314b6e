// A member's phone in WebKit: the card is opened, shown without a server, moved to another phone, and lost.
import assert from 'node:assert/strict';
import { readCodes } from '../lib/reader.mjs';
import { until } from '../lib/instance.mjs';
import { assertReads, chapter, check } from '../lib/report.mjs';
import { at } from '../lib/webkit.mjs';

/** The narrowest that the browser's own buttons allow. */
export const PHONE = { width: 390, height: 800 };
/** A code on the phone is followed by the next one. */
const PROOF_SECONDS = 15;
const RENEWED_WITHIN_MILLIS = 30_000;
const READ_WITHIN_MILLIS = 5_000;
const REMOVED_WITHIN_MILLIS = 10_000;

async function typesCode(phone, code, birthDate) {
  await phone.type(at('activation-code'), code);
  await phone.type(at('birth-date'), birthDate);
}

async function activates(phone, code, birthDate, { joins }) {
  await phone.open('/activate');
  await typesCode(phone, code, birthDate);
  await phone.click('button', 'Продолжить');
  await phone.reads('h1', 'Здравствуйте');
  // Whoever has agreed before is not asked.
  const isAsked = (await phone.count('input[type="checkbox"]')) > 0;
  if (isAsked && joins) await phone.click('input[type="checkbox"]');
  await phone.click('button', isAsked && !joins ? 'Открыть без ПрофКардс' : 'Открыть карту');
  await phone.reads(at('card'));
}

export async function activationStory(stage, { code, birthDate, name }) {
  chapter('The member in WebKit');
  const phone = await stage.person('phone', PHONE);
  await check('activates with code and birth date, gives the consent, and has the card', async () => {
    await activates(phone, code, birthDate, { joins: true });
    assertReads(await phone.reads(at('card')), ...name.split(' '), 'школы № 12', 'Действует');
  });
  await check('the key stays in the phone: of the kind that is wanted, and it cannot be read out', async () => {
    const keys = await phone.stored('keys');
    assert.deepEqual(
      keys.map(({ id, algorithm, isExtractable }) => [id, algorithm, isExtractable]),
      [['device', 'EdDSA', false]],
    );
  });
  await check('shows the living code, and the next one by itself', async () => {
    await phone.installed();
    await opensCode(phone);
    const first = await shownAt(phone);
    assert.ok((await newerThan(phone, first)) >= first + PROOF_SECONDS);
  });
  return phone;
}

export async function offlineStory(phone) {
  await check('the server gone, closed and reopened: the card and a fresh code still show', async () => {
    const reopenedAtSeconds = Math.floor(Date.now() / 1000);
    await phone.open('/');
    assertReads(await phone.reads(at('card')), 'Действует');
    await phone.reads('main', 'Без сети');
    await opensCode(phone);
    assert.ok((await shownAt(phone)) >= reopenedAtSeconds, 'the code is an old one');
  });
}

async function opensCode(phone) {
  await phone.click('a', 'Показать код');
  await shownAt(phone);
}

/** The moment of the code on the screen, in Unix seconds. */
async function shownAt(phone) {
  return newerThan(phone, 0);
}

/** Waits for a code of a later moment than this one; answers its own. */
async function newerThan(phone, seconds) {
  return until(`a code after ${seconds}`, RENEWED_WITHIN_MILLIS, async () => {
    const shown = Number(await phone.attribute(at('qr'), 'data-shown-at'));
    return shown > seconds && shown;
  });
}

/** What a camera sees of the phone: its whole screen, with a code of this moment that was not seen before. */
export async function photograph(phone) {
  const shown = await newerThan(phone, phone.seenAtSeconds ?? 0);
  // About to be replaced: the next one is waited for, as a person would.
  const isOld = Date.now() / 1000 - shown > PROOF_SECONDS - 2;
  phone.seenAtSeconds = isOld ? await newerThan(phone, shown) : shown;
  await phone.painted();
  return phone.session.screenshot();
}

/** The same as a scanner reads it, which tries until it can: the code's text. */
export async function scannedText(phone) {
  let picture = await photograph(phone);
  return until('a code on the screen', READ_WITHIN_MILLIS, async () => {
    const [code] = await readCodes(picture);
    if (!code) picture = await phone.session.screenshot();
    return code?.text;
  });
}

export async function showsCode(phone) {
  await phone.open('/card/code');
  await shownAt(phone);
}

export async function seesBalance(phone, sum) {
  await phone.open('/card/profcards');
  await phone.reads(at('balance'), sum);
}

/** Shows a code that carries the till's digits and lets it take all there is; the code's text. */
export async function asksToRedeem(phone, digits, sum) {
  await phone.click(at('redeem'));
  await phone.type(at('redeem-digits'), digits);
  // The plain code stands until the other one is drawn.
  phone.seenAtSeconds = await shownAt(phone);
  await phone.click(at('redeem-show'));
  assertReads(await phone.reads(at('redeeming'), digits), `не больше ${sum}`);
  return scannedText(phone);
}

/** The phone finds out by itself what has become of its card. */
async function seesEnd(phone, code, ...words) {
  assertReads(await phone.reads(at('phone-end')), 'Этот телефон узнал об этом', ...words);
  assert.equal(await phone.attribute(at('phone-end'), 'data-code'), code);
  assert.equal(await phone.count(at('card')), 0, 'the card is still shown');
}

/** The card goes to another phone. Answers that one. */
export async function movingStory(stage, member, birthDate, old) {
  chapter('Another phone in WebKit');
  await old.open('/card');
  const fresh = await stage.person('new-phone', PHONE);
  const { code } = await member.printSheet();
  await check('the new phone is told that the card on the other one ends, and opens it', async () => {
    await fresh.open('/activate');
    await typesCode(fresh, code, birthDate);
    await fresh.click('button', 'Продолжить');
    await fresh.reads('main', 'карта на том телефоне сразу перестанет действовать');
    await fresh.reads('main', 'Вы уже участвуете в ПрофКардс');
    await fresh.click('button', 'Открыть карту');
    assertReads(await fresh.reads(at('card')), 'Действует');
  });
  await check('the old phone finds out by itself, and shows no card', () =>
    seesEnd(old, 'phone-replaced', 'Карта перенесена на другой телефон', 'Это не вы?'),
  );
  await check('leaving that screen removes the key and the card', async () => {
    await old.click('button', 'Понятно');
    await until('the key is removed', REMOVED_WITHIN_MILLIS, async () => (await old.stored('keys')).length === 0);
    assert.deepEqual(await old.stored('cards'), []);
  });
  return fresh;
}

/** The loss is reported from a device that has no card. */
export async function lossStory(member, birthDate, lost, helper) {
  chapter('A lost phone in WebKit');
  const { code } = await member.printSheet();
  await check('the loss is reported from any device, with the code of the sheet and the birth date', async () => {
    await helper.open('/');
    await helper.click('a', 'Потеряли телефон?');
    await typesCode(helper, code, birthDate);
    await helper.click('button', 'Отключить телефон');
    await helper.reads('main', 'карта отозвана', 'по новому коду у председателя');
  });
  await check('the lost phone finds out by itself, and shows no card', () =>
    seesEnd(lost, 'phone-lost', 'Телефон отключён', 'возьмите у председателя новый код'),
  );
}
