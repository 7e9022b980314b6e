// Showing a card: wraps the card's bytes in a fresh proof signed by the phone's key, and writes it as the QR's text.
// This file is in the member's first load, so it writes its few CBOR items by hand and never reads any.
import { encodeBase45 } from './base45';
import { ascii, concat, type Bytes } from './bytes';
import * as f from './constants';

export type DeviceAlg = 'EdDSA' | 'ES256';

export interface Showing {
  /** The card's COSE_Sign1 as issued, with its tag. */
  cardBytes: Uint8Array;
  key: CryptoKey;
  alg: DeviceAlg;
  /** The moment of showing, by the phone's clock corrected with its last known server offset. */
  iatSeconds: number;
  /** The till's challenge digits: with every redemption. */
  challenge?: string;
  /** The most that the member lets this purchase take from the balance. */
  maxRedeemKopecks?: number;
}

/** The text of the QR code: `PC1:` and the Base45 of the card within its presentation. */
export async function presentCard(showing: Showing): Promise<string> {
  const alg = showing.alg === 'EdDSA' ? f.ALG_EDDSA : f.ALG_ES256;
  const header = concat(
    [0xa3],
    int(f.HEADER_ALG),
    int(alg),
    int(f.HEADER_KCWT),
    showing.cardBytes,
    int(f.HEADER_TYP),
    int(f.TYP_PRESENTATION),
  );
  const claims = proofClaims(showing);
  const signature = await signAs(showing.alg, showing.key, sigStructure(header, claims));
  const presentation = concat(
    head(6, f.COSE_SIGN1_TAG),
    head(4, 4),
    byteString(header),
    head(5, 0),
    byteString(claims),
    byteString(signature),
  );
  return f.TOKEN_PREFIX + encodeBase45(presentation);
}

/** RFC 9052's Sig_structure for a COSE_Sign1 without external data: what is signed, here and in verification. */
export function sigStructure(header: Uint8Array, payload: Uint8Array): Bytes {
  return concat(
    head(4, 4),
    textString('Signature1'),
    byteString(header),
    byteString(new Uint8Array()),
    byteString(payload),
  );
}

/** A 64-byte signature in the one form that this format takes: for ES256, with s in the lower half of the group. */
export async function signAs(alg: DeviceAlg, key: CryptoKey, message: Bytes): Promise<Bytes> {
  if (alg === 'EdDSA') return new Uint8Array(await crypto.subtle.sign({ name: 'Ed25519' }, key, message));
  return withLowS(new Uint8Array(await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key, message)));
}

const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

export function hasLowS(signature: Uint8Array): boolean {
  return scalarS(signature) <= P256_ORDER / 2n;
}

function withLowS(signature: Bytes): Bytes {
  if (hasLowS(signature)) return signature;
  const s = (P256_ORDER - scalarS(signature)).toString(16).padStart(64, '0');
  return concat(
    signature.subarray(0, 32),
    s.match(/../g)!.map((pair) => parseInt(pair, 16)),
  );
}

function scalarS(signature: Uint8Array): bigint {
  return signature.subarray(32).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** Keys in deterministic order: bytewise by their encodings. */
function proofClaims({ iatSeconds, challenge, maxRedeemKopecks }: Showing): Bytes {
  const entries = [concat(int(f.CLAIM_AUD), textString(f.AUDIENCE)), concat(int(f.CLAIM_IAT), int(iatSeconds))];
  if (challenge !== undefined) entries.push(concat(int(f.CLAIM_CNONCE), byteString(ascii(challenge))));
  if (maxRedeemKopecks !== undefined) entries.push(concat(int(f.CLAIM_MAX_REDEEM_KOPECKS), int(maxRedeemKopecks)));
  return concat(head(5, entries.length), ...entries);
}

function byteString(bytes: Uint8Array): Bytes {
  return concat(head(2, bytes.length), bytes);
}

function textString(text: string): Bytes {
  return concat(head(3, text.length), ascii(text));
}

function int(value: number): number[] {
  return value < 0 ? head(1, -1 - value) : head(0, value);
}

/** A CBOR head in its shortest form. */
function head(major: number, value: number): number[] {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError('not an unsigned integer');
  const width = value < 24 ? 0 : value < 0x100 ? 1 : value < 0x10000 ? 2 : value < 0x100000000 ? 4 : 8;
  const bytes = [(major << 5) | (width === 0 ? value : 24 + Math.log2(width))];
  for (let i = width - 1; i >= 0; i--) bytes.push(Math.floor(value / 256 ** i) % 256);
  return bytes;
}
