// The trust list: which keys may sign cards and status lists, which lists there are, and the union's policy.
// Signed by a root whose public key is pinned in the app shell; nothing here fetches or stores.
import { equal, type Bytes } from './bytes';
import { hasOnly, isArray, isBytes, isMap, isText, isUint, readSign1 } from './cbor';
import * as f from './constants';
import { kidOf, readCoseKey, verifySignature, type PublicKey } from './keys';

export type KeyRole = 'card' | 'status';

export interface TrustedKey {
  kid: Bytes;
  key: PublicKey;
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
  const message = bytes.length <= f.LIST_MAX_BYTES ? readSign1(bytes) : null;
  if (!message) return 'trust-list-bad';
  const { header, signature, signed } = message;
  const alg = header.get(f.HEADER_ALG);
  if (!hasOnly(header, [f.HEADER_ALG]) || (alg !== f.ALG_EDDSA && alg !== f.ALG_ED25519)) return 'trust-list-bad';
  const checks = roots.map((x) => verifySignature({ type: 'ed25519', x }, signature, signed));
  if (!(await Promise.all(checks)).includes(true)) return 'trust-list-bad';
  const list = await readClaims(message.claims);
  if (!list) return 'trust-list-bad';
  return list.seq < heldSeq ? 'trust-list-rollback' : list;
}

async function readClaims(claims: Map<unknown, unknown>): Promise<TrustList | null> {
  const labels = [f.CLAIM_ISS, f.CLAIM_EXP, f.CLAIM_IAT,
    f.CLAIM_TRUST_SEQ, f.CLAIM_TRUST_KEYS, f.CLAIM_TRUST_LISTS, f.CLAIM_TRUST_POLICY];
  const [issuer, expSeconds, iatSeconds, seq, rawKeys, rawLists, rawPolicy] = labels.map((label) => claims.get(label));
  if (!hasOnly(claims, labels) || !isText(issuer) || !isUint(expSeconds) || !isUint(iatSeconds) || !isUint(seq)) return null;
  const policy = readPolicy(rawPolicy);
  const lists = isArray(rawLists) ? rawLists.map(readListEntry) : [null];
  const keys = isArray(rawKeys) ? await Promise.all(rawKeys.map(readKey)) : [null];
  if (!policy || !lists.every((entry) => entry !== null) || !keys.every((key) => key !== null)) return null;
  return { issuer, seq, iatSeconds, expSeconds, keys, lists, policy };
}

async function readKey(raw: unknown): Promise<TrustedKey | null> {
  if (!isArray(raw) || raw.length !== 6) return null;
  const [kid, coseKey, role, alg, nbfSeconds, expSeconds] = raw;
  const key = readCoseKey(coseKey);
  if (!key || !isMap(coseKey) || !isBytes(kid) || !equal(kid, await kidOf(coseKey))) return null;
  if (role !== 'card' && role !== 'status') return null;
  if (typeof alg !== 'number' || !isUint(nbfSeconds) || !isUint(expSeconds)) return null;
  return { kid, key, role, alg, nbfSeconds, expSeconds };
}

function readListEntry(raw: unknown): { uri: string; path: string } | null {
  if (!isArray(raw) || raw.length !== 2) return null;
  const [uri, path] = raw;
  return isText(uri) && isText(path) ? { uri, path } : null;
}

function readPolicy(raw: unknown): Policy | null {
  if (!isMap(raw) || !hasOnly(raw, [1, 2, 3, 4, 5])) return null;
  const [freshSeconds, staleSeconds, proofWindowSeconds, redeemingClasses, challengeAboveKopecks] = [1, 2, 3, 4, 5].map((label) => raw.get(label));
  if (!isUint(freshSeconds) || !isUint(staleSeconds) || !isUint(proofWindowSeconds) || !isUint(challengeAboveKopecks)) return null;
  if (!isArray(redeemingClasses) || !redeemingClasses.every(isUint)) return null;
  return { freshSeconds, staleSeconds, proofWindowSeconds, redeemingClasses, challengeAboveKopecks };
}

/** The keys of this role and algorithm that were valid over the whole life of what they signed. */
export function keysFor(
  trust: TrustList, role: KeyRole, kid: unknown, alg: unknown, iatSeconds: number, expSeconds: number,
): TrustedKey[] {
  return trust.keys.filter((key) => key.role === role && isBytes(kid) && equal(key.kid, kid) && key.alg === alg
    && key.nbfSeconds <= iatSeconds && expSeconds <= key.expSeconds);
}
