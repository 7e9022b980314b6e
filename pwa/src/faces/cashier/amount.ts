// The amount as it is typed on the pad: roubles, and kopecks after a comma. Never a floating-point number.
import { AMOUNT_MAX_KOPECKS } from './offer';

export type PadKey = '0' | '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9' | ',' | 'erase';

/** The text after this key; a key that would make no amount, or too large a one, changes nothing. */
export function press(text: string, key: PadKey, maxKopecks = AMOUNT_MAX_KOPECKS): string {
  if (key === 'erase') return text.slice(0, -1);
  if (key === ',') return text.includes(',') ? text : `${text || '0'},`;
  const next = text === '0' ? key : text + key;
  const isTooFine = (next.split(',')[1]?.length ?? 0) > 2;
  return isTooFine || kopecksOf(next) > maxKopecks ? text : next;
}

export function kopecksOf(text: string): number {
  const [roubles = '', kopecks = ''] = text.split(',');
  return Number(roubles || '0') * 100 + Number(kopecks.padEnd(2, '0'));
}

/** 30050 → «300,50», 30000 → «300»: as one would have typed it. */
export function typedAmount(kopecks: number): string {
  const rest = kopecks % 100;
  return `${Math.floor(kopecks / 100)}${rest === 0 ? '' : `,${String(rest).padStart(2, '0')}`}`;
}

/** «1 450,5» with no-break spaces: exactly what was typed, grouped. */
export function shownAmount(text: string): string {
  const [roubles = '', kopecks] = text.split(',');
  const grouped = (roubles || '0').replace(/\B(?=(\d{3})+$)/g, '\u00a0');
  return kopecks === undefined ? grouped : `${grouped},${kopecks}`;
}

export function padKeyOf(key: string): PadKey | null {
  if (/^[0-9]$/.test(key)) return key as PadKey;
  if (key === ',' || key === '.') return ',';
  return key === 'Backspace' ? 'erase' : null;
}
