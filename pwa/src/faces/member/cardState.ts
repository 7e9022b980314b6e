/** What the card on this phone is good for. */
import type { Profile } from './member.svelte';

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
