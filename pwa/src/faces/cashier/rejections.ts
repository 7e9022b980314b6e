// Why the server did not take an operation, in words for the cashier.
import { money, momentOf } from '../../core/format';
import { m } from '../../messages/generated/messages.js';
import { CAUSED_BY_A_ROW } from '../../sync/outbox';
import { tillNowSeconds } from './time';
import { isVerdictCode, wordsOf } from './words';

const rejections: Record<string, () => string> = {
  'op-number-reused': m.cashier_reject_op_number_reused,
  'op-number-invalid': m.cashier_reject_malformed_args,
  'idempotency-conflict': m.cashier_reject_idempotency_conflict,
  'amount-invalid': m.cashier_reject_amount_invalid,
  'not-in-programme': m.cashier_reject_not_in_programme,
  'unknown-mutation': m.cashier_reject_unknown_mutation,
  'malformed-args': m.cashier_reject_malformed_args,
  ...Object.fromEntries(CAUSED_BY_A_ROW.map((code) => [code, m.cashier_reject_malformed_args])),
  'unknown-purchase': m.cashier_reject_unknown_purchase,
  'already-cancelled': m.cashier_reject_already_cancelled,
  'cancel-too-late': m.cashier_reject_cancel_too_late,
  'too-old': m.cashier_reject_too_old,
  'other-outlet': m.cashier_reject_other_outlet,
  'card-not-issued-here': m.cashier_reject_card_not_issued_here,
  // The customer is gone by then, so what happened is said without the advice to the queue.
  'not-yet-valid': m.cashier_reject_time,
  'proof-future': m.cashier_reject_time,
  'proof-stale': m.cashier_reject_time,
  expired: m.cashier_reject_expired,
  'challenge-missing': m.cashier_reject_challenge,
  'challenge-wrong': m.cashier_reject_challenge,
  'challenge-over': m.cashier_reject_challenge_over,
  'redemption-not-allowed': m.cashier_reject_redemption_not_allowed,
  'redemption-offline': m.cashier_reject_redemption_offline,
  'lookup-used': m.cashier_reject_lookup_used,
  'lookup-expired': m.cashier_reject_lookup_expired,
};

/** Refusals whose words need the server's figure. */
const figured: Record<string, [figure: string, words: (inputs: { amount: string }) => string]> = {
  'redemption-too-much': ['maxKopecks', m.cashier_reject_redemption_too_much],
  'balance-too-low': ['availableKopecks', m.cashier_reject_balance_too_low],
};

/** From when on a phone that holds the card only lately may pay. */
export function tooSoonWords(fromSeconds: number): string {
  return m.cashier_reject_redemption_too_soon({ when: momentOf(fromSeconds, tillNowSeconds()) });
}

/** What the server could not read yet, and is sent again by itself. */
export function unreadWords(code: string): string {
  return code === 'unknown-mutation' ? m.cashier_unread_unknown_mutation() : m.cashier_unread_malformed();
}

export function rejectionWords(code: string, detail?: unknown): string {
  if (code === 'redemption-too-soon') return tooSoonWords(figureOf(detail, 'redeemsFrom'));
  const known = rejections[code];
  if (known) return known();
  const [figure, words] = figured[code] ?? [];
  if (figure && words) return words({ amount: money(figureOf(detail, figure)) });
  return isVerdictCode(code)
    ? `${wordsOf(code).headline}. ${m.cashier_reject_no_cashback()}`
    : m.cashier_reject_other();
}

function figureOf(detail: unknown, name: string): number {
  const figure = (detail as Record<string, unknown> | null | undefined)?.[name];
  return Number.isSafeInteger(figure) ? (figure as number) : 0;
}
