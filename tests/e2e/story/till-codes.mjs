// Every code that the till can show, from the conformance vectors, through the camera: a till that holds exactly a vector's
// lists, pins and memory at the vector's moment is shown the vector's token as a code, and says the code's own words.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { holdCode, holdNothing } from '../lib/camera.mjs';
import { repository } from '../lib/instance.mjs';
import { assertReads, chapter, check } from '../lib/report.mjs';
import { codeOf, uriOf } from '../lib/token.mjs';
import { scanning, typeAmount } from './till.mjs';

const folder = join(repository, 'crates/card/vectors');
/** The list that the vectors' trust lists name. */
const LIST = 'urn:pc:s1';

/** What the screen says of each code: its word, its headline in Russian and in English. */
const WORDS = {
  accepted: ['ДЕЙСТВИТЕЛЬНА', 'Иванова М. П.', 'VALID'],
  'status-stale': ['ПРОВЕРЬТЕ', 'Карта подлинная, список отзыва за 21 ноября', 'the revocation list is of 21 November'],
  'status-too-old': [
    'ПРОВЕРЬТЕ',
    'Карта подлинная, список отзыва за 15 ноября',
    'the revocation list is of 15 November',
  ],
  'not-a-card': ['ОТКАЗ', 'Это не карта профсоюза', 'This is not a union card'],
  malformed: ['ОТКАЗ', 'Код собран не по правилам карты', 'The code is not built as a card’s'],
  'trust-list-bad': ['ОТКАЗ', 'Список доверия на кассе подписан не Профсоюзом', 'not signed by the Union'],
  'trust-list-rollback': ['ОТКАЗ', 'Список доверия на кассе подменён более старым', 'replaced by an older one'],
  'trust-list-expired': ['ОТКАЗ', 'Список доверия на кассе действовал до 21 декабря', 'was good until 21 December'],
  'unknown-key': ['ОТКАЗ', 'Касса не знает ключа этой карты', 'does not know this card’s key'],
  'bad-signature': ['ОТКАЗ', 'Подпись Профсоюза не сходится', 'The Union’s signature does not match'],
  'not-yet-valid': ['ОТКАЗ', 'Часы кассы отстают на 1 минуту', 'The till’s clock is 1 minute slow'],
  expired: ['ОТКАЗ', 'Срок карты истёк', 'The card expired on'],
  'proof-missing': ['ОТКАЗ', 'Показана копия карты', 'This is a copy of a card'],
  'proof-bad': [
    'ОТКАЗ',
    'Подпись телефона под кодом не сходится',
    'The phone’s signature under the code does not match',
  ],
  'proof-stale': ['ОТКАЗ', 'Код показан 1 минуту назад: это снимок?', 'The code was shown 1 minute ago: a screenshot?'],
  'proof-future': ['ОТКАЗ', 'Часы телефона спешат на 1 минуту', 'The phone’s clock is 1 minute fast'],
  'challenge-missing': [null, 'Для списания нужны цифры этой кассы: 4271', 'Redeeming needs this till’s digits: 4271'],
  'challenge-wrong': [null, 'Для списания нужны цифры этой кассы: 4272', 'Redeeming needs this till’s digits: 4272'],
  'status-bad': ['ОТКАЗ', 'Список отзыва на кассе повреждён', 'The till’s revocation list is damaged'],
  'status-unknown': ['ОТКАЗ', 'Состояние карты неизвестно', 'The card’s state is unknown'],
  revoked: ['ОТКАЗ', 'Карта отозвана', 'The card is revoked'],
  suspended: ['ОТКАЗ', 'Карта приостановлена', 'The card is suspended'],
  replayed: ['ОТКАЗ', 'Этот код уже принят', 'This code has been accepted already'],
};

export async function codesStory(stage) {
  chapter('Every code of the till');
  const vectors = await readVectors();
  const codes = new Set(vectors.flatMap(({ expect: { code, warning } }) => [code, warning ?? code]));
  assert.deepEqual(Object.keys(WORDS).sort(), [...codes].sort(), 'a code without words here');
  const till = await makeTill(stage, vectors[0]);
  const pictures = new Map();
  for (const code of Object.keys(WORDS)) {
    const vector = vectors.find((candidate) => isOf(code, candidate));
    await check(`${code}: ${vector.name}`, async () => {
      await plant(till, vector);
      // Whoever redeems shows an ordinary code first.
      const first = vectors.find(
        ({ expect, token }) => expect.code === 'accepted' && expect.class === 'phone' && token !== vector.token,
      );
      const picture = await (vector.wants === 'redemption'
        ? showsAtRedeeming(till, code, vector, first)
        : showsVerdict(till, code, vector));
      assert.ok(![...pictures.values()].includes(picture), 'another code has the same picture');
      pictures.set(code, picture);
    });
  }
  await till.context.close();
}

export async function readVectors() {
  const files = (await readdir(folder)).filter((name) => /^\d.*\.json$/.test(name)).sort();
  const all = await Promise.all(files.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8'))));
  return all.flat();
}

/** The vector whose verdict this is, which a camera can be shown, and whose lists a till can hold: one, and taken in before. */
function isOf(code, { expect, token, wants, trustList, statusLists, held }) {
  const isRedemption = code.startsWith('challenge-');
  const isShowable =
    token.length > 0 && token.length < 700 && trustList !== null && statusLists.length < 2 && held.statusIat === null;
  return (expect.warning ?? expect.code) === code && isShowable && (wants === 'redemption') === isRedemption;
}

/** A till that reaches its server and hears nothing new from it; what it holds is planted. */
export async function makeTill(stage, vector) {
  const till = await stage.person('codes', { isPhone: false });
  till.vector = vector;
  // From the page's first moment: a server's time that is heard by the true clock would be kept as this clock's fault.
  await till.context.addInitScript((millis) => {
    if (location.protocol.startsWith('http')) window.stopClock(Number(sessionStorage.getItem('stopped-at') ?? millis));
  }, vector.now * 1000);
  // The app's worker would answer for its pins out of its own store.
  await till.context.addInitScript(() => delete Navigator.prototype.serviceWorker);
  await till.context.route('**/.well-known/**', (route) => route.fulfill({ status: 304 }));
  await till.context.route('**/api/**', (route) => route.fulfill({ status: 503, json: { code: 'unavailable' } }));
  await till.context.route('**/api/time', (route) => route.fulfill({ json: { unixMillis: till.vector.now * 1000 } }));
  // A vector whose till shows no digits is none that a till which redeems can be in.
  await till.context.route('**/api/till/redemption-challenge', (route) =>
    route.fulfill({ json: { digits: till.vector.challenge, validSeconds: 180 } }),
  );
  await till.context.route('**/shell.json', (route) => route.fulfill({ json: { roots: till.vector.roots } }));
  // The app makes its database.
  await till.open('/scan');
  await scanning(till);
  return till;
}

export async function plant(till, vector) {
  const rows = {
    lists: listsOf(vector),
    proofs: vector.held.proofIds.map((id) => ({ id, atSeconds: vector.now })),
    meta: [
      { key: 'till-op-no', value: 0 },
      ...(vector.held.trustSeq === null ? [] : [{ key: 'trust-seq', value: vector.held.trustSeq }]),
    ],
    entities: [{ face: 'till', entity: 'till', id: 'me', data: TILL }],
    outbox: [],
  };
  await till.page.evaluate(plantRows, rows);
  await till.page.evaluate((millis) => sessionStorage.setItem('stopped-at', millis), vector.now * 1000);
  till.vector = vector;
  await till.page.reload();
  await scanning(till);
}

const TILL = {
  terminalId: '00000000-0000-4000-8000-000000000001',
  terminalNumber: 7,
  outletId: '00000000-0000-4000-8000-000000000002',
  partnerName: 'Книжная лавка',
  outletName: 'Магазин на Ленина',
  lastOpNo: 0,
  redemption: { maxShareBp: 3000 },
};

/** Each stands under the name that it was asked for by; a list that no verifier takes may not say it. */
function listsOf({ trustList, statusLists }) {
  const status = statusLists.map((hex) => ({ id: uriOf(Buffer.from(hex, 'hex')) ?? LIST, hex }));
  return [{ id: 'trust', hex: trustList }, ...status];
}

/** Runs in the page. */
async function plantRows(rows) {
  localStorage.clear();
  const settle = (request) =>
    new Promise((done, failed) => {
      request.onsuccess = () => done(request.result);
      request.onerror = () => failed(request.error);
    });
  const db = await settle(indexedDB.open('profcards'));
  const tx = db.transaction(Object.keys(rows), 'readwrite');
  for (const [store, values] of Object.entries(rows)) {
    tx.objectStore(store).clear();
    for (const { hex, ...row } of values) {
      const bytes =
        hex === undefined ? {} : { bytes: Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16)) };
      tx.objectStore(store).put({
        ...row,
        ...bytes,
        ...(hex === undefined ? {} : { etag: '"planted"', fetchedAtSeconds: 0 }),
      });
    }
  }
  await new Promise((done, failed) => {
    tx.oncomplete = done;
    tx.onerror = () => failed(tx.error);
  });
  db.close();
}

async function showsVerdict(till, code, vector) {
  await holdCode(till.page, codeOf(vector.token));
  const text = await till.reads(till.at('verdict'));
  await holdNothing(till.page);
  const [word, russian, english] = WORDS[code];
  assert.equal(await till.at('verdict').getAttribute('data-code'), vector.expect.code, text);
  assertReads(text, word, russian, ...(code === 'accepted' ? [] : [`код: ${code}`]));
  await till.page.screenshot({ path: join(till.stage.folder, `code-${code}.png`) });
  const picture = await till.at('verdict').locator('svg').first().innerHTML();
  await till.at('language').click();
  assertReads(await till.reads(till.at('verdict')), english);
  return picture;
}

/** The vector's token is what the phone shows once the digits are asked for. */
async function showsAtRedeeming(till, code, vector, first) {
  await holdCode(till.page, codeOf(first.token));
  await till.reads(till.at('verdict'));
  await till.at('to-amount').click();
  await typeAmount(till, 1500);
  await till.at('redeem').click();
  await till.reads(till.at('challenge'), vector.challenge);
  await scanning(till);
  await holdCode(till.page, codeOf(vector.token));
  const text = await till.reads(till.page.getByRole('alert'));
  await holdNothing(till.page);
  assertReads(text, WORDS[code][1], `код: ${code}`);
  await till.page.screenshot({ path: join(till.stage.folder, `code-${code}.png`) });
  return till.page.getByRole('alert').locator('svg').first().innerHTML();
}
