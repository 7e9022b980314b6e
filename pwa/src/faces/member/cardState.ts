/** What the card on this phone is good for. */
import { CARD_IAT_LEEWAY_SECONDS } from '../../core/card/constants';
import type { Profile } from './member.svelte';

const RENEW_AFTER_SECONDS = 30 * 86_400;

export type CardState = 'active' | 'suspended' | 'revoked' | 'expired';

/** Suspended or revoked says more than expired: going online brings no newer card. */
export function cardStateOf(
  { status, card }: Pick<Profile, 'status' | 'card'>,
  expiresAtSeconds: number,
  nowSeconds: number,
): CardState {
  if (status === 'suspended') return 'suspended';
  // A profile without a card: the server has revoked it.
  if (status !== 'active' || !card) return 'revoked';
  return expiresAtSeconds > nowSeconds ? 'active' : 'expired';
}

/** Whether the phone asks for a newer card: after a month, or where a server's clock that was ahead has issued it. */
export function isCardDue(issuedAtSeconds: number, nowSeconds: number): boolean {
  const ageSeconds = nowSeconds - issuedAtSeconds;
  return ageSeconds >= RENEW_AFTER_SECONDS || ageSeconds < -CARD_IAT_LEEWAY_SECONDS;
}

/** Whether a card that the server has issued takes the place of the held one: not if it is older, unless nobody accepts the held one yet. */
export function replacesHeldCard(issuedAtSeconds: number, heldIssuedAtSeconds: number, nowSeconds: number): boolean {
  const isHeldEarly = heldIssuedAtSeconds > nowSeconds + CARD_IAT_LEEWAY_SECONDS;
  return isHeldEarly || issuedAtSeconds >= heldIssuedAtSeconds;
}
