// One active phone: the card moves, a phone is lost and found out, and everyone concerned is told.
import assert from 'node:assert/strict';
import { until } from '../lib/instance.mjs';
import { assertReads, chapter, check, plain } from '../lib/report.mjs';
import { opensPerson } from '../story/chair.mjs';
import { activate, typesCode } from '../story/member.mjs';
import { algorithmOf, p256Phone } from './keys.mjs';

const TOLD_WITHIN_MILLIS = 10_000;

/** Prints a new sheet for the person; answers the code on it. */
async function newSheet(chair, name) {
  await opensPerson(chair, name);
  await chair.at('issue-card').click();
  return plain(await chair.reads(chair.at('sheet-code')));
}

/** The phone finds out by itself what has become of its card. */
async function seesEnd(phone, code, ...words) {
  const end = phone.at('phone-end');
  assertReads(await phone.reads(end), 'Этот телефон узнал об этом', ...words);
  assert.equal(await end.getAttribute('data-code'), code);
  assert.equal(await phone.at('card').count(), 0, 'the card is still shown');
  assert.equal(await phone.link('Показать код').count(), 0);
}

async function leavesEnd(phone, button) {
  await phone.button(button).click();
  await until('the key is removed', TOLD_WITHIN_MILLIS, async () => (await phone.stored('keys')).length === 0);
  assert.deepEqual(await phone.stored('cards'), []);
}

export async function phonesStory(instance, stage, chair) {
  chapter('Another phone, and a lost one');
  const { code, birthDate, name } = await instance.freshEntries();
  const old = await stage.person('old-phone');
  await activate(old, code, birthDate, { joins: true });
  assert.equal(await algorithmOf(old), 'EdDSA');
  await check('the profile tells how the card moves to a new phone', async () => {
    await old.open('/card/profile');
    await old.button('Новый телефон').click();
    const text = await old.reads(old.sheet(), 'Если телефон потеряется');
    assertReads(text, 'новую памятку с кодом', 'Здесь карта сразу перестанет действовать');
    await old.at('move-agree').click();
    await old.reads(old.at('move-consent'), 'Согласие действует до');
    await old.shoot('member-move');
    await old.at('move-withdraw').click();
    await old.at('move-agree').waitFor();
    await old.page.keyboard.press('Escape');
  });
  const fresh = await movingStory(stage, chair, name, birthDate, old);
  const lostCode = await lossByMemberStory(stage, instance, chair, fresh, name, birthDate);
  await lossByChairStory(chair, fresh, name, lostCode, birthDate);
}

async function movingStory(stage, chair, name, birthDate, old) {
  const fresh = await p256Phone(stage, 'new-phone');
  const code = await newSheet(chair, name);
  await check('the new phone is told beforehand that the card on the other one ends', async () => {
    await fresh.open('/activate');
    await typesCode(fresh, code, birthDate);
    await fresh.reads(fresh.page.getByRole('main'), 'карта на том телефоне сразу перестанет действовать');
    await fresh.shoot('member-replaces');
    await fresh.reads(fresh.page.getByRole('main'), 'Вы уже участвуете в ПрофКардс');
    await fresh.button('Открыть карту').click();
    await fresh.at('card').waitFor();
    assert.equal(await algorithmOf(fresh), 'ES256');
  });
  await check('the old phone finds out by itself, shows no card and says what to do', async () => {
    await seesEnd(old, 'phone-replaced', 'Карта перенесена на другой телефон', 'Это не вы?', 'Сообщить о потере');
    await old.shoot('member-phone-replaced');
  });
  await check('closed and reopened without a network it still shows no card', async () => {
    await old.installed();
    await old.offline();
    await old.open('/');
    await seesEnd(old, 'phone-replaced');
  });
  await check('leaving that screen removes the key and the card', () => leavesEnd(old, 'Понятно'));
  await check('the new phone has a notice of it, unread until it is looked at', () => readsNotice(fresh));
  return fresh;
}

async function readsNotice(phone) {
  assertReads(await phone.at('bell').getAttribute('aria-label'), 'новых: ');
  await phone.at('bell').click();
  const notice = phone.page.locator('[data-testid="notice"][data-kind="phone-replaced"]');
  assertReads(await phone.reads(notice), 'Карта перенесена на этот телефон', 'новое');
  await phone.shoot('member-notices');
  await until('the server has heard that it was read', TOLD_WITHIN_MILLIS, async () => {
    const sent = (await phone.stored('outbox')).filter(({ name }) => name === 'notice.read');
    return sent.length > 0 && sent.every(({ state }) => state === 'applied');
  });
  await phone.open('/card');
  await phone.at('card').waitFor();
  assert.equal(await phone.at('bell').getAttribute('aria-label'), 'Уведомления');
}

async function lossByMemberStory(stage, instance, chair, phone, name, birthDate) {
  const helper = await stage.person('someone-elses-device');
  const code = await newSheet(chair, name);
  await check('who opens the card where it is already is told that, and of no other phone', async () => {
    await phone.open('/activate');
    await typesCode(phone, code, birthDate);
    const said = await phone.reads(phone.page.getByRole('main'), 'Ваша карта уже есть на этом телефоне');
    assert.doesNotMatch(said, /На этом телефоне уже есть карта|на другом телефоне/);
    await phone.shoot('member-own-card');
    await phone.open('/card');
    await phone.at('card').waitFor();
  });
  await check('the loss is reported from any device, with the code of the sheet and the birth date', async () => {
    await helper.open('/');
    await helper.link('Потеряли телефон?').click();
    await helper.at('activation-code').pressSequentially(code);
    await helper.at('birth-date').pressSequentially('01011901');
    await helper.shoot('member-lost');
    await helper.button('Отключить телефон').click();
    await helper.reads(helper.page.getByRole('alert'), 'Код и дата рождения не подошли');
    await helper.at('birth-date').fill('');
    await helper.at('birth-date').pressSequentially(birthDate);
    await helper.button('Отключить телефон').click();
    assertReads(await helper.reads(helper.page.getByRole('main'), 'карта отозвана'), 'по новому коду у председателя');
    await helper.shoot('member-lost-done');
  });
  await check('the lost phone shows no card any more, and says why', async () => {
    await seesEnd(phone, 'phone-lost', 'Телефон отключён', 'возьмите у председателя новый код');
    await phone.shoot('member-phone-lost');
    await leavesEnd(phone, 'Ввести новый код');
    await phone.reads(phone.page.locator('h1'), 'Открыть карту');
  });
  await check('the code that was not used yet ended with the loss', async () => {
    await typesCode(phone, code, birthDate);
    await phone.reads(phone.page.getByRole('alert'), 'Код и дата рождения не подошли');
  });
  return newSheet(chair, name);
}

async function lossByChairStory(chair, phone, name, code, birthDate) {
  await activate(phone, code, birthDate, { joins: false });
  await check('the chair switches a lost phone off; the paper card lives on', async () => {
    await opensPerson(chair, name);
    await chair.at('phone-lost').click();
    const sheet = await chair.reads(chair.sheet(), 'Отключить телефон');
    assertReads(sheet, 'Бумажная карта останется действовать');
    await chair.shoot('chair-phone-lost');
    await chair.at('phone-lost-confirm').click();
    await chair.reads(chair.page.locator('body'), 'Телефон отключён, карта в нём отозвана');
    await chair.at('phone-lost').waitFor({ state: 'detached' });
    const cards = await chair.page.getByRole('region', { name: 'Карты', exact: true }).innerText();
    assert.match(plain(cards), /Бумажная карта .*действует/);
  });
  await check('that phone finds out as well', () => seesEnd(phone, 'phone-lost', 'Телефон отключён'));
}
