import { Point, hashes, keygenAsync, signAsync } from '@noble/ed25519';
import { describe, expect, test } from 'vitest';
import { ascii, concat, fromHex, type Bytes } from './bytes';
import { isPoint, isSmallOrder, isWeakKey, verifyEd25519, type Ed25519Engine } from './ed25519';

const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const message = ascii('a card');
const engines: Ed25519Engine[] = ['webcrypto', 'noble'];

const littleEndian = (value: bigint): Bytes =>
  Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
const toInt = (bytes: Uint8Array): bigint => bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);

/** A point of order eight, out of any curve point that has a torsion part. */
const torsion = Point.fromBytes(fromHex('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'));

describe.each(engines)('%s', (engine) => {
  test('takes a good signature and refuses another message', async () => {
    const { secretKey, publicKey } = await keygenAsync();
    const signature = new Uint8Array(await signAsync(message, secretKey));
    const key = new Uint8Array(publicKey);
    expect(await verifyEd25519(key, signature, message, engine)).toBe(true);
    expect(await verifyEd25519(key, signature, ascii('a cart'), engine)).toBe(false);
  });

  test('refuses S beyond the group order', async () => {
    const { secretKey, publicKey } = await keygenAsync();
    const signature = new Uint8Array(await signAsync(message, secretKey));
    const grown = concat(signature.subarray(0, 32), littleEndian(toInt(signature.subarray(32)) + ORDER));
    expect(await verifyEd25519(new Uint8Array(publicKey), grown, message, engine)).toBe(false);
  });

  test('refuses a small-order key, which one signature would fit to every message', async () => {
    const identity = littleEndian(1n);
    const anySignature = concat(identity, new Uint8Array(32));
    expect(await verifyEd25519(identity, anySignature, message, engine)).toBe(false);
  });

  test('refuses a small-order R under an honest key', async () => {
    const secret = 12345n;
    const publicKey = new Uint8Array(Point.BASE.multiply(secret).toBytes());
    const r = littleEndian(1n);
    const k = toInt(await hashes.sha512Async(concat(r, publicKey, message))) % ORDER;
    const signature = concat(r, littleEndian((k * secret) % ORDER));
    expect(await verifyEd25519(publicKey, signature, message, engine)).toBe(false);
  });

  test('uses no cofactor: a key with a torsion part refuses what would fit eightfold', async () => {
    const secret = 54321n;
    const nonce = 777n;
    const publicKey = new Uint8Array(Point.BASE.multiply(secret).add(torsion).toBytes());
    const r = new Uint8Array(Point.BASE.multiply(nonce).toBytes());
    const verdicts = await Promise.all(
      [0, 1, 2, 3].map(async (i) => {
        const text = concat(message, [i]);
        const k = toInt(await hashes.sha512Async(concat(r, publicKey, text))) % ORDER;
        const signature = concat(r, littleEndian((nonce + k * secret) % ORDER));
        return { fitsExactly: k % 8n === 0n, accepted: await verifyEd25519(publicKey, signature, text, engine) };
      }),
    );
    expect(verdicts.map((v) => v.accepted)).toEqual(verdicts.map((v) => v.fitsExactly));
  });
});

test('the eight points of small order are known in each encoding', () => {
  for (let i = 0n, point = Point.ZERO; i < 8n; i++, point = point.add(torsion)) {
    expect(isSmallOrder(point.toBytes())).toBe(true);
  }
  expect(isSmallOrder(littleEndian(2n ** 255n - 18n))).toBe(true);
  expect(isWeakKey(littleEndian(2n ** 255n - 16n))).toBe(true);
  expect(isWeakKey(Point.BASE.toBytes())).toBe(false);
  expect(isSmallOrder(Point.BASE.toBytes())).toBe(false);
});

test('knows a y that belongs to no point', () => {
  const decodes = (bytes: Bytes) => {
    try {
      return Boolean(Point.fromBytes(bytes));
    } catch {
      return false;
    }
  };
  const ys = Array.from({ length: 64 }, (_, y) => littleEndian(BigInt(y + 2)));
  expect(ys.map(isPoint)).toEqual(ys.map(decodes));
  expect(new Set(ys.map(isPoint)).size).toBe(2);
});
