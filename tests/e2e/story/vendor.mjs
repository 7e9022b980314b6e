// A partner's own till: the example page of the package, from another origin, judges a code that a camera read.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repository } from '../lib/instance.mjs';
import { assertReads, chapter, check } from '../lib/report.mjs';
import { HERO } from './chair.mjs';

const app = join(repository, 'pwa');

/** The token was accepted by the app's own till at the moment that is given. */
export async function vendorStory(stage, instance, { token, atSeconds }) {
  chapter('A partner’s own page');
  const folder = await mkdtemp(join(tmpdir(), 'profcards-vendor-'));
  const server = createServer((request, response) => void serve(folder, request, response));
  try {
    await check('the package is built', () =>
      promisify(execFile)(process.execPath, [join(app, 'scripts/build-verify.mjs'), folder]),
    );
    await new Promise((ready) => server.listen(0, 'localhost', ready));
    const page = await openPage(stage, instance, server, atSeconds);
    await check('its example page accepts the code, and no second time', async () => {
      assertReads(await verdictOf(page, token), 'accepted', HERO.shownName, 'discount', 'accrual');
      assertReads(await verdictOf(page, token), 'replayed');
    });
    await page.context().close();
  } finally {
    server.close();
    await rm(folder, { recursive: true });
  }
}

async function serve(folder, { url }, response) {
  const files = {
    '/example.html': [join(app, 'verify/example.html'), 'text/html'],
    '/dist/index.js': [join(folder, 'index.js'), 'text/javascript'],
  };
  const [file, type] = files[new URL(url, 'http://vendor').pathname] ?? [];
  if (file) response.writeHead(200, { 'content-type': type }).end(await readFile(file));
  else response.writeHead(404).end();
}

async function openPage(stage, instance, server, atSeconds) {
  const context = await stage.browser.newContext();
  context.on('weberror', (error) => stage.errors.push(`vendor: ${error.error().stack}`));
  // A code lives for a minute, and this one was shown a while ago.
  await context.addInitScript((millis) => (Date.now = () => millis), atSeconds * 1000);
  const { roots } = JSON.parse((await instance.download('/shell.json')).bytes.toString());
  const page = await context.newPage();
  await page.goto(
    `http://localhost:${server.address().port}/example.html?${new URLSearchParams({ issuer: instance.url, roots: roots.join() })}`,
  );
  return page;
}

async function verdictOf(page, token) {
  const output = page.locator('output');
  const before = await output.innerText();
  await page.locator('[name="text"]').fill(token);
  await page.getByRole('button').click();
  await page.waitForFunction((than) => !['', than].includes(document.querySelector('output').value), before);
  return output.innerText();
}
