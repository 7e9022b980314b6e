// The digits of one redemption as the server drew them, and how long what hangs on them is good: it counts by its own clock, so
// the screen only says when there is no more use in going on.
import type { Judgement } from './judge';

export interface Challenge {
  opNo: number;
  digits: string;
  endsAtMillis: number;
}

/** The purchase has yet to reach the server. */
const SENDING_SECONDS = 5;

export function challengeLeftSeconds(challenge: Challenge | null, nowMillis: number): number {
  return challenge ? Math.max(0, Math.ceil((challenge.endsAtMillis - nowMillis) / 1000)) : 0;
}

/** A code that is older than this is refused by the server, although it was young when the till read it. */
export function codeLeftSeconds({ verdict }: Judgement, windowSeconds: number, nowSeconds: number): number {
  const ageSeconds = nowSeconds - (verdict.proofIatSeconds ?? nowSeconds);
  return Math.max(0, windowSeconds - SENDING_SECONDS - ageSeconds);
}
