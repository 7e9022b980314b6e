/**
 * The phone's key pair: made by WebCrypto, its private half never readable by any script. A key
 * counts only after a round trip through the phone's database, because some systems make a key
 * and then refuse to store it, or give back one that no longer signs.
 */
import { storeFault } from '../api/problem';
import { ascii, concat, type Bytes } from './card/bytes';
import { signAs } from './card/present';
import { inStore } from '../db/open';
import type { DeviceAlgorithm, DeviceKey } from '../db/schema';

export class NoDeviceKey extends Error {
  constructor(options: ErrorOptions) {
    super('this browser cannot keep a signing key', options);
    this.name = 'NoDeviceKey';
  }
}

interface Kind {
  generate: AlgorithmIdentifier | EcKeyGenParams;
  verify: AlgorithmIdentifier | EcdsaParams;
  coseKey: (rawPublicKey: Bytes) => Bytes;
}

const kinds: Record<DeviceAlgorithm, Kind> = {
  EdDSA: {
    generate: { name: 'Ed25519' },
    verify: { name: 'Ed25519' },
    // {1: 1, -1: 6, -2: x}
    coseKey: (raw) => concat([0xa3, 0x01, 0x01, 0x20, 0x06, 0x21, 0x58, 0x20], raw),
  },
  ES256: {
    generate: { name: 'ECDSA', namedCurve: 'P-256' },
    verify: { name: 'ECDSA', hash: 'SHA-256' },
    // {1: 2, -1: 1, -2: x, -3: y}, from the uncompressed point 04 ‖ x ‖ y
    coseKey: (raw) =>
      concat(
        [0xa4, 0x01, 0x02, 0x20, 0x01, 0x21, 0x58, 0x20],
        raw.subarray(1, 33),
        [0x22, 0x58, 0x20],
        raw.subarray(33, 65),
      ),
  },
};

const preferred: readonly DeviceAlgorithm[] = ['EdDSA', 'ES256'];

/** Makes and stores the candidate key that is about to be enrolled. */
export async function makeCandidateKey(): Promise<DeviceKey> {
  const causes: unknown[] = [];
  for (const algorithm of preferred) {
    try {
      return await makeAndProbe(algorithm);
    } catch (cause) {
      // Of the store at this moment, not of what this browser can keep.
      if (storeFault(cause)) throw cause;
      causes.push(cause);
    }
  }
  throw new NoDeviceKey({ cause: causes });
}

async function makeAndProbe(algorithm: DeviceAlgorithm): Promise<DeviceKey> {
  const { generate, verify, coseKey } = kinds[algorithm];
  const pair = (await crypto.subtle.generateKey(generate, false, ['sign', 'verify'])) as CryptoKeyPair;
  const raw = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  const key: DeviceKey = { id: 'candidate', algorithm, privateKey: pair.privateKey, publicCoseKey: coseKey(raw) };
  await inStore((db) => db.put('keys', key));
  const stored = await candidateKey();
  if (!stored) throw new Error('the key was not stored');
  const message = crypto.getRandomValues(new Uint8Array(32));
  const signature = await signAs(algorithm, stored.privateKey, message);
  const signs = await crypto.subtle.verify(verify, pair.publicKey, signature, message);
  if (!signs) throw new Error('the stored key does not sign');
  return stored;
}

export async function candidateKey(): Promise<DeviceKey | undefined> {
  return inStore((db) => db.get('keys', 'candidate'));
}

/** Proof of possession at enrolment: over "PC-ENROL-1", a zero byte and the server's challenge. */
export function signEnrolment(key: DeviceKey, challenge: Uint8Array): Promise<Bytes> {
  const message = concat(ascii('PC-ENROL-1'), [0], challenge);
  return signAs(key.algorithm, key.privateKey, message);
}
