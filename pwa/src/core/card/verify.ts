// Offline verification: the twelve stages of docs/card-format.md, in their order, each failing with its own code.
// Pure but for cryptography: time, lists, challenge and memory of accepted proofs all come in through the context.
import { toHex } from './bytes';
import * as f from './constants';
import { verifyEd25519 } from './ed25519';
import { deviceAlg, verifySignature } from './keys';
import { readToken, type Card, type Proof } from './read';
import { statusAt, type StatusLists } from './status';
import { keysFor, type TrustFailure, type TrustList } from './trust';

export const REFUSAL_CODES = [
  'not-a-card',
  'malformed',
  'trust-list-bad',
  'trust-list-rollback',
  'trust-list-expired',
  'unknown-key',
  'bad-signature',
  'not-yet-valid',
  'expired',
  'proof-missing',
  'proof-bad',
  'proof-stale',
  'proof-future',
  'challenge-missing',
  'challenge-wrong',
  'status-bad',
  'status-unknown',
  'revoked',
  'suspended',
  'replayed',
] as const;
export const WARNINGS = ['status-stale', 'status-too-old'] as const;
/** Every code that a verdict can have, in the order of the stages. */
export const codes = ['accepted', ...REFUSAL_CODES] as const;

export type RefusalCode = (typeof REFUSAL_CODES)[number];
export type VerdictCode = (typeof codes)[number];
export type Warning = (typeof WARNINGS)[number];
export type Allowance = 'discount' | 'accrual' | 'redemption';

/** What the card is shown for; an amount that is not known yet counts as one that needs the challenge. */
export type Wants = 'accrual' | { redeemKopecks: number | null };

export interface VerifyContext {
  /** The till's best knowledge of the time: its clock corrected by the server's offset, never below its floor. */
  nowSeconds: number;
  trust: TrustList | TrustFailure;
  statusLists: StatusLists;
  wants: Wants;
  /** The digits that this till shows for a redemption. */
  challenge?: string;
  /** Whether this till has accepted the proof of this identity before. */
  acceptedBefore: (proofId: string) => boolean | Promise<boolean>;
}

/** What was found on the way, for the words of the verdict. The times are the message's own, in seconds. */
export interface Verdict {
  accepted: boolean;
  code: VerdictCode;
  warning: Warning | null;
  allowed: Allowance[];
  number: string | null;
  shown: Card['shown'] | null;
  class: 'phone' | 'paper' | null;
  proofId: string | null;
  nowSeconds: number;
  cardIatSeconds: number | null;
  cardExpSeconds: number | null;
  proofIatSeconds: number | null;
  statusIatSeconds: number | null;
  maxRedeemKopecks: number | null;
}

export async function verify(text: string, context: VerifyContext): Promise<Verdict> {
  const verdict = emptyVerdict(context.nowSeconds);
  const refuse = (code: RefusalCode): Verdict => ({ ...verdict, code });

  const token = readToken(text);
  if (typeof token === 'string') return refuse(token);
  const { card, proof } = token;

  const { trust, nowSeconds } = context;
  if (typeof trust === 'string') return refuse(trust);
  if (nowSeconds >= trust.expSeconds) return refuse('trust-list-expired');

  const keys = keysFor(trust, 'card', card.kid, card.alg, card.iatSeconds, card.expSeconds);
  if (keys.length === 0) return refuse('unknown-key');
  const checks = keys.map(({ publicKey }) => verifyEd25519(publicKey, card.signature, card.signed));
  if (!(await Promise.all(checks)).includes(true)) return refuse('bad-signature');
  describe(verdict, card);

  if (card.iatSeconds > nowSeconds + f.CARD_IAT_LEEWAY_SECONDS) return refuse('not-yet-valid');
  if (nowSeconds >= card.expSeconds) return refuse('expired');

  if (card.deviceKey && !proof) return refuse('proof-missing');
  if (proof) {
    if (!(await isSignedByDevice(card, proof))) return refuse('proof-bad');
    await describeProof(verdict, proof);
    const skewSeconds = proof.iatSeconds - nowSeconds;
    if (-skewSeconds > trust.policy.proofWindowSeconds) return refuse('proof-stale');
    if (skewSeconds > trust.policy.proofWindowSeconds) return refuse('proof-future');
  }
  const challengeFailure = checkChallenge(card, proof, trust, context);
  if (challengeFailure) return refuse(challengeFailure);

  const status = statusOf(card, trust, context, verdict);
  if (status.failure) return refuse(status.failure);
  if (verdict.proofId && (await context.acceptedBefore(verdict.proofId))) return refuse('replayed');
  const mayRedeem = trust.policy.redeemingClasses.includes(card.class) && status.warning !== 'status-too-old';
  const allowed: Allowance[] = mayRedeem ? ['discount', 'accrual', 'redemption'] : ['discount', 'accrual'];
  return { ...verdict, accepted: true, code: 'accepted', warning: status.warning, allowed };
}

/**
 * The least that the time can be by what an issuer signed on this card, or null. A card of the future says nothing of the time:
 * whoever has a stolen key could put a verifier out for good.
 */
export function floorSecondsOf({ code, cardIatSeconds }: Verdict): number | null {
  return code === 'not-yet-valid' ? null : cardIatSeconds;
}

/** What replay protection remembers: of what was signed, for the token and the signature can be re-written by a stranger. */
export async function proofIdentity(proof: Pick<Proof, 'signed'>): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', proof.signed)));
}

/** The key's kind decides the algorithm; what the message says must agree. */
async function isSignedByDevice({ deviceKey }: Card, proof: Proof): Promise<boolean> {
  return (
    deviceKey !== null &&
    proof.alg === deviceAlg(deviceKey) &&
    verifySignature(deviceKey, proof.signature, proof.signed)
  );
}

/** A class that may not redeem is not asked for anything: its verdict just does not allow it. */
function checkChallenge(
  card: Card,
  proof: Proof | null,
  { policy }: TrustList,
  { wants, challenge }: VerifyContext,
): RefusalCode | null {
  if (wants === 'accrual' || !policy.redeemingClasses.includes(card.class)) return null;
  if (wants.redeemKopecks !== null && wants.redeemKopecks <= policy.challengeAboveKopecks) return null;
  if (!proof || proof.challenge === null) return 'challenge-missing';
  return proof.challenge === challenge ? null : 'challenge-wrong';
}

function statusOf(
  card: Card,
  trust: TrustList,
  { statusLists, nowSeconds }: VerifyContext,
  verdict: Verdict,
): { failure?: RefusalCode; warning: Warning | null } {
  const list = statusLists.held.get(card.status.uri);
  if (!list) return { failure: statusLists.someFailed ? 'status-bad' : 'status-unknown', warning: null };
  verdict.statusIatSeconds = list.iatSeconds;
  const status = statusAt(list.statuses, card.status.index);
  if (status === f.STATUS_INVALID) return { failure: 'revoked', warning: null };
  if (status === f.STATUS_SUSPENDED) return { failure: 'suspended', warning: null };
  if (status !== f.STATUS_VALID) return { failure: 'status-unknown', warning: null };
  const ageSeconds = nowSeconds - list.iatSeconds;
  if (ageSeconds > trust.policy.staleSeconds) return { warning: 'status-too-old' };
  return { warning: ageSeconds > trust.policy.freshSeconds ? 'status-stale' : null };
}

function describe(verdict: Verdict, card: Card): void {
  verdict.number = card.number;
  verdict.shown = card.shown;
  verdict.class = card.class === f.CLASS_PHONE ? 'phone' : 'paper';
  verdict.cardIatSeconds = card.iatSeconds;
  verdict.cardExpSeconds = card.expSeconds;
}

async function describeProof(verdict: Verdict, proof: Proof): Promise<void> {
  verdict.proofId = await proofIdentity(proof);
  verdict.proofIatSeconds = proof.iatSeconds;
  verdict.maxRedeemKopecks = proof.maxRedeemKopecks;
}

function emptyVerdict(nowSeconds: number): Verdict {
  return {
    accepted: false,
    code: 'malformed',
    warning: null,
    allowed: [],
    number: null,
    shown: null,
    class: null,
    proofId: null,
    nowSeconds,
    cardIatSeconds: null,
    cardExpSeconds: null,
    proofIatSeconds: null,
    statusIatSeconds: null,
    maxRedeemKopecks: null,
  };
}
