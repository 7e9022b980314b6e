/** A redemption as the member sets it up: the till's digits, and the most that this purchase may take. */

export interface Redemption {
  digits: string;
  maxKopecks: number;
  startedAtMillis: number;
  /** The purchases that were known by then. */
  knownIds: ReadonlySet<string>;
}

/** The till waits no longer for its customer either. */
export const REDEMPTION_MILLIS = 180_000;
/** A till shows four digits, or six when many redeem at once. */
const LENGTHS = [4, 6];

interface Booked {
  id: string;
  redeemKopecks?: number;
  bookedAt: number;
}

/**
 * The purchase that a redemption has paid: one that was not known before. Its time is the server's, in whole seconds, and the phone's
 * may be off by more than the till takes: it only keeps what is old and was not read yet from being taken for it.
 */
export function paidBy<T extends Booked>(
  { startedAtMillis, knownIds }: Redemption,
  purchases: readonly T[],
): T | undefined {
  const earliestMillis = startedAtMillis - REDEMPTION_MILLIS;
  return purchases.find(
    ({ id, redeemKopecks, bookedAt }) =>
      (redeemKopecks ?? 0) > 0 && !knownIds.has(id) && bookedAt * 1000 > earliestMillis,
  );
}

export function digitsMask(typed: string): string {
  return typed.replace(/\D/g, '').slice(0, Math.max(...LENGTHS));
}

export function isWhole(digits: string): boolean {
  return LENGTHS.includes(digits.length);
}

/** Roubles as they are typed: digits, and after a comma at most two more. */
export function roublesMask(typed: string): string {
  const [roubles = '', ...rest] = typed.replace(/[^\d.,]/g, '').split(/[.,]/);
  const whole = roubles.replace(/^0+(?=\d)/, '').slice(0, 7);
  return rest.length > 0 ? `${whole || '0'},${rest.join('').slice(0, 2)}` : whole;
}

/** «300» → 30000, «300,5» → 30050; undefined where there is no sum. */
export function readRoubles(typed: string): number | undefined {
  const match = /^(\d{1,7})(?:,(\d{0,2}))?$/.exec(typed);
  if (!match) return undefined;
  return Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'));
}

/** 30050 → «300,50», 30000 → «300»: as one would type it. */
export function writeRoubles(kopecks: number): string {
  const roubles = String(Math.floor(kopecks / 100));
  const rest = kopecks % 100;
  return rest === 0 ? roubles : `${roubles},${String(rest).padStart(2, '0')}`;
}

export type AmountFault = 'missing' | 'too-much';

export function amountFault(kopecks: number | undefined, availableKopecks: number): AmountFault | undefined {
  if (!kopecks) return 'missing';
  return kopecks > availableKopecks ? 'too-much' : undefined;
}
