// The till: anyone's check without pairing, then a cashier's purchase, all of it read by the camera and offline.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { holdNothing, holdPicture } from '../lib/camera.mjs';
import { assertReads, chapter, check, plain } from '../lib/report.mjs';
import { HERO } from './chair.mjs';
import { photograph, reopenCode } from './member.mjs';

/** Its partner gives 3 % from 100 roubles on. */
export const OUTLET = 'Магазин на Ленина';
const THINKING_MILLIS = 90_000;

/** Holds the phone before the till's camera and waits for the verdict; answers its words. */
export async function scan(till, phone) {
  return verdictOn(till, await photograph(phone));
}

export async function verdictOn(till, picture) {
  await scanning(till);
  await holdPicture(till.page, picture);
  return seesVerdict(till);
}

export async function seesVerdict(till) {
  const text = await till.reads(till.at('verdict'));
  await holdNothing(till.page);
  return { text, code: await till.at('verdict').getAttribute('data-code') };
}

/** The camera runs and waits for a code. */
export async function scanning(till) {
  await till.page.waitForFunction(() => {
    const video = document.querySelector('[data-testid="camera"]');
    return video && video.videoWidth > 0 && !video.paused;
  });
}

/** The signed lists are here: without them no card can be judged. */
async function hasLists(till) {
  await till.reads(till.at('lists-age'), 'Списки:');
}

/** Not paired with any outlet: whoever opens the scan screen has one. */
export async function anyonesTill(stage, name) {
  const till = await stage.person(name, { isPhone: false });
  await till.open('/scan');
  await hasLists(till);
  return till;
}

export async function anyoneStory(stage, instance, phone) {
  chapter('Anyone, and the server gone');
  const till = await anyonesTill(stage, 'till');
  await scanning(till);
  await till.installed();
  await till.shoot('scan-unpaired');

  await check('the server stops on Ctrl-C, and everything that it had started', () => instance.stop());
  await phone.offline(false);
  await check('without the server the card and its code show from a cold start', () => reopenCode(phone));
  await check('without pairing and without the server, the camera reads the phone: the verdict', async () => {
    await till.open('/scan');
    const { text, code } = await scan(till, phone);
    assert.equal(code, 'accepted');
    assertReads(text, 'ДЕЙСТВИТЕЛЬНА', HERO.shownName, 'Работающий член Профсоюза', 'Начисление');
    assert.equal(await till.at('to-amount').count(), 0, 'an unpaired till offers a purchase');
  });
  await check('the server starts again on the same data', () => instance.start());
  return till;
}

export async function pair(till, code) {
  await till.open('/scan/pairing');
  await till.at('pairing-code').fill(code);
  await till.at('pair').click();
  await till.at('shift-count').waitFor();
  await hasLists(till);
}

/** Types an amount of whole roubles on the pad. */
export async function typeAmount(till, roubles) {
  for (const digit of String(roubles)) await till.at(`pad-${digit}`).click();
}

/** From the verdict on the screen to the purchase put down. */
export async function buy(till, roubles) {
  await till.at('to-amount').click();
  await typeAmount(till, roubles);
  await till.at('confirm-purchase').click();
  return till.reads(till.at('done'));
}

/** Answers the text that the camera read from the accepted card, when it was accepted, and the number of the purchase. */
export async function purchaseStory(instance, till, phone) {
  chapter('The cashier');
  await check('pairs the till with a code', async () => {
    await till.open('/scan/pairing');
    await till.at('pairing-code').fill('AAAAA-AAAAA');
    await till.at('pair').click();
    await till.reads(till.page.getByRole('main'), 'Код не подошёл');
    await till.shoot('till-pairing');
    await pair(till, await instance.tillCode(OUTLET));
    await till.shoot('till-scan');
  });
  await check('goes offline and reopens the till: it still scans', async () => {
    await till.offline();
    await till.open('/scan');
    await till.reads(till.at('contact'), 'Без сети');
    await scanning(till);
  });
  const picture = await photograph(phone);
  await check('reads the phone with the camera: the verdict, the name, what is allowed', async () => {
    const { text, code } = await verdictOn(till, picture);
    assert.equal(code, 'accepted');
    assertReads(text, 'ДЕЙСТВИТЕЛЬНА', HERO.shownName, 'Скидка', 'Начисление', 'Списание');
    await till.shoot('till-verdict-ok');
  });
  await check('types the amount on the pad and reads what it brings', async () => {
    await till.at('to-amount').click();
    await till.reads(till.at('amount'));
    assert.equal(await till.at('confirm-purchase').isDisabled(), true);
    await typeAmount(till, 1500);
    assertReads(await till.at('amount').innerText(), '1 500 ₽');
    assertReads(await till.at('cashback').innerText(), 'кэшбэк 3 % — 45,00 ₽');
    await till.shoot('till-amount');
  });
  const receipt = await check(
    'takes longer over the amount than a code lives, confirms: done, with a receipt number',
    async () => {
      await till.shiftClock(THINKING_MILLIS);
      await till.at('confirm-purchase').click();
      const text = await till.reads(till.at('done'), 'Уйдёт на сервер, когда будет связь');
      assertReads(text, 'Покупка принята', '1 500,00 ₽');
      await till.shiftClock(0);
      await till.shoot('till-done');
      return plain(/Чек № \S+/.exec(text)[0]);
    },
  );
  const { token, atSeconds } = await check('what the camera read stands in the outbox, dated by the verdict', () =>
    rowRead(till),
  );
  await till.at('next-customer').click();
  await check('the same code once more is refused: already accepted', async () => {
    // However long the story took, this is shortly after the first time: the code itself has not run out.
    await till.shiftClock((atSeconds + 20) * 1000 - Date.now());
    const { text, code } = await verdictOn(till, picture);
    assert.equal(code, 'replayed');
    assertReads(text, 'ОТКАЗ', 'Этот код уже принят', 'Дождитесь нового кода');
  });
  await check('closed and reopened offline, the till still holds the unsent purchase', async () => {
    await till.open('/scan');
    await till.reads(till.at('outbox'), '1 ждёт связи');
  });
  await check('the command line agrees with the till on what its camera read', () =>
    keepStory(instance, till, token, atSeconds),
  );
  return { token, atSeconds, receipt };
}

async function rowRead(till) {
  const rows = await till.stored('outbox');
  assert.equal(rows.length, 1);
  const [{ args, atSeconds }] = rows;
  assert.match(args.token, /^PC1:/);
  assert.ok(atSeconds <= Date.now() / 1000, 'the purchase is dated by the confirmation');
  return { token: args.token, atSeconds };
}

async function keepStory(instance, till, token, now) {
  const { trust, status, options } = await instance.publishedLists();
  const story = { token, trust: trust.toString('hex'), status: status.toString('hex'), now };
  await writeFile(join(till.stage.folder, 'story.json'), `${JSON.stringify(story, null, 2)}\n`);
  const line = await instance.run('card', 'verify', token, ...options, '--at', String(now));
  const verdict = JSON.parse(line);
  assert.equal(verdict.accepted, true, line);
  assert.equal(verdict.name, HERO.shownName);
  assert.equal(verdict.class, 'phone');
}

export async function settlesStory(till, receipt) {
  await check('back online, the purchase settles by itself, under the number that the customer was given', async () => {
    await till.offline(false);
    await till.reads(till.at('outbox'), 'Всё отправлено');
    await till.at('shift-count').click();
    const row = await till.reads(till.at('settled').locator(till.at('operation')), HERO.shownName);
    assertReads(row, '1 500,00 ₽', receipt, 'кэшбэк 45,00 ₽', 'Учтена');
  });
}
