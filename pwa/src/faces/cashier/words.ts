// A verdict in words, for every code: what happened, with its figures, and what to do now.
import type { Verdict } from '../../core/card/verify';
import { dateOf } from '../../core/format';
import { m } from '../../messages/generated/messages.js';
import type { Judgement } from './judge';

export type Tone = 'accepted' | 'warning' | 'refused';

export interface VerdictWords {
  tone: Tone;
  word: string;
  headline: string;
  todo: string | null;
}

export function verdictWords(judgement: Judgement): VerdictWords {
  const { verdict } = judgement;
  if (!verdict.accepted) {
    const [headline, todo] = refusalWords(verdict.code, verdict, judgement);
    return { tone: 'refused', word: m.verdict_word_refused(), headline, todo };
  }
  if (verdict.warning === null) {
    return { tone: 'accepted', word: m.verdict_word_accepted(), headline: m.verdict_accepted(), todo: null };
  }
  const date = dayOf(verdict.statusIatSeconds ?? 0, verdict.nowSeconds);
  return { tone: 'warning', word: m.verdict_word_warning(), headline: m.verdict_status_old({ date }), todo: m.verdict_status_old_todo() };
}

type Words = [headline: string, todo: string];
type RefusalFacts = Partial<Pick<Verdict, 'class' | 'nowSeconds' | 'cardIatSeconds' | 'cardExpSeconds' | 'proofIatSeconds'>>;
type TillFacts = Partial<Pick<Judgement, 'tillLagSeconds' | 'noLists'>> & { challenge?: string };

/** Also for a code that the server gave to a purchase later, where fewer figures are known. */
export function refusalWords(code: string, facts: RefusalFacts, till: TillFacts = {}): Words {
  switch (code) {
    case 'not-a-card': return [m.verdict_not_a_card(), m.verdict_not_a_card_todo()];
    case 'malformed':
    case 'bad-signature':
    case 'proof-bad': return [m.verdict_forged(), m.verdict_forged_todo()];
    case 'unknown-key': return [m.verdict_unknown_key(), m.verdict_unknown_key_todo()];
    case 'trust-list-bad':
    case 'trust-list-rollback':
    case 'trust-list-expired':
    case 'status-bad': return [till.noLists ? m.verdict_lists_never() : m.verdict_lists_bad(), m.verdict_lists_bad_todo()];
    case 'expired': return expiredWords(facts);
    case 'not-yet-valid': return tillBehindWords(between(facts.nowSeconds, facts.cardIatSeconds));
    case 'proof-future': return clockWords(facts, till);
    case 'challenge-missing':
    case 'challenge-wrong': return challengeWords(till.challenge);
    case 'proof-missing': return [m.verdict_proof_missing(), m.verdict_proof_missing_todo()];
    case 'proof-stale': return [
      m.verdict_proof_stale({ time: duration(between(facts.proofIatSeconds, facts.nowSeconds)) }), m.verdict_proof_stale_todo()];
    case 'replayed': return [m.verdict_replayed(), m.verdict_replayed_todo()];
    case 'revoked': return [m.verdict_revoked(), m.verdict_revoked_todo()];
    case 'suspended': return [m.verdict_suspended(), m.verdict_revoked_todo()];
    default: return [m.verdict_status_unknown(), m.verdict_status_unknown_todo()];
  }
}

function expiredWords({ class: cardClass, cardExpSeconds, nowSeconds }: RefusalFacts): Words {
  const date = cardExpSeconds ? dayOf(cardExpSeconds, nowSeconds ?? cardExpSeconds) : '';
  return [m.verdict_expired({ date }).trim(), cardClass === 'paper' ? m.verdict_expired_paper_todo() : m.verdict_expired_todo()];
}

/** A proof from the future: this till's clock where an issuer's signature proves it behind, otherwise the phone's. */
function clockWords({ proofIatSeconds, nowSeconds }: RefusalFacts, { tillLagSeconds = 0 }: TillFacts): Words {
  const aheadSeconds = between(nowSeconds, proofIatSeconds);
  if (tillLagSeconds > 0) return tillBehindWords(aheadSeconds + tillLagSeconds);
  return [m.verdict_phone_ahead({ time: duration(aheadSeconds) }), m.verdict_phone_ahead_todo()];
}

function tillBehindWords(seconds: number): Words {
  return [m.verdict_till_behind({ time: duration(seconds) }), m.verdict_till_behind_todo()];
}

function challengeWords(digits: string | undefined): Words {
  return [digits ? m.verdict_challenge({ digits }) : m.verdict_challenge_unknown(), m.verdict_challenge_todo()];
}

function between(fromSeconds: number | null | undefined, toSeconds: number | null | undefined): number {
  return Math.max(0, (toSeconds ?? 0) - (fromSeconds ?? 0));
}

/** «4 минуты» as it follows «на» and goes before «назад»: the largest unit, rounded. */
export function duration(seconds: number): string {
  const magnitude = Math.abs(seconds);
  if (magnitude < 60) return m.cashier_seconds({ count: Math.round(magnitude) });
  if (magnitude < 3600) return m.cashier_minutes({ count: Math.round(magnitude / 60) });
  if (magnitude < 48 * 3600) return m.cashier_hours({ count: Math.round(magnitude / 3600) });
  return m.cashier_days({ count: Math.round(magnitude / 86_400) });
}

export function age(seconds: number): string {
  return seconds < 60 ? m.cashier_just_now() : m.cashier_ago({ time: duration(seconds) });
}

/** «19 ноября», with the year where it is not this one. */
function dayOf(seconds: number, nowSeconds: number): string {
  const day = dateOf(seconds);
  const year = String(new Date(nowSeconds * 1000).getFullYear());
  return day.endsWith(year) ? day.slice(0, -year.length).trim() : day;
}

const rejections: Record<string, () => string> = {
  'op-number-reused': m.cashier_reject_op_number_reused,
  'op-number-invalid': m.cashier_reject_malformed_args,
  'idempotency-conflict': m.cashier_reject_idempotency_conflict,
  'amount-invalid': m.cashier_reject_amount_invalid,
  'not-in-programme': m.cashier_reject_not_in_programme,
  'unknown-mutation': m.cashier_reject_unknown_mutation,
  'malformed-args': m.cashier_reject_malformed_args,
  'unknown-purchase': m.cashier_reject_unknown_purchase,
  'already-cancelled': m.cashier_reject_already_cancelled,
  'cancel-too-late': m.cashier_reject_cancel_too_late,
  'other-outlet': m.cashier_reject_other_outlet,
  'card-not-issued-here': m.cashier_reject_card_not_issued_here,
};

const VERDICT_CODES = new Set([
  'not-a-card', 'malformed', 'unknown-key', 'bad-signature', 'not-yet-valid', 'expired', 'proof-missing', 'proof-bad',
  'proof-stale', 'proof-future', 'challenge-missing', 'challenge-wrong', 'status-unknown', 'revoked', 'suspended', 'replayed',
]);

/** Why the server did not take an operation. */
export function rejectionWords(code: string): string {
  const known = rejections[code];
  if (known) return known();
  return VERDICT_CODES.has(code) ? serverVerdictWords(code) : m.cashier_reject_other();
}

/** The customer is gone by then, so what happened is said without the advice to the queue. */
function serverVerdictWords(code: string): string {
  if (code === 'not-yet-valid' || code === 'proof-future' || code === 'proof-stale') return m.cashier_reject_time();
  if (code === 'expired') return m.cashier_reject_expired();
  return `${refusalWords(code, {})[0]}. ${m.cashier_reject_no_cashback()}`;
}
