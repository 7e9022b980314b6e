// The till in Debian's Firefox, driven over WebDriver BiDi: it judges uploaded pictures of codes with the server gone.
// WebCrypto, IndexedDB, the service worker and the WebAssembly decoder are Firefox's own here.
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { output } from './lib/browser.mjs';
import { makeInstance, repository, until } from './lib/instance.mjs';
import { isInstalled, storedRows } from './lib/page.mjs';
import { assertReads, chapter, check, conclude, fail } from './lib/report.mjs';
import { signInChair } from './lib/staff.mjs';
import { pictureOf, withOtherName, withOtherProof, withoutProof } from './lib/token.mjs';

const { default: puppeteer } = await import(
  createRequire(join(repository, 'pwa/package.json')).resolve('puppeteer-core')
);

const WAIT_MILLIS = 15_000;
const PUBLISHED_WITHIN_MILLIS = 5_000;
const STATUS_LIST = '/.well-known/profcards/status/1';

/** Runs in the page before the app does: time stands still at the moment that the codes were shown. */
function stopClock(millis) {
  const TrueDate = Date;
  performance.now = () => 0;
  window.Date = class extends TrueDate {
    constructor(...given) {
      if (given.length === 0) super(millis);
      else super(...given);
    }
    static now() {
      return millis;
    }
  };
}

const at = (testid) => `[data-testid="${testid}"]`;
const textOf = async (page, testid) =>
  (await page.waitForSelector(at(testid))).evaluate((element) => element.innerText);

async function visit(page, url) {
  await page.goto(`${url}/scan`);
  await page.waitForSelector(at('picture'));
}

/** The app is kept on this device, and so is this version of the status list. */
async function installed(page, etag) {
  await page.evaluate(isInstalled);
  await until('the list is kept', WAIT_MILLIS, async () =>
    (await page.evaluate(storedRows, 'lists')).some((row) => row.etag === etag),
  );
}

async function verdictOn(page, token) {
  const file = join(output, 'code.gif');
  await writeFile(file, pictureOf(token));
  const input = await page.waitForSelector(at('picture'));
  await input.uploadFile(file);
  const verdict = await page.waitForSelector(at('verdict'));
  const found = await verdict.evaluate((element) => ({ code: element.dataset.code, text: element.innerText }));
  await page.click(at('scan-next'));
  return found;
}

async function accepts(page, token, ...words) {
  const { code, text } = await verdictOn(page, token);
  assert.equal(code, 'accepted', text);
  assertReads(text, 'ДЕЙСТВИТЕЛЬНА', ...words);
}

async function refuses(page, token, expected, ...words) {
  const { code, text } = await verdictOn(page, token);
  assert.equal(code, expected, text);
  assertReads(text, 'ОТКАЗ', ...words, `код: ${expected}`);
}

/** Two phones' cards as they are shown now, and the paper card of a member. */
async function cardsOf(instance, member) {
  const phone = (alg) => instance.run('card', 'sample', '--class', 'phone', '--alg', alg);
  const [ed25519, p256] = [await phone('eddsa'), await phone('es256')];
  const { paperToken: paper } = await member.printSheet();
  const { name } = JSON.parse(await instance.run('card', 'verify', ed25519));
  return { ed25519, p256, paper, name, atMillis: Date.now() };
}

async function offlineStory(instance, page, cards) {
  chapter('Firefox, the server gone');
  await instance.stop();
  await visit(page, instance.url);
  await check('the till opens from what is kept', () => textOf(page, 'lists-age'));
  const { ed25519, p256, paper, name } = cards;
  await check('a phone’s card with an Ed25519 proof is accepted', () =>
    accepts(page, ed25519, name, 'Начисление', 'Списание'),
  );
  await check('a phone’s card with a P-256 proof is accepted', () => accepts(page, p256, name, 'Списание'));
  await check('a paper card is accepted', () => accepts(page, paper, 'Скидка', 'Начисление'));
  await check('a card with another name on it is refused', () =>
    refuses(page, withOtherName(ed25519, name), 'bad-signature', 'Карта подделана или повреждена', 'Не принимайте'),
  );
  await check('an altered proof is refused', () =>
    refuses(page, withOtherProof(p256), 'proof-bad', 'Карта подделана или повреждена'),
  );
  await check('a card with its proof stripped is refused', () =>
    refuses(page, withoutProof(ed25519), 'proof-missing', 'Показана копия карты'),
  );
  await check('a code that is no card is refused', () =>
    refuses(page, 'HTTPS://EXAMPLE.ORG/', 'not-a-card', 'Это не карта профсоюза'),
  );
}

async function revokedStory(instance, page, member, cards) {
  chapter('Firefox, after a revocation');
  await instance.start();
  const { etag: before } = await instance.download(STATUS_LIST);
  await member.revoke();
  const after = await check('the revocation is published within five seconds', () =>
    until('a new status list', PUBLISHED_WITHIN_MILLIS, async () => {
      const { etag } = await instance.download(STATUS_LIST);
      return etag !== before && etag;
    }),
  );
  await visit(page, instance.url);
  await installed(page, after);
  await instance.stop();
  await visit(page, instance.url);
  await check('with the server gone again, the revoked card is refused', () =>
    refuses(page, cards.paper, 'revoked', 'Карта отозвана'),
  );
  await check('codes that were accepted before are refused, after a reload too', async () => {
    await refuses(page, cards.ed25519, 'replayed', 'Этот код уже принят');
    await refuses(page, cards.p256, 'replayed', 'Этот код уже принят');
  });
}

const instance = await makeInstance();
let browser;
try {
  await mkdir(output, { recursive: true });
  await instance.start();
  const member = await (await signInChair(instance)).member();
  const cards = await cardsOf(instance, member);
  browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
    headless: true,
    extraPrefsFirefox: { 'intl.accept_languages': 'ru-RU, ru', 'intl.locale.requested': 'ru' },
  });
  const page = await browser.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.stack ?? String(error)));
  page.setDefaultTimeout(WAIT_MILLIS);
  await page.evaluateOnNewDocument(stopClock, cards.atMillis);
  await visit(page, instance.url);
  await installed(page, (await instance.download(STATUS_LIST)).etag);
  await offlineStory(instance, page, cards);
  await revokedStory(instance, page, member, cards);
  await check('no page had an uncaught error', () => assert.deepEqual(errors, []));
} catch (cause) {
  fail(cause);
  const [page] = (await browser?.pages().catch(() => undefined))?.slice(-1) ?? [];
  await page?.screenshot({ path: join(output, 'failed-firefox.png') }).catch(() => undefined);
} finally {
  await browser?.close();
  await instance.stop().catch((failure) => console.error(failure));
  await instance.remove();
}
conclude();
