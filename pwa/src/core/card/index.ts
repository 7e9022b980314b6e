// What the package @profcards/verify gives to those who build tills; the app's own faces import the modules themselves.
export { createVerifier, type Showing, type Verifier, type VerifierOptions } from './verifier';
export type { ListStorage, SignedList } from './lists';
export { loadStatusList, type Newcomer, type StatusFailure, type StatusList, type StatusLists } from './status';
export { loadTrustList, type KeyRole, type Policy, type TrustedKey, type TrustFailure, type TrustList } from './trust';
export {
  REFUSAL_CODES,
  WARNINGS,
  codes,
  verify,
  type Allowance,
  type RefusalCode,
  type Verdict,
  type VerdictCode,
  type VerifyContext,
  type Wants,
  type Warning,
} from './verify';
