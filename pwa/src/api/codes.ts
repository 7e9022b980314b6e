/**
 * The codes of refusals as types. The server's come from its description, so one that is new there fails the table of words in
 * which it is missing: the common one (`messages.ts`), or that of the face which can meet it.
 */
import type { RefusalCode } from '../core/card/verify';
import type { components } from './schema.gen';

export type Code = components['schemas']['Code'];
export type FieldCode = components['schemas']['FieldCode'];

/** The app's own codes, for problems in which no server has answered. */
export type OwnCode = 'network' | 'portal' | 'device-silent' | 'device-full' | 'cookies-refused';

declare const unknown: unique symbol;
/** A word that only a newer server knows: it is shown and kept, and is equal to none of ours. */
export type UnknownCode = string & { readonly [unknown]: true };

export type ProblemCode = Code | OwnCode | UnknownCode;
export type FieldFault = FieldCode | UnknownCode;

/** Some of a union's members: a name that is not, or no longer, one of them does not compile. */
type Among<All, Some extends All> = Some;

/** Words in `faces/cashier/rejections.ts`: why an operation of a till is refused. */
export type TillCode = Among<
  Code,
  | RefusalCode
  | 'unknown-mutation'
  | 'malformed-args'
  | 'rejected'
  | 'amount-invalid'
  | 'op-number-invalid'
  | 'op-number-reused'
  | 'other-outlet'
  | 'too-old'
  | 'not-in-programme'
  | 'card-not-issued-here'
  | 'lookup-used'
  | 'lookup-expired'
  | 'redemption-not-allowed'
  | 'redemption-too-much'
  | 'redemption-too-soon'
  | 'redemption-offline'
  | 'challenge-over'
  | 'balance-too-low'
  | 'unknown-purchase'
  | 'already-cancelled'
  | 'cancel-too-late'
>;

/** Refusals of a whole request that one bad row of the outbox can cause. */
export type RowCode = Among<Code, 'malformed-request' | 'invalid-input' | 'too-large'>;

/** Words in `faces/chair/words.ts`: why an act on a membership is refused. */
export type ActCode = Among<Code, 'already-a-member' | 'status-conflict' | 'no-phone' | 'too-many-sheets'>;

/**
 * The codes for which the screens that can meet them have words: signing in, printing, activating, pairing, typing a
 * number.
 */
export type ScreenCode = Among<
  Code | OwnCode,
  'credentials-wrong' | 'cookies-refused' | 'card-revoked' | 'activation-refused' | 'pairing-refused' | 'card-unknown'
>;

/**
 * The codes that are shown to nobody here: the app acts upon them, or they answer only other sites' pages and commands.
 */
export type SilentCode = Among<Code, 'cross-site' | 'reissue-running' | 'reissue-by-same-key' | 'not-held'>;

/** The codes of fields that no form shows: those of the member's phone and of every sync. */
export type HiddenFieldCode = Among<
  FieldCode,
  'unknown-consent' | 'text-outdated' | 'encoding-invalid' | 'key-invalid' | 'signature-invalid' | 'no-sync'
>;
