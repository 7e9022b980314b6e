// Ed25519 as strictly as ed25519-dalek's verify_strict: canonical S, no small-order key or R, no cofactor.
// WebCrypto alone is not enough (it takes small-order keys), and is missing in Chrome before 137.
import { equal, type Bytes } from './bytes';

export type Ed25519Engine = 'webcrypto' | 'noble';

const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const FIELD_PRIME = 2n ** 255n - 19n;
const SIGN_BIT = 1n << 255n;

/** The y coordinates of the eight points of small order: 1, 2, 4 and 8. */
const ORDER_EIGHT_Y = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;
const SMALL_ORDER_Y = [1n, FIELD_PRIME - 1n, 0n, ORDER_EIGHT_Y, FIELD_PRIME - ORDER_EIGHT_Y];

/** A key that no honest owner has: of small order, where one signature stands for any message, or with a second spelling. */
export function isWeakKey(point: Uint8Array): boolean {
  return yOf(point) >= FIELD_PRIME || isSmallOrder(point);
}

export function isSmallOrder(point: Uint8Array): boolean {
  return SMALL_ORDER_Y.includes(yOf(point) % FIELD_PRIME);
}

/** Whether some x belongs to this y: x² = (y² − 1) / (dy² + 1), with d = −121665 / 121666, must be a square. */
export function isPoint(bytes: Uint8Array): boolean {
  const ySquared = yOf(bytes) ** 2n % FIELD_PRIME;
  const xSquared = (ySquared - 1n) * 121666n * (121666n - 121665n * ySquared);
  return xSquared % FIELD_PRIME === 0n || toThePower(xSquared, (FIELD_PRIME - 1n) / 2n) === 1n;
}

let preferred: Promise<Ed25519Engine> | undefined;

/** WebCrypto where the browser has Ed25519, otherwise the JavaScript implementation. */
export function ed25519Engine(): Promise<Ed25519Engine> {
  const base = new Uint8Array(32).fill(0x66);
  base[0] = 0x58;
  preferred ??= crypto.subtle.importKey('raw', base, { name: 'Ed25519' }, false, ['verify']).then(
    (): Ed25519Engine => 'webcrypto',
    (): Ed25519Engine => 'noble',
  );
  return preferred;
}

export async function verifyEd25519(
  publicKey: Bytes,
  signature: Bytes,
  message: Bytes,
  engine?: Ed25519Engine,
): Promise<boolean> {
  const r = signature.subarray(0, 32);
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  if (isWeakKey(publicKey) || isSmallOrder(r)) return false;
  if (littleEndian(signature.subarray(32)) >= GROUP_ORDER) return false;
  return (engine ?? (await ed25519Engine())) === 'webcrypto'
    ? verifyByWebCrypto(publicKey, signature, message)
    : verifyByNoble(publicKey, signature, message);
}

async function verifyByWebCrypto(publicKey: Bytes, signature: Bytes, message: Bytes): Promise<boolean> {
  try {
    const key = await crypto.subtle.importKey('raw', publicKey, { name: 'Ed25519' }, false, ['verify']);
    return await crypto.subtle.verify({ name: 'Ed25519' }, key, signature, message);
  } catch {
    return false;
  }
}

/** The equation [S]B - [k]A = R over encodings. The library's own verify multiplies by the cofactor, so takes more. */
async function verifyByNoble(publicKey: Bytes, signature: Bytes, message: Bytes): Promise<boolean> {
  const { Point, hashes } = await import('@noble/ed25519');
  const r = signature.subarray(0, 32);
  const hashed = new Uint8Array(r.length + publicKey.length + message.length);
  hashed.set(r);
  hashed.set(publicKey, 32);
  hashed.set(message, 64);
  try {
    const a = Point.fromBytes(publicKey, true);
    const k = littleEndian(await hashes.sha512Async(hashed)) % GROUP_ORDER;
    const s = littleEndian(signature.subarray(32));
    const expected = Point.BASE.multiply(s, false).subtract(a.multiply(k, false));
    return equal(expected.toBytes(), r);
  } catch {
    return false;
  }
}

function toThePower(base: bigint, exponent: bigint): bigint {
  let power = 1n;
  for (const bit of exponent.toString(2)) {
    power = power ** 2n % FIELD_PRIME;
    if (bit === '1') power = (((power * base) % FIELD_PRIME) + FIELD_PRIME) % FIELD_PRIME;
  }
  return power;
}

function yOf(point: Uint8Array): bigint {
  return littleEndian(point) & ~SIGN_BIT;
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
