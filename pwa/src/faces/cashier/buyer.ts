// Whom a purchase is for: the card that was shown, or the member that a typed number named.
import type { Judgement } from './judge';
import type { Showing } from './purchases';
import type { Found } from './tillApi';

export type Buyer = { by: 'card'; judgement: Judgement } | { by: 'number'; found: Found };

export function nameOf(buyer: Buyer): string | null {
  return buyer.by === 'number' ? buyer.found.shown.name : (buyer.judgement.verdict.shown?.name ?? null);
}

/** A typed number proves nothing of who typed it: it never redeems. */
export function mayRedeem(buyer: Buyer): boolean {
  return buyer.by === 'card' && buyer.judgement.verdict.allowed.includes('redemption');
}

export function showingOf(buyer: Buyer): Showing {
  if (buyer.by === 'number') return { lookupId: buyer.found.lookupId };
  const { text, verdict } = buyer.judgement;
  return { token: text, proofId: verdict.proofId, verdictAtSeconds: verdict.nowSeconds };
}
