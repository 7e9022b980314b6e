// Debian's WebKit, the engine of every iPhone: a MiniBrowser for each person of the story, on a display that nobody sees.
// Its storage is its own and lasts as long as it runs.
import { spawn } from 'node:child_process';
import { access, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { output } from './browser.mjs';
import { freePort, processesNaming, until } from './instance.mjs';
import { isInstalled, storedRows } from './page.mjs';
import { plain } from './report.mjs';
import { Session, WebDriverError } from './webdriver.mjs';

const WAIT_MILLIS = 20_000;
const ENDED_WITHIN_MILLIS = 10_000;
const LIBRARIES = '/usr/lib';

/** The element's place may just be drawn anew, or something may still lie over it. */
const PASSING = ['stale element reference', 'element not interactable', 'element click intercepted'];

export const at = (testid) => `[data-testid="${testid}"]`;

export async function openWebKit(url) {
  const browser = process.env.MINIBROWSER ?? (await findMiniBrowser());
  const folder = await mkdtemp(join(tmpdir(), 'profcards-webkit-'));
  await mkdir(output, { recursive: true });
  const stage = new Stage(url, browser, folder);
  try {
    await stage.openDisplay();
  } catch (cause) {
    await stage.close();
    throw cause;
  }
  return stage;
}

/** It comes with the library, in a folder that is named after the machine and the library's interface (`webkit2gtk-4.1`). */
async function findMiniBrowser() {
  for (const machine of await readdir(LIBRARIES)) {
    const names = await readdir(join(LIBRARIES, machine)).catch(() => []);
    for (const name of names.filter((found) => /^webkit2?gtk-[\d.]+$/.test(found)).sort()) {
      const program = join(LIBRARIES, machine, name, 'MiniBrowser');
      if (
        await access(program).then(
          () => true,
          () => false,
        )
      )
        return program;
    }
  }
  throw new Error('WebKit is not installed: Debian’s package is webkit2gtk-driver');
}

class Stage {
  /** Errors that no page may have: uncaught ones, and what the content policy refused. */
  errors = [];
  people = [];

  constructor(url, browser, folder) {
    this.url = url;
    this.browser = browser;
    this.folder = folder;
    // Nothing of the person who runs this is read or changed. What is started inherits the folder's name, and is found by it.
    const {
      XDG_CONFIG_HOME: _c,
      XDG_CACHE_HOME: _h,
      XDG_DATA_HOME: _d,
      DBUS_SESSION_BUS_ADDRESS: _b,
      ...inherited
    } = process.env;
    this.env = {
      ...inherited,
      HOME: folder,
      XDG_RUNTIME_DIR: folder,
      TZ: 'Europe/Moscow',
      NO_AT_BRIDGE: '1',
      GSETTINGS_BACKEND: 'memory',
      GDK_BACKEND: 'x11',
      // It cannot be had as root or in a chroot; no page but the instance's is opened.
      WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1',
    };
  }

  /** Of the numbers that are free, the display takes one and tells it. */
  async openDisplay() {
    const args = ['-displayfd', '3', '-screen', '0', '1440x1000x24', '-nolisten', 'tcp'];
    const display = spawn('Xvfb', args, { env: this.env, stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
    let log = '';
    display.stderr.on('data', (chunk) => (log += chunk));
    const number = await new Promise((told, failed) => {
      display.stdio[3].once('data', (chunk) => told(String(chunk).trim()));
      display.once('error', failed);
      display.once('exit', () => failed(new Error(`no display:\n${log}`)));
    });
    this.env.DISPLAY = `:${number}`;
  }

  /** A person with a device of their own. */
  async person(name, { width, height }) {
    const port = await freePort();
    const driver = spawn('WebKitWebDriver', [`--port=${port}`], { env: this.env, stdio: 'ignore' });
    let failure;
    driver.once('error', (cause) => (failure = cause));
    const driverUrl = `http://127.0.0.1:${port}`;
    await until('the driver is ready', WAIT_MILLIS, () => {
      if (failure) throw failure;
      return fetch(`${driverUrl}/status`).then(
        ({ ok }) => ok,
        () => false,
      );
    });
    const options = { binary: this.browser, args: ['--automation'] };
    const session = await Session.begin(driverUrl, { 'webkitgtk:browserOptions': options });
    await session.resize(width, height);
    const person = new Person(this, name, session);
    this.people.push(person);
    return person;
  }

  /** What was on every screen when something went wrong. */
  async saveAll() {
    for (const { name, session } of this.people) {
      const png = await session.screenshot().catch(() => undefined);
      if (png) await writeFile(join(output, `failed-webkit-${name}.png`), png);
    }
  }

  /** Everything that was started here must be gone. */
  async close() {
    await Promise.allSettled(this.people.map(({ session }) => session.end()));
    const started = await this.#running();
    for (const { id } of started) end(Number(id));
    await until('WebKit ends', ENDED_WITHIN_MILLIS, async () => (await this.#running()).length === 0);
    await rm(this.folder, { recursive: true, force: true });
  }

  #running() {
    return processesNaming(this.folder, 'environ');
  }
}

function end(id) {
  try {
    process.kill(id);
  } catch (cause) {
    // It ended by itself meanwhile.
    if (cause.code !== 'ESRCH') throw cause;
  }
}

class Person {
  constructor(stage, name, session) {
    this.stage = stage;
    this.name = name;
    this.session = session;
  }

  /** Leaves what is open and opens the app anew, as after a tap on its icon. */
  async open(path) {
    await this.gatherErrors();
    await this.session.goTo('about:blank');
    await this.session.goTo(this.stage.url + path);
    await this.session.run(noteErrors);
  }

  async gatherErrors() {
    const errors = await this.session.run(() => globalThis.faults?.splice(0) ?? []);
    this.stage.errors.push(...errors.map((error) => `${this.name}: ${error}`));
  }

  /** Waits for an element that is seen and holds all of the words; answers its whole text. */
  async reads(selector, ...words) {
    let text;
    await until(`${this.name} reads «${words.join('», «')}» in ${selector}`, WAIT_MILLIS, async () => {
      const element = await this.session.run(seen, selector, words.map(plain));
      text = element && (await this.session.run((found) => found.innerText, element));
      return element;
    });
    return text;
  }

  async attribute(selector, name) {
    return this.session.run(
      (css, attribute) => document.querySelector(css)?.getAttribute(attribute) ?? null,
      selector,
      name,
    );
  }

  async count(selector) {
    return this.session.run((css) => document.querySelectorAll(css).length, selector);
  }

  async isGone(selector) {
    await until(`${this.name}: ${selector} is gone`, WAIT_MILLIS, async () => (await this.count(selector)) === 0);
  }

  /** As soon as it can be pressed. */
  async click(selector, ...words) {
    await this.#act(`${selector}:not(:disabled):not([aria-busy="true"])`, words, (element) =>
      this.session.click(element),
    );
  }

  async type(selector, text) {
    await this.#act(selector, [], (element) => this.session.type(element, text));
  }

  async #act(selector, words, act) {
    await until(`${this.name} finds ${selector} «${words.join(' ')}»`, WAIT_MILLIS, async () => {
      const element = await this.session.run(seen, selector, words.map(plain));
      if (!element) return false;
      try {
        await act(element);
        return true;
      } catch (cause) {
        if (cause instanceof WebDriverError && PASSING.includes(cause.code)) return false;
        throw cause;
      }
    });
  }

  /** Types at the page, to whatever has the focus. */
  async typeAtPage(keys) {
    await this.session.type(await this.session.focused(), keys);
  }

  async upload(selector, file) {
    await this.session.type(await this.session.element(selector), file);
  }

  /** What the page has come to is on the screen. */
  async painted() {
    await this.session.run(
      () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))),
    );
  }

  async installed() {
    await this.session.run(isInstalled);
  }

  async stored(store) {
    return this.session.run(storedRows, store);
  }
}

/** Runs in the page: from here on, for the protocol has nothing that would run before the app does. */
function noteErrors() {
  const faults = (globalThis.faults = []);
  // A stack has no message here.
  addEventListener('error', ({ message, error }) => faults.push(`${message}\n${error?.stack ?? ''}`));
  addEventListener('unhandledrejection', ({ reason }) => faults.push(`${reason}\n${reason?.stack ?? ''}`));
  addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
    faults.push(`${violatedDirective}: ${blockedURI}`),
  );
}

/** Runs in the page: the first element that a person sees and that holds all of the words. */
function seen(selector, words) {
  const holds = (element, word) => element.innerText.replace(/\s+/g, ' ').includes(word);
  const isSeen = (element) => element.checkVisibility({ visibilityProperty: true });
  return (
    [...document.querySelectorAll(selector)].find(
      (element) => isSeen(element) && words.every((word) => holds(element, word)),
    ) ?? null
  );
}
