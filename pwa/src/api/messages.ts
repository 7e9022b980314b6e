/** A problem's words for a person, by its code. A face may know a better word for its own codes. */
import { m } from '../messages/generated/messages.js';
import type { ActCode, Code, OwnCode, ScreenCode, SilentCode, TillCode } from './codes';
import type { ProblemParts } from './problem';

type Word = () => string;

const words = {
  network: m.problem_network,
  portal: m.problem_portal,
  unauthenticated: m.problem_unauthenticated,
  'phone-replaced': m.problem_phone_replaced,
  'phone-lost': m.problem_phone_lost,
  'cards-revoked': m.problem_cards_revoked,
  'membership-ended': m.problem_membership_ended,
  'membership-not-active': m.problem_membership_not_active,
  'not-found': m.problem_not_found,
  'invalid-input': m.problem_invalid_input,
  'malformed-request': m.problem_malformed_request,
  'too-large': m.problem_too_large,
  'idempotency-conflict': m.problem_idempotency_conflict,
  'sync-start-over': m.problem_conflict,
  'schema-too-old': m.problem_schema,
  'schema-unknown': m.problem_schema,
  'device-silent': m.problem_device_silent,
  'device-full': m.problem_device_full,
  unavailable: m.problem_unavailable,
  'search-too-slow': m.problem_search_too_slow,
  internal: m.problem_internal,
} satisfies Record<Exclude<Code | OwnCode, 'too-many-attempts' | TillCode | ActCode | ScreenCode | SilentCode>, Word>;

/** A code without words here, as of a newer server, is told by its status. */
export function problemText(problem: Pick<ProblemParts, 'code' | 'retryAfterSeconds'> & { status?: number }): string {
  if (problem.code === 'too-many-attempts') return tooMany(problem.retryAfterSeconds);
  const word = (words as Partial<Record<string, Word>>)[problem.code];
  return (word ?? (problem.status === 409 ? m.problem_conflict : m.problem_internal))();
}

function tooMany(retryAfterSeconds: number | undefined): string {
  if (retryAfterSeconds === undefined) return m.problem_too_many();
  return m.problem_too_many_minutes({ minutes: Math.max(1, Math.ceil(retryAfterSeconds / 60)) });
}
