// Chromium and its contexts, one for each person of the story. Every request, error and refusal of the content policy is
// noted; nothing but the instance can be reached.
import { mkdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { repository } from './instance.mjs';
import { cameraScript } from './camera.mjs';
import { isInstalled, storedRows, wordsBeyond } from './page.mjs';

const modules = createRequire(join(repository, 'pwa/package.json'));
const { chromium } = modules('playwright-core');

export const PHONE = { width: 360, height: 740 };
export const WIDE = { width: 1280, height: 800 };
const WAIT_MILLIS = 15_000;

export const output = join(repository, 'target/e2e');

/** What was on the screens stands in the folder afterwards. */
export async function openBrowser(url, folder = output) {
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'screens'), { recursive: true });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--use-fake-ui-for-media-stream',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost',
    ],
  });
  const axe = await readFile(modules.resolve('axe-core/axe.min.js'), 'utf8');
  return new Stage(browser, url, axe, folder);
}

class Stage {
  /** Requests that were meant for somewhere else than the instance. */
  strayed = [];
  /** Errors that no page may have: uncaught ones, and what the content policy refused. */
  errors = [];
  people = [];

  constructor(browser, url, axe, folder) {
    this.browser = browser;
    this.url = url;
    this.axe = axe;
    this.folder = folder;
  }

  /** A person with a device of their own. `shiftMillis`: how wrong the device's clock is. */
  async person(name, { shiftMillis = 0, isPhone = true, userAgent } = {}) {
    const context = await this.browser.newContext({
      baseURL: this.url,
      locale: 'ru-RU',
      timezoneId: 'Europe/Moscow',
      viewport: PHONE,
      deviceScaleFactor: 2,
      isMobile: isPhone,
      hasTouch: isPhone,
      reducedMotion: 'reduce',
      ...(userAgent && { userAgent }),
    });
    context.setDefaultTimeout(WAIT_MILLIS);
    await context.addInitScript(clockScript, shiftMillis);
    await context.addInitScript(cameraScript);
    const person = new Person(this, name, context);
    this.people.push(person);
    return person;
  }

  /** What was on every screen when something went wrong. */
  async saveAll() {
    for (const { name, page } of this.people) {
      if (!page || page.isClosed()) continue;
      await page.screenshot({ path: join(this.folder, `failed-${name}.png`) }).catch(() => undefined);
    }
  }

  close() {
    return this.browser.close();
  }
}

class Person {
  page;
  requests = [];

  constructor(stage, name, context) {
    this.stage = stage;
    this.name = name;
    this.context = context;
    context.on('request', (request) => this.#note(request.url()));
    context.on('weberror', (error) => stage.errors.push(`${name}: ${error.error().stack}`));
    context.on('console', (message) => {
      if (/content security policy/i.test(message.text())) stage.errors.push(`${name}: ${message.text()}`);
    });
  }

  #note(url) {
    const { origin, protocol } = new URL(url);
    this.requests.push(url);
    const isLocal = protocol === 'data:' || origin === this.stage.url;
    if (!isLocal) this.stage.strayed.push(`${this.name}: ${url}`);
  }

  /** Closes what is open and opens the app anew, as after a tap on its icon. */
  async open(path) {
    await this.page?.close();
    this.page = await this.context.newPage();
    await this.page.goto(path);
    return this.page;
  }

  at(testid) {
    return this.page.getByTestId(testid);
  }

  button(name) {
    return this.page.getByRole('button', { name });
  }

  link(name) {
    return this.page.getByRole('link', { name });
  }

  /** The one that is open: those that are closed stay in the page. */
  sheet() {
    return this.page.getByRole('dialog').filter({ visible: true });
  }

  /** Waits for an element that holds the words; answers its whole text. */
  async reads(locator, words) {
    const found = words === undefined ? locator : locator.filter({ hasText: words });
    await found.first().waitFor();
    return found.first().innerText();
  }

  /** Waits until the focus is on such an element. */
  async hasFocus(selector) {
    await this.page.waitForFunction((selector) => document.activeElement?.matches(selector), selector);
  }

  async offline(isOffline = true) {
    await this.context.setOffline(isOffline);
  }

  /** The app's files are kept on this device. */
  async installed() {
    await this.page.evaluate(isInstalled);
  }

  /** As if so much more time had passed. */
  async shiftClock(millis) {
    await this.page.evaluate((shift) => window.shiftClock(shift), millis);
  }

  /** As a person does it in the device's settings: from now on its clock differs by so much from the right one. */
  async setClock(millis) {
    await this.page.evaluate((wrong) => window.setClock(wrong), millis);
  }

  /** All rows of a store of the app's database. */
  async stored(store) {
    return this.page.evaluate(storedRows, store);
  }

  /**
   * The screen as it is now, at both sizes, light and dark, without a fault for axe and with no word beyond the side when letters
   * are large; `isWhole`: with what lies below the fold.
   */
  async shoot(name, { isWhole = false } = {}) {
    const { page, stage } = this;
    const faults = [];
    for (const [size, viewport] of Object.entries({ phone: PHONE, wide: WIDE })) {
      await page.setViewportSize(viewport);
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme });
        await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
        const path = join(stage.folder, 'screens', `${name}-${size}-${colorScheme}.png`);
        await page.screenshot({ path, animations: 'disabled', fullPage: isWhole });
        if (isWhole || (size === 'phone') === (colorScheme === 'light'))
          faults.push(...(await this.#faults(`${size}, ${colorScheme}`)));
      }
      const beyond = await page.evaluate(wordsBeyond);
      faults.push(...beyond.map((words) => `  ${size}, letters of double size: beyond the side: ${words}`));
    }
    await page.setViewportSize(PHONE);
    await page.emulateMedia({ colorScheme: 'light' });
    if (faults.length > 0) throw new Error(`${name}:\n${faults.join('\n')}`);
  }

  async #faults(circumstances) {
    await this.page.evaluate(`${this.stage.axe}; undefined`);
    const { violations } = await this.page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
    return violations.map(
      ({ id, help, nodes }) =>
        `  ${circumstances}: ${id}: ${help}\n${nodes.map((node) => `    ${node.html}\n      ${node.failureSummary}`).join('\n')}`,
    );
  }
}

/** Runs in the page before the app does: the device's clock, which can be wrong and be set, and the time that runs by itself. */
function clockScript(initialWrongMillis) {
  const TrueDate = Date;
  const running = performance.now.bind(performance);
  let wrongMillis = initialWrongMillis;
  let shiftMillis = 0;
  let stoppedAtMillis;
  const now = () => stoppedAtMillis ?? TrueDate.now() + wrongMillis + shiftMillis;
  performance.now = () => (stoppedAtMillis === undefined ? running() + shiftMillis : 0);
  window.Date = class extends TrueDate {
    constructor(...given) {
      if (given.length === 0) super(now());
      else super(...given);
    }
    static now() {
      return now();
    }
  };
  window.shiftClock = (millis) => (shiftMillis = millis);
  window.setClock = (millis) => (wrongMillis = millis);
  window.stopClock = (millis) => (stoppedAtMillis = millis);
}
