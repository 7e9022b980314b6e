// The package as a vendor gets it: built, loaded by Node, run over every vector; and its verifier over real downloads.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { vectors } from '../../tests/conformance/files.mjs';
import { deviation, fromHex, runVector } from '../../tests/conformance/vectors.mjs';
import type { ListStorage, SignedList } from '../src/core/card/index';

type Api = typeof import('../src/core/card/index');

const script = new URL('../scripts/build-verify.mjs', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'profcards-verify-'));
let api: Api;
let server: Server;
/** What the issuer serves, by path; a path that is missing is 404. */
let served: Record<string, string>;

beforeAll(async () => {
  execFileSync(process.execPath, [script, folder]);
  api = await import(/* @vite-ignore */ pathToFileURL(join(folder, 'index.js')).href);
  server = createServer(({ url }, response) => {
    const hex = served[url ?? ''];
    response.writeHead(hex === undefined ? 404 : 200).end(hex === undefined ? '' : fromHex(hex));
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
}, 60_000);

afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

const named = (name: string) => vectors.find((vector) => vector.name === name);
const good = named('phone, Ed25519, issuer -8');
const revoked = named('revoked and freshly shown');

const serve = ({ trustList, statusLists }: typeof good) => ({
  '/.well-known/profcards/trust-list': trustList,
  '/.well-known/profcards/status/1': statusLists[0],
});
beforeEach(() => {
  served = serve(good);
});

const makeVerifier = (more = {}) =>
  api.createVerifier({
    roots: good.roots,
    trustListUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/.well-known/profcards/trust-list`,
    nowSeconds: () => good.now,
    ...more,
  });

const storageOf = (rows: Map<string, SignedList>): ListStorage => ({
  all: async () => [...rows.values()],
  put: async (list) => void rows.set(list.id, list),
  delete: async (id) => void rows.delete(id),
});

test.each(vectors.map((vector) => [vector.name, vector] as const))('%s', async (_name, vector) => {
  expect(deviation(vector, await runVector(api, vector))).toBeNull();
});

test('the lists are downloaded by the first verification; what was accepted is replayed the next time', async () => {
  const verifier = makeVerifier();
  const verdict = await verifier.verify(good.token, { wants: 'accrual' });
  expect(verdict).toMatchObject({
    accepted: true,
    code: 'accepted',
    warning: null,
    class: 'phone',
    number: good.expect.number,
    proofId: good.expect.proofId,
  });
  expect((await verifier.verify(good.token)).code).toBe('replayed');
});

test('of two verifications of one proof at once, one is accepted', async () => {
  const verifier = makeVerifier();
  const verdicts = await Promise.all([verifier.verify(good.token), verifier.verify(good.token)]);
  expect(verdicts.map(({ code }) => code).sort()).toEqual(['accepted', 'replayed']);
});

test('a card of the future moves no clock', async () => {
  const verifier = makeVerifier();
  expect((await verifier.verify(named('issued in an hour').token)).code).toBe('not-yet-valid');
  expect((await verifier.verify(good.token)).code).toBe('accepted');
});

test('without the issuer there is no verdict for a new till, and the same verdict for one that holds the lists', async () => {
  const holding = makeVerifier();
  await holding.refresh();
  served = {};
  expect((await makeVerifier().verify(good.token)).code).toBe('trust-list-bad');
  await expect(holding.refresh()).rejects.toThrow('404');
  expect((await holding.verify(good.token)).code).toBe('accepted');
});

test('a newer list counts from its arrival; one that does not check out changes nothing', async () => {
  const verifier = makeVerifier({ refreshSeconds: 0 });
  await verifier.refresh();
  served = serve({ ...good, statusLists: named('a list with an altered byte').statusLists });
  await expect(verifier.refresh()).rejects.toThrow('refused');
  expect((await verifier.verify(good.token)).code).toBe('accepted');
  // The verification has begun to refresh by itself: this joins it, or fails in the same way.
  await expect(verifier.refresh()).rejects.toThrow('refused');
  served = serve(revoked);
  await verifier.refresh();
  expect((await verifier.verify(revoked.token)).code).toBe('revoked');
});

test('lists that were kept are there after a restart, and are checked again', async () => {
  const rows = new Map();
  const storage = storageOf(rows);
  await makeVerifier({ storage }).refresh();
  served = {};
  expect((await makeVerifier({ storage }).verify(good.token)).code).toBe('accepted');
  rows.set('trust', { ...rows.get('trust'), bytes: fromHex(named('a trust list with an altered byte').trustList) });
  expect((await makeVerifier({ storage }).verify(good.token)).code).toBe('trust-list-bad');
});

test('a verifier whose storage fails answers all the same, and works as soon as the storage does', async () => {
  const rows = new Map();
  const kept = storageOf(rows);
  let broken = true;
  const storage = { ...kept, all: () => (broken ? Promise.reject(new Error('no disk')) : kept.all()) };
  const verifier = makeVerifier({ storage });
  expect((await verifier.verify(good.token)).code).toBe('trust-list-bad');
  await expect(verifier.refresh()).rejects.toThrow('no disk');
  broken = false;
  await verifier.refresh();
  expect((await verifier.verify(good.token)).code).toBe('accepted');
});
