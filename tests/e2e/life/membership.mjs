// What the register says of a member is what the card says, and a till knows of it with its next lists.
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { until } from '../lib/instance.mjs';
import { assertReads, chapter, check, plain } from '../lib/report.mjs';
import { opensPerson } from '../story/chair.mjs';
import { activate, openCode } from '../story/member.mjs';
import { hearsNewList } from '../story/refusals.mjs';
import { scan } from '../story/till.mjs';

const EXCHANGED_WITHIN_MILLIS = 10_000;
const NEW_NAME = 'Переименованная';

export async function membershipStory(instance, stage, chair) {
  chapter('A paused membership, and changed data');
  const { code, birthDate, name } = await instance.freshEntries();
  const phone = await stage.person('member-phone');
  await activate(phone, code, birthDate, { joins: false });
  const till = await stage.person('lists-till', { isPhone: false });
  await till.open('/scan');
  await till.reads(till.at('lists-age'), 'Списки:');
  await pauseStory(chair, till, phone, name);
  await changeStory(chair, phone, name);
  await endStory(chair, phone, `${NEW_NAME} ${name.split(' ').slice(1).join(' ')}`);
}

/** The phone shows its code and has heard of nothing: what the till says of it comes from the till's own lists. */
async function pauseStory(chair, till, phone, name) {
  await openCode(phone);
  await phone.offline();
  await opensPerson(chair, name);
  await check('the chair pauses a membership, and may take it back for six seconds', async () => {
    await hearsNewList(till, async () => {
      await chair.at('suspend').click();
      await chair.reads(chair.page.locator('body'), 'Членство приостановлено');
      await chair.button('Отменить').waitFor();
    });
    await chair.reads(chair.page.getByRole('main'), 'Возобновить членство');
    await chair.shoot('chair-suspended');
  });
  await check('a till with new lists refuses the card, in words of its own', async () => {
    const { code, text } = await scan(till, phone);
    assert.equal(code, 'suspended', text);
    assertReads(text, 'приостановлено');
    await till.at('scan-next').click();
  });
  await check('the phone says so on the card, and offers no code', async () => {
    await phone.offline(false);
    await phone.reads(phone.page.getByRole('main'), 'Членство приостановлено: карта не действует');
    assert.equal(await phone.link('Показать код').count(), 0);
    await phone.shoot('member-suspended');
  });
  await check('resumed, the same card is good again, on the phone and at the till', async () => {
    await hearsNewList(till, () => chair.at('resume').click());
    await openCode(phone);
    assert.equal((await scan(till, phone)).code, 'accepted');
    await till.page.close();
    await phone.button('Закрыть').click();
  });
}

async function changeStory(chair, phone, name) {
  const [lastName, ...given] = name.split(' ');
  const [before] = await phone.stored('cards');
  const [key] = await phone.stored('keys');
  await check('changing the name says that the card is issued anew; an unfinished change stays as a draft', async () => {
    await opensPerson(chair, name);
    await chair.at('edit').click();
    await chair.at('last-name').fill(NEW_NAME);
    await chair.reads(chair.page.getByRole('main'), 'Карта будет выпущена заново');
    await chair.shoot('chair-edit');
    await chair.page.reload();
    await chair.reads(chair.page.getByRole('main'), 'Это ваш незаконченный черновик');
    assert.equal(await chair.at('last-name').inputValue(), NEW_NAME);
    await chair.at('save-person').click();
    await chair.reads(chair.page.locator('body'), 'Данные изменены, карта выпущена заново');
    await chair.reads(chair.page.getByRole('heading', { level: 1 }), [NEW_NAME, ...given].join(' '));
  });
  await check('the new card comes to the open phone by itself, for the same key, with a notice', async () => {
    await phone.reads(phone.at('card'), NEW_NAME);
    assert.ok(!plain(await phone.at('card').innerText()).includes(lastName));
    await phone.reads(phone.page.getByRole('main'), 'Действует');
    await phone.page.waitForFunction(
      () => /новых: /.test(document.querySelector('[data-testid="bell"]')?.ariaLabel ?? ''),
    );
    await until('the card is exchanged', EXCHANGED_WITHIN_MILLIS, async () => {
      const [after] = await phone.stored('cards');
      return !isDeepStrictEqual(after.bytes, before.bytes);
    });
    assert.deepEqual((await phone.stored('keys'))[0].publicCoseKey, key.publicCoseKey);
  });
}

async function endStory(chair, phone, name) {
  await check('ending a membership says that it is for good, and asks why', async () => {
    await opensPerson(chair, name);
    await chair.at('end').click();
    await chair.at('end-confirm').click();
    const sheet = chair.page.getByRole('dialog').filter({ visible: true });
    assertReads(await chair.reads(sheet, 'Выберите одно'), 'Отменить это нельзя');
    await chair.page.getByRole('radio', { name: 'Вышел из Профсоюза' }).check();
    await chair.shoot('chair-end');
    await chair.at('end-confirm').click();
    await chair.reads(chair.page.locator('body'), 'Членство прекращено');
    await chair.reads(chair.page.getByRole('main'), 'Вышел из Профсоюза');
  });
  await check('the phone is told that the membership is over', async () => {
    await phone.reads(phone.at('phone-end'), 'Членство в Профсоюзе прекращено');
    await phone.shoot('member-ended');
  });
}
