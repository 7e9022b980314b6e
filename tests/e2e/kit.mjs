// The page that shows every component in each of its states, built by itself: it needs no server, and the app has nothing of it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openBrowser } from './lib/browser.mjs';
import { repository } from './lib/instance.mjs';
import { chapter, check, conclude, fail } from './lib/report.mjs';

const pwa = join(repository, 'pwa');
const built = join(repository, 'target/kit');
const ORIGIN = 'http://localhost';
const TYPES = { html: 'text/html', js: 'text/javascript', css: 'text/css' };
/** Words of the page that stand nowhere else. */
const MARK = 'Детали приложения';
const FACES = ['Член', 'Касса', 'Председатель'];

const build = () => promisify(execFile)('npm', ['run', '--silent', 'build:kit', built], { cwd: pwa });

/** The built files answer for an address at which nothing listens. */
async function serve(person) {
  await person.context.route(`${ORIGIN}/**`, async (route) => {
    const { pathname } = new URL(route.request().url());
    const file = pathname === '/dev/kit' ? 'dev/kit.html' : pathname.slice(1);
    await route.fulfill({ body: await readFile(join(built, file)), contentType: TYPES[file.split('.').at(-1)] });
  });
}

async function story(stage) {
  chapter('The kit');
  const person = await stage.person('kit', { isPhone: false });
  await serve(person);
  await person.open('/dev/kit');
  await check('every component has its section, and every section its component', async () => {
    const files = await readdir(join(pwa, 'src/ui'));
    const components = files.filter((name) => name.endsWith('.svelte')).map((name) => name.replace('.svelte', ''));
    const sections = await person.page
      .locator('[data-component]')
      .evaluateAll((all) => all.map((one) => one.dataset.component));
    assert.deepEqual(sections.sort(), components.sort());
  });
  for (const [n, face] of FACES.entries()) {
    await check(`at both sizes, light and dark, axe finds nothing in the colours of a face: ${face}`, async () => {
      await person.page.getByRole('radio', { name: face }).check();
      await person.shoot(`kit-${n + 1}`, { isWhole: true });
      await assertFits(person);
    });
  }
  await check('the switch makes it dark and light whatever the device says', async () => {
    const ground = () => person.page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const device = (scheme) =>
      person.page.waitForFunction((scheme) => matchMedia(`(prefers-color-scheme: ${scheme})`).matches, scheme);
    await person.page.emulateMedia({ colorScheme: 'light' });
    await device('light');
    const light = await ground();
    await person.page.getByRole('radio', { name: 'Тёмные' }).check();
    const dark = await ground();
    assert.notEqual(dark, light);
    await person.page.emulateMedia({ colorScheme: 'dark' });
    await device('dark');
    assert.equal(await ground(), dark);
    await person.page.getByRole('radio', { name: 'Светлые' }).check();
    assert.equal(await ground(), light);
    await person.page.emulateMedia({ colorScheme: 'light' });
  });
  await check('a dialog and a toast that are open have no fault either', async () => {
    await person.at('tell-undo').click();
    await person.shoot('kit-toast');
    await person.at('open-dialog').click();
    await person.shoot('kit-dialog');
    await person.page.keyboard.press('Escape');
  });
  for (const name of ['Column', 'Missing', 'Pending']) {
    await check(`neither has a whole screen: ${name}`, async () => {
      await person.open(`/dev/kit?only=${name}`);
      await person.page.getByRole('main').waitFor();
      await person.shoot(`kit-${name.toLowerCase()}`);
    });
  }
}

/** Nothing is wider than the window of a phone. */
async function assertFits(person) {
  const overhang = await person.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overhang <= 0, `${overhang} px beyond the edge`);
}

let stage;
try {
  await check('the page is built', build);
  stage = await openBrowser(ORIGIN, join(repository, 'target/kit-screens'));
  await story(stage);
  await check('no request went anywhere else, and no page had an error', () =>
    assert.deepEqual([...stage.strayed, ...stage.errors], []),
  );
  await check('the app that is served has nothing of it', async () => {
    const files = await readdir(join(pwa, 'dist'), { recursive: true });
    const scripts = files.filter((name) => /\.(js|html)$/.test(name));
    assert.ok(scripts.length > 0);
    for (const name of scripts) assert.ok(!(await readFile(join(pwa, 'dist', name), 'utf8')).includes(MARK), name);
  });
} catch (cause) {
  fail(cause);
  await stage?.saveAll();
}
await stage?.close();
conclude();
