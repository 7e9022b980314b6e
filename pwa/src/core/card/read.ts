// The text of a QR code taken apart into a card and, where there is one, its proof: the strict form, before any trust.
import { decodeBase45 } from './base45';
import { type Bytes } from './bytes';
import { hasOnly, isArray, isBytes, isMap, isText, isUint, readSign1, sign1Of, type Sign1 } from './cbor';
import * as f from './constants';
import { isUpperTwin, readCoseKey, type PublicKey } from './keys';

export interface Card {
  alg: number;
  kid: Bytes;
  number: string;
  iatSeconds: number;
  expSeconds: number;
  class: number;
  deviceKey: PublicKey | null;
  status: { uri: string; index: number };
  shown: { name: string; region: number; category: number };
  signature: Bytes;
  signed: Bytes;
}

export interface Proof {
  alg: number;
  iatSeconds: number;
  challenge: string | null;
  maxRedeemKopecks: number | null;
  signature: Bytes;
  signed: Bytes;
}

export type ReadToken = { card: Card; proof: Proof | null };

export function readToken(text: string): ReadToken | 'not-a-card' | 'malformed' {
  if (!text.startsWith(f.TOKEN_PREFIX) || text.length > f.TOKEN_MAX_CHARS) return 'not-a-card';
  const bytes = decodeBase45(text.slice(f.TOKEN_PREFIX.length));
  if (!bytes || bytes.length === 0) return 'not-a-card';
  const outer = readSign1(bytes);
  if (!outer) return 'malformed';
  if (!outer.header.has(f.HEADER_KCWT)) {
    const card = readCard(outer);
    return card ? { card, proof: null } : 'malformed';
  }
  const inner = sign1Of(outer.header.get(f.HEADER_KCWT));
  const card = inner && readCard(inner);
  const proof = card?.deviceKey && readProof(outer, card.deviceKey);
  return card && proof ? { card, proof } : 'malformed';
}

function readCard({ header, claims, signature, signed }: Sign1): Card | null {
  const alg = header.get(f.HEADER_ALG);
  const kid = header.get(f.HEADER_KID);
  if (!hasOnly(header, [f.HEADER_ALG, f.HEADER_KID]) || !isInt(alg)) return null;
  if (!isBytes(kid) || kid.length !== f.KID_BYTES) return null;
  const labels = [f.CLAIM_SUB, f.CLAIM_EXP, f.CLAIM_IAT, f.CLAIM_STATUS, f.CLAIM_SHOWN, f.CLAIM_CLASS];
  if (!hasOnly(claims, labels, [f.CLAIM_CNF])) return null;
  const [number, expSeconds, iatSeconds, rawStatus, rawShown, cardClass] = labels.map((label) => claims.get(label));
  const status = readStatus(rawStatus);
  const shown = readShown(rawShown);
  if (!isText(number) || !isMembershipNumber(number) || !isUint(expSeconds) || !isUint(iatSeconds) || !status || !shown)
    return null;
  if (cardClass !== f.CLASS_PHONE && cardClass !== f.CLASS_PAPER) return null;
  const deviceKey = claims.has(f.CLAIM_CNF) ? readConfirmation(claims.get(f.CLAIM_CNF)) : null;
  if (
    (cardClass === f.CLASS_PHONE) !== (deviceKey !== null) ||
    (cardClass === f.CLASS_PAPER && claims.has(f.CLAIM_CNF))
  )
    return null;
  return { alg, kid, number, iatSeconds, expSeconds, class: cardClass, deviceKey, status, shown, signature, signed };
}

function readProof({ header, claims, signature, signed }: Sign1, deviceKey: PublicKey): Proof | null {
  if (!hasOnly(header, [f.HEADER_ALG, f.HEADER_KCWT, f.HEADER_TYP]) || header.get(f.HEADER_TYP) !== f.TYP_PRESENTATION)
    return null;
  const alg = header.get(f.HEADER_ALG);
  if (!isInt(alg) || isUpperTwin(deviceKey, alg, signature)) return null;
  if (!hasOnly(claims, [f.CLAIM_AUD, f.CLAIM_IAT], [f.CLAIM_CNONCE, f.CLAIM_MAX_REDEEM_KOPECKS])) return null;
  const iatSeconds = claims.get(f.CLAIM_IAT);
  if (claims.get(f.CLAIM_AUD) !== f.AUDIENCE || !isUint(iatSeconds)) return null;
  const nonce = claims.get(f.CLAIM_CNONCE);
  const challenge = isBytes(nonce) ? String.fromCharCode(...nonce) : null;
  if (claims.has(f.CLAIM_CNONCE) && (challenge === null || !isChallenge(challenge))) return null;
  const maxRedeem = claims.get(f.CLAIM_MAX_REDEEM_KOPECKS);
  if (claims.has(f.CLAIM_MAX_REDEEM_KOPECKS) && !isUint(maxRedeem)) return null;
  return { alg, iatSeconds, challenge, maxRedeemKopecks: isUint(maxRedeem) ? maxRedeem : null, signature, signed };
}

function readConfirmation(raw: unknown): PublicKey | null {
  return isMap(raw) && hasOnly(raw, [f.CNF_COSE_KEY]) ? readCoseKey(raw.get(f.CNF_COSE_KEY)) : null;
}

function readStatus(raw: unknown): Card['status'] | null {
  const reference = isMap(raw) && hasOnly(raw, ['status_list']) ? raw.get('status_list') : null;
  if (!isMap(reference) || !hasOnly(reference, ['idx', 'uri'])) return null;
  const index = reference.get('idx');
  const uri = reference.get('uri');
  return isUint(index) && isText(uri) ? { uri, index } : null;
}

function readShown(raw: unknown): Card['shown'] | null {
  if (!isArray(raw) || raw.length !== 3) return null;
  const [name, region, category] = raw;
  if (!isText(name) || name === '' || [...name].length > f.NAME_MAX_CHARS) return null;
  if (!isUint(region) || region > f.REGION_MAX) return null;
  return isUint(category) && category >= 1 && category <= 3 ? { name, region, category } : null;
}

const isInt = (value: unknown): value is number => Number.isSafeInteger(value);

function isChallenge(digits: string): boolean {
  return /^[0-9]+$/.test(digits) && digits.length <= f.CHALLENGE_MAX_DIGITS;
}

/** Twelve digits, the last of them Luhn's check digit. */
export function isMembershipNumber(text: string): boolean {
  if (!/^[0-9]{12}$/.test(text)) return false;
  const sum = [...text].reduceRight((total, digit, i) => {
    const doubled = Number(digit) * (i % 2 === 0 ? 2 : 1);
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return sum % 10 === 0;
}
