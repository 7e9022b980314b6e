// A member moves to another organisation of the tree: by whoever answers for both, and back within six seconds.
import assert from 'node:assert/strict';
import { assertReads, chapter, check } from '../lib/report.mjs';
import { opensPerson, signsIn, takesAct } from '../story/chair.mjs';
import { activate } from '../story/member.mjs';

const FROM = 'ППО школы № 12';

export async function transferStory(instance, stage) {
  chapter('Another organisation');
  const { code, birthDate, name } = await instance.freshEntries();
  const phone = await stage.person('transferred-phone');
  await activate(phone, code, birthDate, { joins: false });
  const staff = await stage.person('region');
  await staff.open('/chair');
  await signsIn(staff, 'lipetsk', 'Липецк');
  const to = await check('the staff of a region find the organisation in their tree', () => findsPlace(staff, name));
  await check('and move the member there; the number stays, the phone is told', async () => {
    await staff.at('transfer-here').click();
    await staff.reads(staff.page.locator('body'), `Человек переведён: ${to}`);
    assertReads(await staff.reads(staff.page.getByRole('main'), 'Номер билета'), to);
    await phone.reads(phone.at('card'), to);
    await phone.at('bell').click();
    await phone.reads(phone.page.locator('[data-kind="transferred"]'), `Теперь это ${to}`);
  });
  await check('the list is the one from which the member was opened', async () => {
    assert.equal(new URL(staff.page.url()).searchParams.has('org'), false);
  });
  await check('it can be taken back', async () => {
    await staff.button('Отменить').click();
    await staff.reads(staff.page.locator('dd'), FROM);
    await phone.open('/card');
    await phone.reads(phone.at('card'), FROM);
  });
}

async function findsPlace(staff, name) {
  await opensPerson(staff, name);
  await takesAct(staff, 'transfer');
  await staff.reads(staff.page.getByRole('main'), 'Человек на учёте здесь');
  assert.equal(await staff.at('transfer-here').count(), 0);
  await staff.page.getByRole('link', { name: /^Выше: / }).click();
  await staff.reads(staff.page.getByRole('main'), 'Здесь людей на учёт не ставят');
  const others = staff.page
    .getByRole('main')
    .getByRole('link')
    .filter({ hasText: 'Первичная организация' })
    .filter({ hasNotText: FROM });
  await others.first().click();
  await staff.at('transfer-here').waitFor();
  await staff.shoot('chair-transfer');
  return staff.page.getByRole('heading', { level: 2 }).first().innerText();
}
