// The trust list: which keys may sign cards and status lists, which lists there are, and the union's policy.
// Signed by a root whose public key is pinned in the app shell; nothing here fetches or stores.
import { equal, type Bytes } from './bytes';
import { hasOnly, isArray, isBytes, isMap, isText, isUint, readSign1, type CborMap } from './cbor';
import * as f from './constants';
import { isPoint, isWeakKey, verifyEd25519 } from './ed25519';
import { readCoseKey } from './keys';

export type KeyRole = 'card' | 'status';

export interface TrustedKey {
  kid: Bytes;
  publicKey: Bytes;
  role: KeyRole;
  alg: number;
  nbfSeconds: number;
  expSeconds: number;
}

export interface Policy {
  freshSeconds: number;
  staleSeconds: number;
  proofWindowSeconds: number;
  redeemingClasses: number[];
  challengeAboveKopecks: number;
}

export interface TrustList {
  issuer: string;
  seq: number;
  iatSeconds: number;
  expSeconds: number;
  keys: TrustedKey[];
  lists: { uri: string; path: string }[];
  policy: Policy;
}

export type TrustFailure = 'trust-list-bad' | 'trust-list-rollback';

/** Takes a list in: under one of the pinned roots, and never an older one than the one held before. */
export async function loadTrustList(bytes: Uint8Array, roots: Bytes[], heldSeq = 0): Promise<TrustList | TrustFailure> {
  const message = bytes.length <= f.TRUST_LIST_MAX_BYTES ? readSign1(bytes) : null;
  if (!message) return 'trust-list-bad';
  const { header, signature, signed } = message;
  if (!hasOnly(header, [f.HEADER_ALG]) || !isIssuerAlg(header.get(f.HEADER_ALG))) return 'trust-list-bad';
  const checks = roots.map((root) => verifyEd25519(root, signature, signed));
  if (!(await Promise.all(checks)).includes(true)) return 'trust-list-bad';
  const list = readClaims(message.claims);
  if (!list) return 'trust-list-bad';
  return list.seq < heldSeq ? 'trust-list-rollback' : list;
}

function readClaims(claims: CborMap): TrustList | null {
  const labels = [
    f.CLAIM_ISS,
    f.CLAIM_EXP,
    f.CLAIM_IAT,
    f.CLAIM_TRUST_SEQ,
    f.CLAIM_TRUST_KEYS,
    f.CLAIM_TRUST_LISTS,
    f.CLAIM_TRUST_POLICY,
  ];
  const [issuer, expSeconds, iatSeconds, seq, rawKeys, rawLists, rawPolicy] = labels.map((label) => claims.get(label));
  if (!hasOnly(claims, labels) || !isText(issuer) || !isUint(expSeconds) || !isUint(iatSeconds) || !isUint(seq))
    return null;
  const policy = readPolicy(rawPolicy);
  const lists = isArray(rawLists) ? rawLists.map(readListEntry) : [null];
  const keys = isArray(rawKeys) ? rawKeys.map(readKey) : [null];
  if (!policy || !lists.every((entry) => entry !== null) || !keys.every((key) => key !== null)) return null;
  return { issuer, seq, iatSeconds, expSeconds, keys, lists, policy };
}

function readKey(raw: unknown): TrustedKey | null {
  if (!isArray(raw) || raw.length !== 6) return null;
  const [kid, coseKey, role, alg, nbfSeconds, expSeconds] = raw;
  const key = readCoseKey(coseKey);
  if (!key || key.type !== 'ed25519' || isWeakKey(key.x) || !isPoint(key.x)) return null;
  if (!isBytes(kid) || kid.length !== f.KID_BYTES) return null;
  if (role !== 'card' && role !== 'status') return null;
  if (!isIssuerAlg(alg) || !isUint(nbfSeconds) || !isUint(expSeconds)) return null;
  return { kid, publicKey: key.x, role, alg, nbfSeconds, expSeconds };
}

function isIssuerAlg(alg: unknown): alg is number {
  return alg === f.ALG_EDDSA || alg === f.ALG_ED25519;
}

function readListEntry(raw: unknown): { uri: string; path: string } | null {
  if (!isArray(raw) || raw.length !== 2) return null;
  const [uri, path] = raw;
  return isText(uri) && isText(path) ? { uri, path } : null;
}

function readPolicy(raw: unknown): Policy | null {
  const labels = [
    f.POLICY_FRESH,
    f.POLICY_STALE,
    f.POLICY_PROOF_WINDOW,
    f.POLICY_REDEEMING_CLASSES,
    f.POLICY_CHALLENGE_ABOVE,
  ];
  if (!isMap(raw) || !hasOnly(raw, labels)) return null;
  const [freshSeconds, staleSeconds, proofWindowSeconds, redeemingClasses, challengeAboveKopecks] = labels.map(
    (label) => raw.get(label),
  );
  if (!isUint(freshSeconds) || !isUint(staleSeconds) || !isUint(proofWindowSeconds) || !isUint(challengeAboveKopecks))
    return null;
  if (!isArray(redeemingClasses) || !redeemingClasses.every(isClass)) return null;
  return { freshSeconds, staleSeconds, proofWindowSeconds, redeemingClasses, challengeAboveKopecks };
}

const isClass = (value: unknown): value is number => value === f.CLASS_PHONE || value === f.CLASS_PAPER;

/** The keys of this role and algorithm that were valid over the whole life of what they signed. */
export function keysFor(
  trust: TrustList,
  role: KeyRole,
  kid: unknown,
  alg: unknown,
  iatSeconds: number,
  expSeconds: number,
): TrustedKey[] {
  return trust.keys.filter(
    (key) =>
      key.role === role &&
      isBytes(kid) &&
      equal(key.kid, kid) &&
      key.alg === alg &&
      key.nbfSeconds <= iatSeconds &&
      expSeconds <= key.expSeconds,
  );
}
