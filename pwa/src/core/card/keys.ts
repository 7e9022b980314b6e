// Public keys as COSE_Key: reading, identifying (RFC 9679), checking signatures. No private key passes through here.
import type { Bytes } from './bytes';
import { encodeCbor, hasOnly, isBytes, isMap, type CborMap } from './cbor';
import * as f from './constants';
import { verifyEd25519, type Ed25519Engine } from './ed25519';
import { hasLowS } from './present';

export type PublicKey =
  | { type: 'ed25519'; x: Bytes }
  | { type: 'p256'; x: Bytes; y: Bytes };

/** The key, or null where the map is not exactly one of the two shapes that this format takes. */
export function readCoseKey(map: unknown): PublicKey | null {
  if (!isMap(map)) return null;
  const x = map.get(f.KEY_X);
  if (!isBytes(x) || x.length !== 32) return null;
  if (map.get(f.KEY_KTY) === f.KTY_OKP && map.get(f.KEY_CRV) === f.CRV_ED25519) {
    return hasOnly(map, [f.KEY_KTY, f.KEY_CRV, f.KEY_X]) ? { type: 'ed25519', x } : null;
  }
  const y = map.get(f.KEY_Y);
  if (map.get(f.KEY_KTY) !== f.KTY_EC2 || map.get(f.KEY_CRV) !== f.CRV_P256 || !isBytes(y) || y.length !== 32) return null;
  return hasOnly(map, [f.KEY_KTY, f.KEY_CRV, f.KEY_X, f.KEY_Y]) ? { type: 'p256', x, y } : null;
}

/** The first bytes of the SHA-256 COSE Key Thumbprint, which is over the required members alone: all that we take. */
export async function kidOf(coseKey: CborMap): Promise<Bytes> {
  const digest = await crypto.subtle.digest('SHA-256', encodeCbor(coseKey));
  return new Uint8Array(digest).slice(0, f.KID_BYTES);
}

/** Whether a signature by this algorithm has its one form and may come from this type of key. */
export function signatureFits(alg: unknown, key: PublicKey, signature: Uint8Array): boolean {
  if (key.type === 'p256') return alg === f.ALG_ES256 && hasLowS(signature);
  return alg === f.ALG_EDDSA || alg === f.ALG_ED25519;
}

export async function verifySignature(
  key: PublicKey, signature: Bytes, message: Bytes, engine?: Ed25519Engine,
): Promise<boolean> {
  if (key.type === 'ed25519') return verifyEd25519(key.x, signature, message, engine);
  try {
    const point = Uint8Array.of(4, ...key.x, ...key.y);
    const p256 = await crypto.subtle.importKey('raw', point, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['verify']);
    return await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, p256, signature, message);
  } catch {
    return false;
  }
}
