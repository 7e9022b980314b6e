// Somebody with a regional login wants members' money: prints sheets, enrols phones of their own and redeems.
import assert from 'node:assert/strict';
import { makeInstance } from '../../e2e/lib/instance.mjs';
import { check } from '../../e2e/lib/report.mjs';
import { daysPass, Phone, Staff } from '../lib/actors.mjs';
import { Till } from '../lib/till.mjs';

export const title = 'A regional login and other people’s balances';

const OUTLET = 'Магазин на Ленина';
const VICTIMS = 6;
/** Sheets of one account in a day for members who have or had a phone, by docs/security.md. */
const MOST_SHEETS = 20;

export async function attack() {
  const instance = await makeInstance();
  instance.env.PROFCARDS_REDEMPTION_WAIT_HOURS = '72';
  try {
    await instance.start();
    const world = await makeWorld(instance);
    await check('six phones that six sheets enrolled pay nothing', () => takeAll(world));
    await check('each of the six was told of the sheet, and that another phone has the card', () => wereTold(world));
    await check('the log names the account for each sheet', () => areInTheLog(instance));
    await check(
      'a loss that is reported first, an agreement of the new phone, a second sheet: none shortens the wait',
      () => detours(world),
    );
    await check('a member ends the phone with the sheet that was theirs, whatever was done against it', () =>
      ownSheets(instance, world),
    );
    await check('an account’s sheets for members with a phone end for the day', () => sheetsEnd(world));
    await check('the books agree with the journal', () => instance.run('ledger', 'audit'));
    await instance.stop();
  } finally {
    await instance.remove();
  }
}

async function makeWorld(instance) {
  const { url } = instance;
  const chair = await Staff.signIn(url, 'school12');
  const insider = await Staff.signIn(url, 'lipetsk');
  const till = await Till.pair(url, await instance.tillCode(OUTLET));
  const victims = [];
  for (const member of await chair.members(VICTIMS)) {
    const { status, body } = await chair.print(member.id);
    assert.equal(status, 200);
    const phone = await Phone.enrol(url, body.code, member.birthDate);
    await till.book({ token: phone.code(), amountKopecks: 1_000_000 });
    victims.push({ ...member, code: body.code, phone });
  }
  await daysPass(instance);
  return { url, insider, till, victims };
}

/** The insider's own phone takes the member's card. */
async function steal({ url, insider }, victim) {
  const { status, body } = await insider.print(victim.id);
  assert.equal(status, 200, JSON.stringify(body));
  return Phone.enrol(url, body.code, victim.birthDate);
}

async function paysNothing({ till }, phone) {
  const opNo = till.nextOpNo();
  const token = phone.code({ digits: await till.digits(opNo), maxKopecks: 30_000 });
  const limit = await till.askLimit(token, opNo);
  assert.deepEqual([limit.status, limit.body.code], [422, 'redemption-too-soon']);
  const [answer] = await till.push([till.purchase({ token, amountKopecks: 100_000, redeemKopecks: 30_000, opNo })]);
  assert.deepEqual([answer.status, answer.code], ['rejected', 'redemption-too-soon']);
  const { upserts } = await phone.good('GET', '/api/sync/pull?face=member&schema=1');
  assert.equal(upserts.find(({ entity }) => entity === 'balance').data.availableKopecks, 30_000);
}

async function takeAll(world) {
  for (const victim of world.victims) {
    const sheet = await world.insider.print(victim.id);
    assert.equal(sheet.status, 200);
    victim.heard = await victim.phone.notices();
    victim.stolen = await Phone.enrol(world.url, sheet.body.code, victim.birthDate);
    await paysNothing(world, victim.stolen);
  }
}

async function wereTold({ victims }) {
  for (const { heard, phone } of victims) {
    assert.ok(heard.includes('sheet-printed'), heard.join());
    const { status, body } = await phone.ask('GET', '/api/member/profile');
    assert.deepEqual([status, body.code], [401, 'phone-replaced']);
  }
}

async function areInTheLog(instance) {
  await instance.told(new RegExp(`(a sheet is printed.*is_replacement=true[^]*){${VICTIMS}}`));
  const lines = instance.log
    .split('\n')
    .filter((line) => line.includes('a sheet is printed') && line.includes('is_replacement=true'));
  assert.equal(lines.length, VICTIMS);
  assert.equal(new Set(lines.map((line) => /account=(\S+)/.exec(line)[1])).size, 1);
}

async function detours(world) {
  const [victim] = world.victims;
  const headers = { 'idempotency-key': crypto.randomUUID() };
  await world.insider.good('POST', `/api/staff/members/${victim.id}/phone/lost`, {}, headers);
  const second = await steal(world, victim);
  await paysNothing(world, second);
  await second.good('POST', '/api/member/move', {});
  victim.stolen = await steal(world, victim);
  await paysNothing(world, victim.stolen);
}

/** The sheet is to ask for another birth date, and its door to be closed by wrong ones. */
async function disarm({ url, insider }, { code, ...member }) {
  const { id, lastName, firstName, middleName, sex, birthDate, category, position } = member;
  const born = `${Number(birthDate.slice(0, 4)) - 1}-01-02`;
  const data = { lastName, firstName, middleName, sex, birthDate: born, category, position };
  await insider.good('PUT', `/api/staff/members/${id}`, data, { 'idempotency-key': crypto.randomUUID() });
  for (let day = 10; day < 19; day += 1) {
    const { status } = await new Phone(url).ask('POST', '/api/lost-phone', { code, birthDate: `1931-03-${day}` });
    assert.equal(status, 403);
  }
}

async function ownSheets(instance, world) {
  const [, victim] = world.victims;
  const { code, birthDate, stolen } = victim;
  await disarm(world, victim);
  await instance.told(/a birth date is changed/);
  const nobody = new Phone(world.url);
  await nobody.good('POST', '/api/lost-phone', { code, birthDate });
  const { status, body } = await stolen.ask('GET', '/api/member/profile');
  assert.deepEqual([status, body.code], [401, 'phone-lost']);
}

async function sheetsEnd({ insider, victims }) {
  let printed = VICTIMS + 2;
  for (; printed <= MOST_SHEETS; printed += 1) {
    const { status, body } = await insider.print(victims[printed % VICTIMS].id);
    if (status === 409) {
      assert.equal(body.code, 'too-many-sheets');
      break;
    }
    assert.equal(status, 200);
  }
  assert.equal(printed, MOST_SHEETS);
  // At once, as many as one likes.
  const answers = await Promise.all(victims.map(({ id }) => insider.print(id)));
  assert.ok(answers.every(({ status, body }) => status === 409 && body.code === 'too-many-sheets'));
}
