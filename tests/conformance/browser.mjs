// The built package in a real browser: every vector, over WebCrypto's Ed25519 and over the fallback for older browsers.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const { chromium } = createRequire(new URL('../../pwa/package.json', import.meta.url))('playwright-core');

export const ENGINES = ['webcrypto', 'noble'];

/** Answers the browser's version and, for each engine, the deviation of each vector or null, in order. */
export async function runInBrowser(dist, vectors) {
  const pages = {
    '/': ['text/html', '<!doctype html><title>Conformance</title>'],
    '/package.mjs': ['text/javascript', await readFile(join(dist, 'index.js'))],
    '/vectors.mjs': ['text/javascript', await readFile(fileURLToPath(new URL('vectors.mjs', import.meta.url)))],
    '/vectors.json': ['application/json', JSON.stringify(vectors)],
  };
  const server = createServer(({ url }, response) => {
    const [type, body] = pages[url] ?? [];
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': type ?? 'text/plain' }).end(body);
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update'],
  });
  try {
    const found = {};
    for (const engine of ENGINES) {
      const page = await browser.newPage();
      await page.goto(`http://localhost:${server.address().port}/`);
      found[engine] = await page.evaluate(runHere, engine);
      await page.close();
    }
    return { version: browser.version(), found };
  } finally {
    await browser.close();
    server.close();
  }
}

/** Runs in the page. */
async function runHere(engine) {
  const { deviation, hideEd25519, runVector } = await import('/vectors.mjs');
  const importKey = (curve) => crypto.subtle.importKey('raw', new Uint8Array([0x58, ...Array(31).fill(0x66)]), { name: curve }, false, ['verify']);
  if (engine === 'noble') hideEd25519();
  const hasEd25519 = await importKey('Ed25519').then(() => true, () => false);
  if (hasEd25519 !== (engine === 'webcrypto')) throw new Error(`Ed25519 in WebCrypto: ${hasEd25519}`);
  const api = await import('/package.mjs');
  const vectors = await (await fetch('/vectors.json')).json();
  const deviations = [];
  for (const vector of vectors) deviations.push(deviation(vector, await runVector(api, vector)));
  return deviations;
}
