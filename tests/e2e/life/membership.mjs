// What the register says of a member is what the card says, and a till knows of it with its next lists.
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { WIDE } from '../lib/browser.mjs';
import { until } from '../lib/instance.mjs';
import { assertReads, chapter, check, plain } from '../lib/report.mjs';
import { countsPeople, opensPerson, signsIn, takesAct } from '../story/chair.mjs';
import { activate, openCode } from '../story/member.mjs';
import { hearsNewList } from '../story/refusals.mjs';
import { anyonesTill, scan } from '../story/till.mjs';

const EXCHANGED_WITHIN_MILLIS = 10_000;
const LISTED_WITHIN_MILLIS = 10_000;
const COUNTED_AT_FIRST = 200;
const FOCUSED_WITHIN_MILLIS = 5_000;
const NEW_NAME = 'Переименованная';

export async function membershipStory(instance, stage, chair) {
  chapter('A paused membership, and changed data');
  const { code, birthDate, name } = await instance.freshEntries();
  const phone = await stage.person('member-phone');
  await activate(phone, code, birthDate, { joins: false });
  const till = await anyonesTill(stage, 'lists-till');
  await pauseStory(chair, till, phone, name);
  await changeStory(chair, phone, name);
  await endStory(chair, phone, `${NEW_NAME} ${name.split(' ').slice(1).join(' ')}`);
  await besideStory(stage);
}

/** The phone shows its code and has heard of nothing: what the till says of it comes from the till's own lists. */
async function pauseStory(chair, till, phone, name) {
  await openCode(phone);
  await phone.offline();
  await opensPerson(chair, name);
  await check('the chair pauses a membership, and may take it back for six seconds', async () => {
    await hearsNewList(till, async () => {
      await takesAct(chair, 'suspend');
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
    await chair.hasFocus('h1');
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
  await check(
    'changing the name says that the card is issued anew; an unfinished change stays as a draft',
    async () => {
      await opensPerson(chair, name);
      await chair.at('edit').click();
      await chair.at('last-name').fill(NEW_NAME);
      await chair.reads(chair.page.getByRole('main'), 'Карта будет выпущена заново');
      assert.equal(await chair.link('Люди').getAttribute('aria-current'), 'page');
      await chair.shoot('chair-edit');
      await chair.page.reload();
      await chair.reads(chair.page.getByRole('main'), 'Это ваш незаконченный черновик');
      assert.equal(await chair.at('last-name').inputValue(), NEW_NAME);
      await chair.at('save-person').click();
      await chair.reads(chair.page.locator('body'), 'Данные изменены, карта выпущена заново');
      await chair.reads(chair.page.getByRole('heading', { level: 1 }), [NEW_NAME, ...given].join(' '));
    },
  );
  await check('the new card comes to the open phone by itself, for the same key, with a notice', async () => {
    await phone.reads(phone.at('card'), NEW_NAME);
    assert.ok(!plain(await phone.at('card').innerText()).includes(lastName));
    await phone.reads(phone.page.getByRole('main'), 'Действует');
    await phone.page.waitForFunction(() =>
      /новых: /.test(document.querySelector('[data-testid="bell"]')?.ariaLabel ?? ''),
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
    await takesAct(chair, 'end');
    await chair.at('end-confirm').click();
    assertReads(await chair.reads(chair.sheet(), 'Выберите одно'), 'Отменить это нельзя');
    await chair.page.getByRole('radio', { name: /^Выш(ел|ла) из Профсоюза/ }).check();
    await chair.shoot('chair-end');
    await chair.at('end-confirm').click();
    await chair.reads(chair.page.locator('body'), 'Членство прекращено');
    await chair.reads(chair.page.getByRole('main'), /Выш(ел|ла) из Профсоюза/);
    await chair.hasFocus('h1');
  });
  await check('the phone is told that the membership is over', async () => {
    await phone.reads(phone.at('phone-end'), 'Членство в Профсоюзе прекращено');
    await phone.shoot('member-ended');
  });
}

/** On a wide screen the list stands beside the person and is never opened anew. */
async function besideStory(stage) {
  await check('beside the form the list shows who was entered', async () => {
    const desk = await signsInAtDesk(stage, 'school12', 'ППО школы № 12');
    const membersBefore = await countsPeople(desk);
    await desk.at('new-person').click();
    await desk.at('last-name').fill('Абакумова');
    await desk.at('first-name').fill('Зоя');
    await desk.page.getByRole('radio', { name: 'Женский' }).check();
    await desk.at('birth-date').pressSequentially('12031955');
    await desk.page.getByRole('radio', { name: 'Пенсионер' }).check();
    await desk.at('save-person').click();
    await desk.at('person-row').filter({ hasText: 'Абакумова Зоя' }).waitFor();
    assert.equal(await countsPeople(desk), membersBefore + 1);
    await desk.page.close();
  });
  await check('with room for columns the people are a table, gone through by the keyboard alone', () =>
    tableStory(stage),
  );
  await check('after an act beside it the list stays where it was, and goes on to its end', async () => {
    const desk = await signsInAtDesk(stage, 'lipetsk', 'Липецкая областная организация');
    const found = desk.page.getByRole('status').first();
    assertReads(await found.innerText(), 'больше');
    const rows = desk.page.getByRole('table', { name: 'Люди' });
    const scrolls = (pixels) => rows.evaluate((table, by) => table.parentElement.scrollBy(0, by), pixels);
    await scrolls(1_000);
    await desk.at('person-row').nth(10).click();
    await takesAct(desk, 'suspend');
    await desk.reads(desk.page.locator('[data-testid="person-row"][aria-current]'), 'приостановлено');
    await desk.reads(rows.and(desk.page.locator('[aria-busy="false"]')));
    assert.equal(await rows.evaluate((table) => table.parentElement.scrollTop), 1_000);
    await desk.at('resume').click();
    await desk.at('resume').waitFor({ state: 'detached' });
    await until('the last person is listed', LISTED_WITHIN_MILLIS, async () => {
      await scrolls(100_000);
      return !(await found.innerText()).includes('больше');
    });
    const members = await countsPeople(desk);
    assert.ok(members > COUNTED_AT_FIRST);
    await scrolls(100_000);
    await rows.locator(`[aria-rowindex="${members + 1}"]`).waitFor();
    await desk.page.close();
  });
}

async function tableStory(stage) {
  const desk = await signsInAtDesk(stage, 'school12', 'ППО школы № 12');
  const { page } = desk;
  assert.deepEqual(await page.getByRole('columnheader').allInnerTexts(), [
    'Фамилия, имя, отчество',
    'Номер билета',
    'Категория',
    'Должность',
    'Карта',
    'Согласие',
  ]);
  const isFocused = (locator) => locator.evaluate((element) => element === document.activeElement);
  await desk.at('person-row').first().focus();
  await page.keyboard.press('ArrowDown');
  const second = desk.at('person-row').nth(1);
  assert.ok(await isFocused(second));
  await page.keyboard.press('Enter');
  await desk.reads(page.getByRole('heading', { level: 1 }), await second.innerText());
  await desk.shoot('chair-table-beside');
  // The pictures of the small size were taken without the list, which comes back beside the person.
  await page.setViewportSize(WIDE);
  await second.waitFor();
  await page.keyboard.press('Escape');
  await until('the row has the focus again', FOCUSED_WITHIN_MILLIS, () => isFocused(second));
  await page.keyboard.press('/');
  assert.ok(await isFocused(desk.at('people-search')));
  await page.close();
}

async function signsInAtDesk(stage, login, organisation) {
  const desk = await stage.person(`desk-${login}`, { isPhone: false });
  await desk.open('/chair');
  await desk.page.setViewportSize(WIDE);
  await signsIn(desk, login, organisation);
  await desk.link('Люди').click();
  await desk.at('person-row').first().waitFor();
  return desk;
}
