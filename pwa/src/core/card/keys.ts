// Public keys as COSE_Key: reading, checking signatures. No private key passes through here.
import type { Bytes } from './bytes';
import { hasOnly, isBytes, isMap } from './cbor';
import * as f from './constants';
import { verifyEd25519, type Ed25519Engine } from './ed25519';
import { hasLowS } from './present';

export type PublicKey = { type: 'ed25519'; x: Bytes } | { type: 'p256'; x: Bytes; y: Bytes };

/** The key, or null where the map is not exactly one of the two shapes that this format takes. */
export function readCoseKey(map: unknown): PublicKey | null {
  if (!isMap(map)) return null;
  const x = map.get(f.KEY_X);
  if (!isBytes(x) || x.length !== 32) return null;
  if (map.get(f.KEY_KTY) === f.KTY_OKP && map.get(f.KEY_CRV) === f.CRV_ED25519) {
    return hasOnly(map, [f.KEY_KTY, f.KEY_CRV, f.KEY_X]) ? { type: 'ed25519', x } : null;
  }
  const y = map.get(f.KEY_Y);
  if (map.get(f.KEY_KTY) !== f.KTY_EC2 || map.get(f.KEY_CRV) !== f.CRV_P256 || !isBytes(y) || y.length !== 32)
    return null;
  return hasOnly(map, [f.KEY_KTY, f.KEY_CRV, f.KEY_X, f.KEY_Y]) ? { type: 'p256', x, y } : null;
}

/** The algorithm that a phone signs with by this kind of key. */
export function deviceAlg(key: PublicKey): number {
  return key.type === 'p256' ? f.ALG_ES256 : f.ALG_EDDSA;
}

/** Each ES256 signature has a twin with the other s; only the lower one counts. */
export function isUpperTwin(key: PublicKey, alg: number, signature: Uint8Array): boolean {
  return key.type === 'p256' && alg === f.ALG_ES256 && !hasLowS(signature);
}

export async function verifySignature(
  key: PublicKey,
  signature: Bytes,
  message: Bytes,
  engine?: Ed25519Engine,
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
