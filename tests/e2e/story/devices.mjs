// Devices as people have them: browsers without the newest functions, a store that keeps silent, a network that wants a sign-in, a
// camera that fell asleep, a decoder that lies, a scanner that types into whatever has the focus, an iPhone's two memories, a clock
// that is put right.
import assert from 'node:assert/strict';
import { holdCode, holdNothing } from '../lib/camera.mjs';
import { repository, until } from '../lib/instance.mjs';
import { assertReads, chapter, check } from '../lib/report.mjs';
import { codeOf } from '../lib/token.mjs';
import { signsIn } from './chair.mjs';
import { activate, openCode, shownAt } from './member.mjs';
import { scanning } from './till.mjs';
import { makeTill, plant, readVectors } from './till-codes.mjs';

const { youngGlobals, youngStatics, youngMembers } = await import(`${repository}pwa/scripts/browsers.mjs`);

const ANDROID_WINDOW =
  'Mozilla/5.0 (Linux; Android 13; SM-A525F; wv) AppleWebKit/537.36 Version/4.0 Chrome/120.0.0.0 Mobile Safari/537.36';
const IOS_WINDOW =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148';
const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 16_4 like Mac OS X) AppleWebKit/605.1.15 Version/16.4 Mobile/15E148 Safari/604.1';
const CODE = 'ABCDE-FGHJK';
const FAILS_WITHIN_MILLIS = 10_000;
const SCANNER_KEY_SECONDS = 0.005;

export async function devicesStory(stage, instance) {
  chapter('Devices as they are');
  await oldStory(stage, instance);
  await silentStory(stage);
  await portalStory(stage, instance);
  await slowScreenStory(stage);
  await missingPartStory(stage);
  await missingStylesStory(stage);
  await brokenStoreStory(stage);
  await insideStory(stage);
  await iphoneStory(stage);
  const vectors = await readVectors();
  const card = vectors.find(({ name }) => name === 'phone, Ed25519, issuer -8');
  await decoderStory(stage, card);
  await scannerStory(stage, card);
  await cameraStory(stage);
  await clockStory(stage, instance, card);
}

async function oldStory(stage, instance) {
  await check('a browser as old as is promised: activates, shows the living code', async () => {
    const phone = await stage.person('old-browser');
    const { web, language } = youngMembers();
    await phone.context.addInitScript(growOld, {
      globals: [...youngGlobals()],
      statics: [...youngStatics()],
      language: [...language],
      web: [...web],
    });
    const { code, birthDate } = await instance.freshEntries();
    await activate(phone, code, birthDate, { joins: true });
    assert.equal(await phone.page.evaluate(() => typeof AbortSignal.any), 'undefined');
    await openCode(phone);
    await phone.context.close();
  });
}

/** Runs in the page before the app does: what is younger than the oldest browsers is gone. */
function growOld({ globals, statics, language, web }) {
  const remove = (of, name) => {
    if (of && Object.getOwnPropertyDescriptor(of, name)?.configurable) delete of[name];
  };
  for (const name of statics) {
    const [owner, member] = name.split('.');
    remove(window[owner], member);
  }
  for (const owner of [Array, String, Object.getPrototypeOf(Int8Array), Set, Map, Promise, ArrayBuffer]) {
    for (const name of language) remove(owner.prototype, name);
  }
  for (const owner of [Element, HTMLElement, Document, Navigator, Response, Request, Blob, EventTarget, Node]) {
    for (const name of web) remove(owner.prototype, name);
  }
  // The driver of this test stands on some of what stands alone.
  for (const name of globals.filter((name) => !/Iterator|^(Window|Document)/.test(name))) remove(window, name);
}

async function silentStory(stage) {
  await check('a store that never answers: words instead of an empty page', async () => {
    const phone = await stage.person('silent-store');
    await phone.context.addInitScript(() => {
      const { open } = IDBFactory.prototype;
      IDBFactory.prototype.open = function (...asked) {
        return Object.assign(open.apply(this, asked), { addEventListener: () => undefined });
      };
    });
    await phone.open('/card');
    await phone.reads(phone.page.getByRole('alert'), 'Память приложения не открылась');
    await phone.open('/');
    await phone.reads(phone.page.getByRole('main'), 'Моя карта');
    await phone.context.close();
  });
  await check('storage that is forbidden: the till opens all the same', async () => {
    const till = await stage.person('no-storage', { isPhone: false });
    await till.context.addInitScript(() => {
      Storage.prototype.getItem = Storage.prototype.setItem = () => {
        throw new DOMException('no', 'SecurityError');
      };
      delete window.BroadcastChannel;
      Object.defineProperty(Navigator.prototype, 'locks', { value: undefined });
    });
    await till.open('/scan');
    await scanning(till);
    await till.context.close();
  });
}

async function portalStory(stage, instance) {
  await check('a network that wants a sign-in is no contact, and is named', async () => {
    const phone = await stage.person('portal');
    const { code, birthDate } = await instance.freshEntries();
    await phone.context.route('**/api/**', (route) =>
      route.fulfill({ contentType: 'text/html', body: '<html>Wi-Fi</html>' }),
    );
    await phone.open('/activate');
    await phone.at('activation-code').fill(code);
    await phone.at('birth-date').pressSequentially(birthDate);
    await phone.button('Продолжить').click();
    await phone.reads(phone.page.getByRole('alert'), 'Похоже, сеть просит войти');
    await phone.shoot('member-portal');
    await phone.context.close();
  });
}

async function slowScreenStory(stage) {
  await check(
    'a screen whose file is slow has an outline in its place, and one whose file does not come has words',
    async () => {
      const phone = await stage.person('slow-screen');
      let letThrough;
      const held = new Promise((done) => (letThrough = done));
      await phone.context.route('**/assets/LostScreen-*.js', async (route) => {
        await held;
        await route.continue();
      });
      await phone.open('/lost');
      await phone.at('pending').locator('.skeleton').first().waitFor();
      await phone.shoot('screen-pending');
      letThrough();
      await phone.at('activation-code').waitFor();
      assert.equal(await phone.at('pending').count(), 0);
      await phone.context.close();

      const away = await stage.person('missing-screen');
      await away.context.route('**/assets/LostScreen-*.js', (route) => route.abort());
      await away.open('/lost');
      await away.reads(away.page.getByRole('alert'), 'Экран не загрузился');
      await away.context.close();
    },
  );
}

async function missingPartStory(stage) {
  await check(
    'a part of the chair’s place whose file does not come has words and a second try, and the bar stays',
    async () => {
      const chair = await stage.person('missing-part');
      await chair.context.route('**/assets/People-*.js', (route) => route.abort());
      await chair.open('/chair');
      await signsIn(chair);
      await chair.link('Люди').click();
      await chair.reads(chair.page.getByRole('alert'), 'Экран не загрузился');
      assert.equal(await chair.link('Люди').getAttribute('aria-current'), 'page');
      assert.equal(await chair.page.title(), 'Люди — ПрофКардс');
      await chair.shoot('chair-missing-part');
      await chair.context.unroute('**/assets/People-*.js');
      await chair.at('retry').click();
      await chair.at('person-row').first().waitFor();
      await chair.context.close();
    },
  );
}

async function missingStylesStory(stage) {
  const styles = '**/assets/Person-*.css';
  const areThere = (chair) =>
    chair.page.evaluate(() => [...document.styleSheets].some(({ href }) => href?.includes('/assets/Person-')));
  const opensPerson = async (chair) => {
    await chair.link('Люди').click();
    await chair.at('person-row').first().click();
  };
  await check('a screen whose styles did not come early is opened with them, and on the same page', async () => {
    const chair = await stage.person('late-styles');
    let failures = 0;
    await chair.context.route(styles, (route) => (failures++ === 0 ? route.abort() : route.continue()));
    await chair.open('/chair');
    await signsIn(chair);
    await until('they fail', FAILS_WITHIN_MILLIS, () => failures > 0);
    await chair.page.evaluate(() => (window.isSamePage = true));
    await opensPerson(chair);
    await chair.at('more-acts').waitFor();
    assert.equal(await areThere(chair), true);
    assert.equal(await chair.page.evaluate(() => window.isSamePage), true);
    await chair.context.close();
  });
  await check('a screen whose styles do not come has words instead, and a second try', async () => {
    const chair = await stage.person('missing-styles');
    await chair.context.route(styles, (route) => route.abort());
    await chair.open('/chair');
    await signsIn(chair);
    // The page was loaded anew for it a moment ago, which it is but once.
    await chair.page.evaluate(() => sessionStorage.setItem('reloaded-for-missing-chunk', String(Date.now())));
    await opensPerson(chair);
    await chair.reads(chair.page.getByRole('alert'), 'Экран не загрузился');
    await chair.context.unroute(styles);
    await chair.at('retry').click();
    await chair.at('more-acts').waitFor();
    assert.equal(await areThere(chair), true);
    await chair.context.close();
  });
}

async function brokenStoreStory(stage) {
  await check(
    'where the browser’s store is broken, the card and the activation say the same, and what to do',
    async () => {
      const phone = await stage.person('broken-store');
      await phone.context.addInitScript(() => {
        IDBFactory.prototype.open = () => {
          throw new DOMException('broken', 'UnknownError');
        };
      });
      for (const path of ['/card', '/activate']) {
        await phone.open(path);
        assertReads(
          await phone.reads(phone.page.getByRole('alert'), 'Память приложения не открылась'),
          'не в приватном',
        );
      }
      await phone.context.close();
    },
  );
}

async function insideStory(stage) {
  await check('inside a messenger a member is told to leave it, on both systems, and a till too', async () => {
    for (const [name, userAgent, menu] of [
      ['android', ANDROID_WINDOW, 'Открыть в Chrome'],
      ['ios', IOS_WINDOW, 'Открыть в Safari'],
    ]) {
      const phone = await stage.person(`inside-${name}`, { userAgent });
      await phone.open(`/activate#${CODE}`);
      assertReads(await phone.reads(phone.at('leave-first')), menu, CODE, '/activate');
      await phone.shoot(`member-leave-first-${name}`);
      await phone.at('stay-here').click();
      if (name === 'ios') await phone.at('in-browser').click();
      assert.equal(await phone.at('activation-code').inputValue(), CODE);
      await phone.open('/scan/pairing');
      await phone.reads(phone.page.getByRole('main'), 'Откройте страницу в браузере');
      await phone.context.close();
    }
  });
}

async function iphoneStory(stage) {
  await check(
    'an iPhone’s browser: the home screen first, the code in sight, the browser as the second way',
    async () => {
      const phone = await stage.person('iphone', { userAgent: IPHONE });
      await phone.open(`/activate#${CODE}`);
      assertReads(await phone.reads(phone.at('install-first')), 'экран «Домой»', 'Поделиться', CODE);
      await phone.shoot('member-install-first');
      await phone.at('in-browser').click();
      const composed = await phone.at('activation-code').evaluate((field) => {
        const write = (event) => {
          field.value = '7k2m9qx';
          field.dispatchEvent(event);
          return field.value;
        };
        const before = field.value;
        const shown = [
          write(new InputEvent('input', { bubbles: true, isComposing: true })),
          write(new CompositionEvent('compositionend', { bubbles: true })),
        ];
        field.value = before;
        field.dispatchEvent(new InputEvent('input', { bubbles: true }));
        return shown;
      });
      assert.deepEqual(composed, ['7k2m9qx', '7K2M9-QX']);
      assert.equal(await phone.at('activation-code').inputValue(), CODE);
      await phone.context.close();
    },
  );
  await check('an iPad’s browser: a till is paired on the home screen', async () => {
    const till = await stage.person('ipad', { userAgent: IPHONE, isPhone: false });
    await till.open('/scan/pairing');
    await till.reads(till.page.getByRole('main'), 'Сначала на экран «Домой»');
    await till.shoot('till-install-first');
    await till.at('pairing-code').fill('7к2м9рх4тв');
    assert.equal(await till.at('pairing-code').inputValue(), '7K2M9-PX4TB');
    await till.context.close();
  });
  await check(
    'the icon opens at the activation, and says what became of a code that was used in the browser',
    async () => {
      const phone = await stage.person('icon', { userAgent: IPHONE });
      await phone.context.addInitScript(() =>
        Object.defineProperty(Navigator.prototype, 'standalone', { value: true }),
      );
      await phone.open('/');
      await phone.page.waitForURL('**/activate');
      await phone.link('Это касса?').waitFor();
      await phone.at('activation-code').fill(CODE);
      await phone.at('birth-date').pressSequentially('12031985');
      await phone.button('Продолжить').click();
      await phone.reads(phone.page.getByRole('main'), 'Уже открывали карту в Safari?');
      await phone.shoot('member-icon-refused');
      await phone.link('Назад').click();
      await phone.reads(phone.page.getByRole('main'), 'Моя карта');
      await phone.context.close();
    },
  );
}

/** Native decoders with their faults. The page cannot reach into the worker: each is written before the worker's own script. */
const LYING = {
  'never answers': 'detect() { return new Promise(() => undefined); }',
  'finds nothing for ever': 'async detect() { return []; }',
  throws: 'detect() { throw new TypeError("gone"); }',
};

async function decoderStory(stage, card) {
  for (const [fault, method] of Object.entries(LYING)) {
    await check(`a native decoder that ${fault}: the card is read by the app’s own`, async () => {
      const till = await makeTill(stage, card);
      await till.context.route('**/assets/decode.worker-*.js', async (route) => {
        const response = await route.fetch();
        const lie = `globalThis.BarcodeDetector = class { static async getSupportedFormats() { return ['qr_code']; } ${method} };\n`;
        await route.fulfill({ response, body: lie + (await response.text()) });
      });
      await plant(till, card);
      await holdCode(till.page, codeOf(card.token));
      await till.reads(till.page.locator('[data-testid="verdict"][data-code="accepted"]'));
      await holdNothing(till.page);
      await till.context.close();
    });
  }
}

/** As a scanner types on the places of a US keyboard while the layout is Russian. */
function scanKeys({ text, suffix }) {
  const RUSSIAN = {
    Q: 'Й',
    W: 'Ц',
    E: 'У',
    R: 'К',
    T: 'Е',
    P: 'З',
    A: 'Ф',
    S: 'Ы',
    D: 'В',
    F: 'А',
    C: 'С',
    X: 'Ч',
    Z: 'Я',
  };
  const CODES = {
    ' ': 'Space',
    $: 'Digit4',
    '%': 'Digit5',
    '*': 'Digit8',
    '+': 'Equal',
    '-': 'Minus',
    '.': 'Period',
    '/': 'Slash',
    ':': 'Semicolon',
  };
  const press = (code, key, shiftKey) => {
    const target = document.activeElement ?? document.body;
    const event = new KeyboardEvent('keydown', { code, key, shiftKey, bubbles: true, cancelable: true });
    const isTyped = target.dispatchEvent(event) && key.length === 1 && 'value' in target;
    if (!isTyped) return;
    target.value += key;
    target.dispatchEvent(new InputEvent('input', { bubbles: true }));
  };
  for (const char of text) {
    const isDigit = /[0-9]/.test(char);
    press(CODES[char] ?? (isDigit ? `Digit${char}` : `Key${char}`), RUSSIAN[char] ?? char, /[A-Z$%*+:]/.test(char));
  }
  if (suffix) press(suffix, suffix, false);
}

/**
 * Real keys and then Enter, which do what keys do. They bear the times of a scanner's: how fast a busy machine hands them over does not
 * count.
 */
async function pressAsScanner(till, digits) {
  const browser = await till.context.newCDPSession(till.page);
  const beganSeconds = Date.now() / 1000;
  const keys = [...digits].map((key) => ({
    key,
    code: `Digit${key}`,
    text: key,
    windowsVirtualKeyCode: key.charCodeAt(0),
  }));
  keys.push({ key: 'Enter', code: 'Enter', text: '\r', windowsVirtualKeyCode: 13 });
  const sent = keys.flatMap((key, n) => {
    const timestamp = beganSeconds + n * SCANNER_KEY_SECONDS;
    const { text: _, ...released } = key;
    return [
      browser.send('Input.dispatchKeyEvent', { type: 'keyDown', timestamp, ...key }),
      browser.send('Input.dispatchKeyEvent', { type: 'keyUp', timestamp, ...released }),
    ];
  });
  await Promise.all(sent);
  await browser.detach();
}

async function scannerStory(stage, card) {
  const till = await makeTill(stage, card);
  const scanInto = (suffix) => till.page.evaluate(scanKeys, { text: card.token, suffix });
  const accepted = () =>
    till.reads(till.page.locator('[data-testid="verdict"][data-code="accepted"]'), 'Иванова М. П.');
  for (const suffix of ['Enter', 'Tab', '']) {
    await check(
      `a scanner that ends with ${suffix || 'nothing'} is read on the scan screen and out of a field`,
      async () => {
        await plant(till, card);
        await scanInto(suffix);
        await accepted();
        await plant(till, card);
        await till.at('type-number').click();
        await till.at('number').fill('1234');
        await scanInto(suffix);
        await accepted();
      },
    );
  }
  await check('while an amount is typed, a scan changes nothing and says so', async () => {
    await plant(till, card);
    await scanInto('Enter');
    await accepted();
    await till.at('to-amount').click();
    await till.at('pad-7').click();
    await scanInto('Enter');
    assertReads(await till.at('amount').innerText(), '7');
    await till.reads(till.page.locator('body'), 'касса занята другим');
  });
  await check('a scan of goods is no amount, and presses nothing', async () => {
    const scanGoods = (text) => till.page.evaluate(scanKeys, { text, suffix: 'Enter' });
    await scanGoods('4601234567890');
    await till.reads(till.page.locator('body'), 'Это не карта профсоюза');
    assertReads(await till.at('amount').innerText(), '7');
    await scanGoods('4601');
    await till.at('amount').waitFor();
    await plant(till, card);
    await scanInto('Enter');
    await accepted();
    await pressAsScanner(till, '4601234567890');
    await accepted();
  });
  await check('what stood in a field before a scan stands there after it', async () => {
    await till.open('/scan/pairing');
    await till.at('pairing-code').fill('QQQQQ');
    const before = await till.at('pairing-code').inputValue();
    await till.at('pairing-code').focus();
    await scanInto('Tab');
    assert.equal(await till.at('pairing-code').inputValue(), before);
  });
  await till.context.close();
}

async function cameraStory(stage) {
  await check('a camera that fell asleep is opened anew, and one that stays silent is told of', async () => {
    const till = await stage.person('asleep', { isPhone: false });
    await till.context.addInitScript(() => {
      window.opened = 0;
      Object.defineProperty(MediaStreamTrack.prototype, 'muted', { get: () => window.isAsleep === true });
      const { getUserMedia } = navigator.mediaDevices ?? {};
      if (!getUserMedia) return;
      navigator.mediaDevices.getUserMedia = (...asked) => {
        window.opened += 1;
        return getUserMedia.apply(navigator.mediaDevices, asked);
      };
    });
    await till.open('/scan');
    await scanning(till);
    await till.page.evaluate(() => (window.isAsleep = true));
    await till.page.waitForFunction(() => window.opened === 2);
    await till.page.locator('[data-testid="camera-trouble"][data-trouble="silent"]').waitFor();
    await till.shoot('till-camera-silent');
    await till.page.evaluate(() => (window.isAsleep = false));
    await till.at('camera-again').click();
    await scanning(till);
    await till.context.close();
  });
  await check('a camera that fell asleep and never opens again leaves words, not the hint', async () => {
    const till = await stage.person('asleep-for-good', { isPhone: false });
    await till.context.addInitScript(() => {
      Object.defineProperty(MediaStreamTrack.prototype, 'muted', { get: () => window.isAsleep === true });
      const { getUserMedia } = navigator.mediaDevices ?? {};
      if (!getUserMedia) return;
      navigator.mediaDevices.getUserMedia = (...asked) =>
        window.isAsleep ? new Promise(() => undefined) : getUserMedia.apply(navigator.mediaDevices, asked);
    });
    await till.open('/scan');
    await scanning(till);
    await till.page.evaluate(() => (window.isAsleep = true));
    await till.reads(till.at('camera-trouble'), 'Камера не отвечает');
    await till.page.evaluate(() => (window.isAsleep = false));
    await till.at('camera-again').click();
    await scanning(till);
    await till.context.close();
  });
  await check('a camera that never answers leaves words and the other ways', async () => {
    const till = await stage.person('no-answer', { isPhone: false });
    await till.context.addInitScript(() => {
      if (navigator.mediaDevices) navigator.mediaDevices.getUserMedia = () => new Promise(() => undefined);
    });
    await till.open('/scan');
    await till.reads(till.at('camera-trouble'), 'Камера не отвечает');
    await till.shoot('till-camera-waiting');
    await till.context.close();
  });
}

const TEN_MINUTES_MILLIS = 600_000;

/** Runs in the page: what was learnt in an earlier visit, of a clock that was ten minutes slow then. */
async function plantOffset(millis) {
  const opening = indexedDB.open('profcards');
  const db = await new Promise((done) => (opening.onsuccess = () => done(opening.result)));
  const tx = db.transaction('meta', 'readwrite');
  tx.objectStore('meta').put({ key: 'clock-offset-millis', value: millis });
  await new Promise((done) => (tx.oncomplete = done));
  db.close();
}

async function clockStory(stage, instance, card) {
  await check('a till whose clock was put right offline accuses nobody, and believes its cashier', async () => {
    const till = await makeTill(stage, card);
    await plant(till, card);
    await till.context.route('**/api/**', (route) => route.abort());
    // From a page of the same origin: the app's own, with a clock that stands still, would note an offset itself.
    await till.page.goto(`${instance.url}/healthz`);
    await till.page.evaluate(plantOffset, TEN_MINUTES_MILLIS);
    await till.open('/scan');
    await scanning(till);
    await till.reads(till.page.getByRole('main'), 'Раньше часы этой кассы отставали на 10 минут');
    await till.shoot('till-clock-doubtful');
    await holdCode(till.page, codeOf(card.token));
    const words = await till.reads(till.page.locator('[data-testid="verdict"][data-code="proof-stale"]'));
    assertReads(words, 'Часы кассы и телефона расходятся на', 'Кассу подключите к сети');
    await till.shoot('till-verdict-clocks');
    await holdNothing(till.page);
    await till.at('scan-next').click();
    await till.at('clock-is-right').click();
    await till.at('clock-is-right').waitFor({ state: 'detached' });
    // The camera would not take the same code again so soon, and this till's time stands still.
    await till.page.evaluate(scanKeys, { text: card.token, suffix: 'Enter' });
    await till.reads(till.page.locator('[data-testid="verdict"][data-code="accepted"]'));
    await till.context.close();
  });
  await check('a phone asks its owner whether its clock was put right, and dates the code by the answer', async () => {
    const phone = await stage.person('clock');
    const { code, birthDate } = await instance.freshEntries();
    await activate(phone, code, birthDate, { joins: false });
    await phone.installed();
    await phone.offline();
    await phone.page.evaluate(plantOffset, TEN_MINUTES_MILLIS);
    await phone.open('/card/code');
    await phone.at('clock-is-right').waitFor();
    const wrong = await shownAt(phone);
    await phone.shoot('member-code-clock');
    await phone.at('clock-is-right').click();
    await phone.page.waitForFunction(
      (than) => Number(document.querySelector('[data-testid="qr"]').dataset.shownAt) < than,
      wrong,
    );
    await phone.at('clock-is-right').waitFor({ state: 'detached' });
    await phone.context.close();
  });
}
