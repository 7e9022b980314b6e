// What a purchase brings under the partner's offer, as the server will compute it. Whole kopecks throughout.
import type { Offer } from './tillApi';

/** The server takes no larger purchase. */
export const AMOUNT_MAX_KOPECKS = 1_000_000_000;

type Accrual =
  | { kind: 'none' }
  | { kind: 'below-minimum'; percentBp: number; minKopecks: number }
  | { kind: 'percent' | 'capped'; percentBp: number; kopecks: number };

export function accrualOf(offer: Offer | null, amountKopecks: number): Accrual {
  if (!offer) return { kind: 'none' };
  const { percentBp, minAmountKopecks, capPerPurchaseKopecks } = offer;
  if (amountKopecks < minAmountKopecks) return { kind: 'below-minimum', percentBp, minKopecks: minAmountKopecks };
  const kopecks = Math.floor((amountKopecks * percentBp) / 10_000);
  const cap = capPerPurchaseKopecks ?? Infinity;
  return kopecks > cap ? { kind: 'capped', percentBp, kopecks: cap } : { kind: 'percent', percentBp, kopecks };
}
