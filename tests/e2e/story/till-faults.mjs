// What goes wrong at a till around the card itself: a trigger pulled twice, an answer that comes late, an Enter on the pad, a
// device that keeps nothing, a server of another version, a file that is gone.
import assert from 'node:assert/strict';
import { until } from '../lib/instance.mjs';
import { assertReads, chapter, check } from '../lib/report.mjs';
import { scanning, typeAmount } from './till.mjs';
import { makeTill, plant, readVectors } from './till-codes.mjs';

const NUMBER = '000000000000';
const LOADED_ANEW_WITHIN_MILLIS = 10_000;

export async function faultsStory(stage) {
  chapter('Around the card');
  const vectors = await readVectors();
  const [first, paper] = ['phone, Ed25519, issuer -8', 'paper, issuer -8'].map((wanted) =>
    vectors.find(({ name }) => name === wanted),
  );
  const till = await makeTill(stage, first);
  await plant(till, first);
  await check('a trigger that was pulled twice is one showing, and another code spends it', async () => {
    await accepts(till, first.token, 'Иванова М. П.');
    await paste(till, first.token);
    await drawn(till);
    assert.equal(await till.at('verdict').getAttribute('data-code'), 'accepted');
    await accepts(till, paper.token, 'бумажная карта');
    await paste(till, first.token);
    await till.reads(till.at('verdict'), 'Этот код уже принят');
  });
  await check('the next scan begins at the scan screen’s own words', async () => {
    await till.at('scan-next').click();
    await scanning(till);
    assert.equal(await focusedLabel(till), 'Наведите камеру на код карты');
  });
  await check('the answer to a typed number that comes too late takes nothing away', () => lateNumber(till, first));
  await check('Enter after the pad is the purchase, not one more figure', async () => {
    await till.at('to-amount').click();
    await typeAmount(till, 500);
    await till.page.keyboard.press('Enter');
    assertReads(await till.reads(till.at('done')), '500,00 ₽');
  });
  await check('sending by hand says why nothing went', async () => {
    await till.context.route('**/api/sync/**', (route) =>
      route.fulfill({ status: 503, json: { code: 'unavailable' } }),
    );
    await till.open('/scan/operations');
    await till.at('send-now').click();
    await till.reads(till.page.locator('body'), 'Сервер временно не отвечает');
    await till.open('/scan');
  });
  await check('a server of another version: the till says so, keeps the purchase and offers its update', async () => {
    await till.context.route('**/api/sync/**', (route) =>
      route.fulfill({ status: 409, json: { code: 'schema-too-old' } }),
    );
    await till.page.reload();
    const words = await till.reads(till.at('sync-trouble'), 'код: schema-too-old');
    assertReads(words, 'Обмен с сервером остановился', 'Приложение и сервер разных версий', 'Обновить');
    await till.reads(till.at('outbox'), '1 ждёт связи');
    await till.shoot('till-versions');
  });
  await till.context.close();
  await brokenStory(stage);
  await missingStory(stage);
}

async function lateNumber(till, vector) {
  await plant(till, vector);
  let answer;
  const asked = new Promise((reached) =>
    till.context.route('**/api/till/lookup', async (route) => {
      await new Promise((answered) => {
        answer = answered;
        reached();
      });
      const shown = { name: 'Другой Ч. Л.', region: 0, category: 1 };
      await route
        .fulfill({ json: { lookupId: '00000000-0000-4000-8000-000000000009', shown, expiresAt: vector.now + 600 } })
        .catch(() => undefined);
    }),
  );
  await till.at('type-number').click();
  await till.at('number').fill(NUMBER);
  await till.at('find-number').click();
  await asked;
  await till.page.keyboard.press('Escape');
  await till.page.getByRole('dialog').waitFor({ state: 'hidden' });
  await accepts(till, vector.token, 'Иванова М. П.');
  answer();
  await drawn(till);
  assert.equal(await till.at('found').count(), 0);
  await till.reads(till.at('verdict'), 'Иванова М. П.');
}

/** What was under way is over: its words would be on the screen before the next frame. */
async function drawn(till) {
  await till.page.evaluate(() =>
    fetch('/api/time').then(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))),
  );
}

async function brokenStory(stage) {
  await check('a device that keeps nothing: the till says so, and opens as soon as it does', async () => {
    const till = await stage.person('broken', { isPhone: false });
    await till.context.addInitScript(() => {
      const open = IDBFactory.prototype.open;
      IDBFactory.prototype.open = () => {
        throw new DOMException('no room', 'QuotaExceededError');
      };
      window.makeRoom = () => (IDBFactory.prototype.open = open);
    });
    await till.open('/scan');
    await till.reads(till.page.getByRole('alert'), 'Касса не открылась');
    await till.shoot('till-broken');
    await till.page.evaluate(() => window.makeRoom());
    await till.at('retry').click();
    await scanning(till);
    await till.context.close();
  });
}

/** As after an update with which the files of the page that is open are gone. */
async function missingStory(stage) {
  await check(
    'a face whose file is gone: the page is loaded anew once, says so, and opens when the file is back',
    async () => {
      const visitor = await stage.person('missing', { isPhone: false });
      // The service worker has a copy of every file.
      await visitor.context.addInitScript(() => delete Navigator.prototype.serviceWorker);
      let loads = 0;
      visitor.context.on('request', (request) => (loads += request.isNavigationRequest() ? 1 : 0));
      const file = '**/assets/Cashier-*.js';
      await visitor.context.route(file, (route) => route.fulfill({ status: 404 }));
      await visitor.open('/scan');
      await until('the page is loaded anew', LOADED_ANEW_WITHIN_MILLIS, () => loads === 2);
      await visitor.page.waitForLoadState();
      await visitor.reads(visitor.page.getByRole('alert'), 'Экран не загрузился');
      await visitor.shoot('face-missing');
      assert.equal(loads, 2);
      await visitor.context.unroute(file);
      await visitor.at('retry').click();
      await scanning(visitor);
      await visitor.context.close();
    },
  );
}

async function accepts(till, token, words) {
  await paste(till, token);
  await till.reads(till.page.locator('[data-testid="verdict"][data-code="accepted"]'), words);
}

/** As from the clipboard, which is as quick as a scanner. */
const paste = (till, token) =>
  till.page.evaluate((text) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text', text);
    document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }));
  }, token);

const focusedLabel = (till) => till.page.evaluate(() => document.activeElement?.getAttribute('aria-label'));
