// Why the server did not take an operation, in words for the cashier.
import type { ProblemCode, RowCode, TillCode } from '../../api/codes';
import type { RefusalDetail } from '../../api/types';
import type { RefusalCode } from '../../core/card/verify';
import { money, momentOf } from '../../core/format';
import { m } from '../../messages/generated/messages.js';
import { tillNowSeconds } from './time';
import { isVerdictCode, wordsOf } from './words';

/** Reads the server's figure of this name. */
type Figures = (name: keyof RefusalDetail) => number;
type Words = (figure: Figures) => string;

const rejections = {
  'op-number-reused': m.cashier_reject_op_number_reused,
  'op-number-invalid': m.cashier_reject_malformed_args,
  'idempotency-conflict': m.cashier_reject_idempotency_conflict,
  'amount-invalid': m.cashier_reject_amount_invalid,
  'not-in-programme': m.cashier_reject_not_in_programme,
  'unknown-mutation': m.cashier_reject_unknown_mutation,
  'malformed-args': m.cashier_reject_malformed_args,
  'malformed-request': m.cashier_reject_malformed_args,
  'invalid-input': m.cashier_reject_malformed_args,
  'too-large': m.cashier_reject_malformed_args,
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
  'redemption-too-much': (figure) => m.cashier_reject_redemption_too_much({ amount: money(figure('maxKopecks')) }),
  'redemption-too-soon': (figure) => tooSoonWords(figure('redeemsFrom')),
  'balance-too-low': (figure) => m.cashier_reject_balance_too_low({ amount: money(figure('availableKopecks')) }),
  rejected: m.cashier_reject_other,
} satisfies Record<Exclude<TillCode, RefusalCode> | RowCode | 'idempotency-conflict', Words> &
  Partial<Record<RefusalCode, Words>>;

/** From when on a phone that holds the card only lately may pay. */
export function tooSoonWords(fromSeconds: number): string {
  return m.cashier_reject_redemption_too_soon({ when: momentOf(fromSeconds, tillNowSeconds()) });
}

/** What the server could not read yet, and is sent again by itself. */
export function unreadWords(code: ProblemCode | null | undefined): string {
  return code === 'unknown-mutation' ? m.cashier_unread_unknown_mutation() : m.cashier_unread_malformed();
}

/** A refusal of the card by its verdict has that one's words; one that only a newer server knows has a way out. */
export function rejectionWords(code: ProblemCode | null | undefined, detail?: unknown): string {
  const known = (rejections as Partial<Record<string, Words>>)[code ?? ''];
  if (known) return known((name) => figureOf(detail, name));
  return isVerdictCode(code)
    ? `${wordsOf(code).headline}. ${m.cashier_reject_no_cashback()}`
    : m.cashier_reject_other();
}

function figureOf(detail: unknown, name: keyof RefusalDetail): number {
  const figure = (detail as RefusalDetail | null | undefined)?.[name];
  return Number.isSafeInteger(figure) ? (figure as number) : 0;
}
