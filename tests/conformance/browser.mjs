// The built package in a real browser: every vector, over WebCrypto's Ed25519 and over the fallback for older browsers.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const { chromium } = createRequire(new URL('../../pwa/package.json', import.meta.url))('playwright-core');

export const ENGINES = ['webcrypto', 'noble'];

/** A browser, and a server of the files that are given by path: `[type, body]`. Both are gone when `run` has ended. */
export async function inBrowser(files, run) {
  const server = createServer(({ url }, response) => {
    const [type, body] = files[url] ?? [];
    // Isolated, a page may read the time to five microseconds.
    const isolation = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };
    response
      .writeHead(body === undefined ? 404 : 200, { 'content-type': type ?? 'text/plain', ...isolation })
      .end(body);
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
    ],
  });
  try {
    return await run(browser, `http://localhost:${server.address().port}/`);
  } finally {
    await browser.close();
    server.close();
  }
}

/** What a page needs to run vectors against the built package. */
export const packageFiles = async (dist) => ({
  '/': ['text/html', '<!doctype html><title>Conformance</title>'],
  '/package.mjs': ['text/javascript', await readFile(join(dist, 'index.js'))],
  '/vectors.mjs': ['text/javascript', await readFile(fileURLToPath(new URL('vectors.mjs', import.meta.url)))],
});

/** Answers the browser's version and, for each engine, the deviation of each vector or null, in order. */
export async function runInBrowser(dist, vectors) {
  const files = { ...(await packageFiles(dist)), '/vectors.json': ['application/json', JSON.stringify(vectors)] };
  return inBrowser(files, async (browser, url) => {
    const found = {};
    for (const engine of ENGINES) {
      const page = await browser.newPage();
      await page.goto(url);
      found[engine] = await page.evaluate(runHere, engine);
      await page.close();
    }
    return { version: browser.version(), found };
  });
}

/** Runs in the page. */
async function runHere(engine) {
  const { deviation, hideEd25519, runVector } = await import('/vectors.mjs');
  const importKey = (curve) =>
    crypto.subtle.importKey('raw', new Uint8Array([0x58, ...Array(31).fill(0x66)]), { name: curve }, false, ['verify']);
  if (engine === 'noble') hideEd25519();
  const hasEd25519 = await importKey('Ed25519').then(
    () => true,
    () => false,
  );
  if (hasEd25519 !== (engine === 'webcrypto')) throw new Error(`Ed25519 in WebCrypto: ${hasEd25519}`);
  const api = await import('/package.mjs');
  const vectors = await (await fetch('/vectors.json')).json();
  const deviations = [];
  for (const vector of vectors) deviations.push(deviation(vector, await runVector(api, vector)));
  return deviations;
}
