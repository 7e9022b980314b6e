import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ascii, concat } from './card/bytes';
import { decode } from 'cborg';

beforeEach(() => {
  vi.resetModules();
  vi.stubGlobal('indexedDB', new IDBFactory());
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const coseKeyOf = (bytes: Uint8Array) => decode(bytes, { useMaps: true }) as Map<number, unknown>;

it('makes an Ed25519 key that survives the database and cannot be read', async () => {
  const { candidateKey, makeCandidateKey, signEnrolment } = await import('./devicekey');
  await makeCandidateKey();
  const key = (await candidateKey())!;
  expect(key.algorithm).toBe('EdDSA');
  expect(key.privateKey.extractable).toBe(false);

  const coseKey = coseKeyOf(key.publicCoseKey);
  expect([...coseKey.keys()]).toEqual([1, -1, -2]);
  expect([coseKey.get(1), coseKey.get(-1)]).toEqual([1, 6]);
  const challenge = crypto.getRandomValues(new Uint8Array(16));
  const signature = await signEnrolment(key, challenge);
  const publicKey = await crypto.subtle.importKey('raw', coseKey.get(-2) as Uint8Array<ArrayBuffer>, 'Ed25519', false, [
    'verify',
  ]);
  const message = concat(ascii('PC-ENROL-1'), [0], challenge);
  expect(await crypto.subtle.verify('Ed25519', publicKey, signature, message)).toBe(true);
});

it('falls back to P-256 where the browser knows no Ed25519', async () => {
  const { makeCandidateKey, signEnrolment } = await import('./devicekey');
  refuse((algorithm) => algorithm === 'Ed25519');
  const key = await makeCandidateKey();
  expect(key.algorithm).toBe('ES256');

  const coseKey = coseKeyOf(key.publicCoseKey);
  expect([...coseKey.keys()]).toEqual([1, -1, -2, -3]);
  const point = concat([4], coseKey.get(-2) as Uint8Array, coseKey.get(-3) as Uint8Array);
  const curve = { name: 'ECDSA', namedCurve: 'P-256' };
  const publicKey = await crypto.subtle.importKey('raw', point, curve, false, ['verify']);
  const challenge = new Uint8Array([1, 2, 3]);
  const signature = await signEnrolment(key, challenge);
  const message = concat(ascii('PC-ENROL-1'), [0], challenge);
  const how = { name: 'ECDSA', hash: 'SHA-256' };
  expect(await crypto.subtle.verify(how, publicKey, signature, message)).toBe(true);
});

it('says so when no key can be kept', async () => {
  const { candidateKey, makeCandidateKey, NoDeviceKey } = await import('./devicekey');
  refuse(() => true);
  await expect(makeCandidateKey()).rejects.toBeInstanceOf(NoDeviceKey);
  expect(await candidateKey()).toBeUndefined();
});

it('falls back to P-256 where the database refuses an Ed25519 key', async () => {
  const { candidateKey, makeCandidateKey } = await import('./devicekey');
  await refuseToStore((key) => key.algorithm === 'EdDSA');
  expect((await makeCandidateKey()).algorithm).toBe('ES256');
  expect((await candidateKey())!.algorithm).toBe('ES256');
});

it('falls back to P-256 where a stored Ed25519 key signs for somebody else', async () => {
  const { makeCandidateKey } = await import('./devicekey');
  const sign = crypto.subtle.sign.bind(crypto.subtle);
  vi.spyOn(crypto.subtle, 'sign').mockImplementation((async (
    how: { name: string },
    ...rest: [CryptoKey, BufferSource]
  ) => {
    const signature = new Uint8Array(await sign(how, ...rest));
    if (how.name === 'Ed25519') signature[0]! ^= 1;
    return signature.buffer;
  }) as typeof crypto.subtle.sign);
  expect((await makeCandidateKey()).algorithm).toBe('ES256');
});

it('says so when the database refuses every key, and leaves none behind', async () => {
  const { candidateKey, makeCandidateKey, NoDeviceKey } = await import('./devicekey');
  await refuseToStore(() => true);
  await expect(makeCandidateKey()).rejects.toBeInstanceOf(NoDeviceKey);
  expect(await candidateKey()).toBeUndefined();
});

it('a store that is full for now is no browser that cannot keep a key', async () => {
  const { makeCandidateKey } = await import('./devicekey');
  const { IDBObjectStore } = await import('fake-indexeddb');
  vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
    throw new DOMException('full', 'QuotaExceededError');
  });
  await expect(makeCandidateKey()).rejects.toMatchObject({ name: 'QuotaExceededError' });
});

/** Some systems make a key and cannot keep it: the structured clone of a CryptoKey fails. */
async function refuseToStore(refused: (key: { algorithm: string }) => boolean): Promise<void> {
  const { IDBObjectStore } = await import('fake-indexeddb');
  const put = IDBObjectStore.prototype.put;
  vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (this: IDBObjectStore, value, key) {
    if (value.privateKey && refused(value)) throw new DOMException('not cloneable', 'DataCloneError');
    return put.call(this, value, key);
  });
}

/** An older browser: WebCrypto that does not know some algorithms. */
function refuse(refused: (algorithm: string) => boolean): void {
  const generate = crypto.subtle.generateKey.bind(crypto.subtle);
  vi.spyOn(crypto.subtle, 'generateKey').mockImplementation(((
    algorithm: { name: string },
    ...rest: [boolean, KeyUsage[]]
  ) =>
    refused(algorithm.name)
      ? Promise.reject(new DOMException('unknown algorithm', 'NotSupportedError'))
      : generate(algorithm, ...rest)) as typeof crypto.subtle.generateKey);
}
