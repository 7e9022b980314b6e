// A till in WebKit that has no camera: it judges pictures of codes and what a scanner types, also with the server gone.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { output } from '../lib/browser.mjs';
import { until } from '../lib/instance.mjs';
import { assertReads, chapter, check } from '../lib/report.mjs';
import { pictureOf, withOtherName, withoutProof } from '../lib/token.mjs';
import { KEYS } from '../lib/webdriver.mjs';
import { at } from '../lib/webkit.mjs';
import { asksToRedeem, photograph, scannedText, seesBalance, showsCode } from './member.mjs';

const TILL = { width: 1280, height: 800 };
/** Its partner gives 3 % from 100 roubles on, and lets bonuses pay a third. */
const OUTLET = 'Магазин на Ленина';
const STATUS_LIST = '/.well-known/profcards/status/1';
const PUBLISHED_WITHIN_MILLIS = 10_000;
const KEPT_WITHIN_MILLIS = 15_000;
const SCANS = 3;
const SCANNED_WITHIN_MILLIS = 4_000;

/** What a scanner, a keyboard of the US layout, presses with Shift for these. */
const SHIFTED = { $: '4', '%': '5', '*': '8', '+': '=', ':': ';' };

/** The keys that a USB scanner presses for a code. Letters are capitals, as with Caps Lock. */
const keysOf = (text) =>
  [...text].map((char) => (SHIFTED[char] ? KEYS.shift + SHIFTED[char] + KEYS.shift : char)).join('') + KEYS.enter;

/** Scans again where nothing came of it, as a cashier does: on a busy machine keys may come further apart than a scanner's. */
async function types(till, text, answer = at('verdict')) {
  for (let left = SCANS; left > 0 && (await till.count(answer)) === 0; left--) {
    await till.typeAtPage(keysOf(text));
    await until('an answer', SCANNED_WITHIN_MILLIS, () => till.count(answer)).catch(() => undefined);
  }
}

async function uploads(till, picture) {
  // Decoded by what it holds, not by its name.
  const file = join(output, 'webkit-code.png');
  await writeFile(file, picture);
  await till.upload(at('picture'), file);
}

/** Scans in the way that is given, and goes on to the next customer unless the verdict shall stand. */
async function verdictOn(till, scan, { goesOn = true } = {}) {
  await scan();
  const text = await till.reads(at('verdict'));
  const code = await till.attribute(at('verdict'), 'data-code');
  if (goesOn) await till.click(at('scan-next'));
  return { code, text };
}

async function judges(till, scan, expected, ...words) {
  const { code, text } = await verdictOn(till, scan);
  assert.equal(code, expected, text);
  assertReads(text, ...words);
}

async function opensScan(till) {
  await till.open('/scan');
  await till.reads(at('lists-age'), 'Списки:');
}

export async function pairingStory(stage, instance) {
  chapter('The till in WebKit');
  const till = await stage.person('till', TILL);
  await check('pairs with a code', async () => {
    await till.open('/scan/pairing');
    await till.type(at('pairing-code'), await instance.tillCode(OUTLET));
    await till.click(at('pair'));
    await till.reads(at('shift-count'));
    await till.reads(at('lists-age'), 'Списки:');
    await till.installed();
  });
  await check('says that there is no camera, and what else reads a code', () =>
    till.reads('[role="alert"]', 'Камеры нет', 'USB-сканером'),
  );
  return till;
}

/** Nobody answers: what is judged here is judged by the browser alone. Answers the picture that was accepted. */
export async function offlineTillStory(till, phone, { name, paper }) {
  await check('the server gone, closed and reopened: the till opens from what is kept', async () => {
    await opensScan(till);
    await till.reads(at('contact'), 'Без сети');
  });
  const picture = await photograph(phone);
  await check('reads the phone’s code from a picture, and a purchase is put down', async () => {
    const { code, text } = await verdictOn(till, () => uploads(till, picture), { goesOn: false });
    assert.equal(code, 'accepted', text);
    assertReads(text, 'ДЕЙСТВИТЕЛЬНА', name, 'Начисление', 'Списание');
    await till.click(at('to-amount'));
    for (const digit of '1500') await till.click(at(`pad-${digit}`));
    assertReads(await till.reads(at('cashback')), 'кэшбэк 3 % — 45,00 ₽');
    await till.click(at('confirm-purchase'));
    await till.reads(at('done'), 'Покупка принята', '1 500,00 ₽', 'Уйдёт на сервер, когда будет связь');
    await till.click(at('next-customer'));
  });
  await check('the same picture once more is refused', () =>
    judges(till, () => uploads(till, picture), 'replayed', 'ОТКАЗ', 'Этот код уже принят'),
  );
  const token = await scannedText(phone);
  await check('takes the next code from a scanner’s keystrokes', () =>
    judges(till, () => types(till, token), 'accepted', 'ДЕЙСТВИТЕЛЬНА', name),
  );
  await check('a paper card is accepted, by picture and by keystrokes', async () => {
    await judges(till, () => uploads(till, pictureOf(paper.token)), 'accepted', paper.name);
    await judges(till, () => types(till, paper.token), 'accepted', paper.name);
  });
  await check('a card with another name on it is refused', () =>
    judges(
      till,
      () => types(till, withOtherName(paper.token, paper.name)),
      'bad-signature',
      'ОТКАЗ',
      'Карта подделана или повреждена',
    ),
  );
  await check('a card with its proof stripped is refused', () =>
    judges(till, () => types(till, withoutProof(token)), 'proof-missing', 'ОТКАЗ', 'Показана копия карты'),
  );
  await check('a code that is no card is refused', () =>
    judges(
      till,
      () => uploads(till, pictureOf('HTTPS://EXAMPLE.ORG/')),
      'not-a-card',
      'ОТКАЗ',
      'Это не карта профсоюза',
    ),
  );
}

export async function settlesStory(till, phone) {
  await check('the server back, the purchase settles by itself, and the member reads it', async () => {
    await opensScan(till);
    await till.reads(at('outbox'), 'Всё отправлено');
    await phone.open('/card/profcards');
    await phone.reads('main', 'Ожидает подтверждения', '45,00 ₽');
  });
}

/** The member has 45 roubles to spend. The digits are read off the till's screen and typed into the phone. */
export async function redemptionStory(till, phone) {
  chapter('Bonuses in WebKit');
  await seesBalance(phone, '45,00');
  await showsCode(phone);
  await opensScan(till);
  await check('the till shows digits, the member’s next code carries them, and a scanner reads it', async () => {
    const token = await scannedText(phone);
    const { code, text } = await verdictOn(till, () => types(till, token), { goesOn: false });
    assert.equal(code, 'accepted', text);
    await till.click(at('to-amount'));
    for (const digit of '1000') await till.click(at(`pad-${digit}`));
    await till.click(at('redeem'));
    const digits = await until(
      'the digits',
      KEPT_WITHIN_MILLIS,
      async () => /^\d{4}$/.exec((await till.reads(at('challenge'))).trim())?.[0],
    );
    await types(till, await asksToRedeem(phone, digits, '45,00 ₽'), at('redeem-limit'));
    await till.reads(at('redeem-limit'), 'списать до 45,00 ₽');
  });
  await check('it is taken off the bill, and gone from the balance', async () => {
    await till.click(at('confirm-redemption'));
    await till.reads(at('done'), 'Учтена на сервере', 'Списано 45,00 ₽ из 1 000,00 ₽', '955,00 ₽');
    await till.click(at('next-customer'));
    await seesBalance(phone, '0,00');
  });
}

export async function revokedStory(instance, till, member, paper) {
  chapter('A revocation in WebKit');
  const { etag: before } = await instance.download(STATUS_LIST);
  await member.revoke();
  const after = await until('a new status list', PUBLISHED_WITHIN_MILLIS, async () => {
    const { etag } = await instance.download(STATUS_LIST);
    return etag !== before && etag;
  });
  await opensScan(till);
  await until('the list is kept', KEPT_WITHIN_MILLIS, async () =>
    (await till.stored('lists')).some(({ etag }) => etag === after),
  );
  await instance.stop();
  await opensScan(till);
  await check('with the server gone again, the revoked card is refused', () =>
    judges(till, () => types(till, paper.token), 'revoked', 'ОТКАЗ', 'Карта отозвана'),
  );
}
