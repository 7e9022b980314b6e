import { expect, test } from 'vitest';
import { kopecksOf, padKeyOf, press, shownAmount } from './amount';
import { accrualOf } from './offer';
import type { Offer } from './tillApi';

const typed = (keys: string) =>
  [...keys].reduce((text, key) => press(text, padKeyOf(key === '<' ? 'Backspace' : key)!), '');

test.each([
  ['', 0, '0'],
  ['1450', 145_000, '1 450'],
  ['1450,5', 145_050, '1 450,5'],
  ['1450.55', 145_055, '1 450,55'],
  ['1450,559', 145_055, '1 450,55'],
  [',5', 50, '0,5'],
  ['0012', 1_200, '12'],
  ['12,,3', 1_230, '12,3'],
  ['129<5', 12_500, '125'],
  ['123456789', 123_456_700, '1 234 567'],
  ['10000000,01', 1_000_000_000, '10 000 000,0'],
])('typing %j makes %d kopecks, shown as %s', (keys, kopecks, shown) => {
  expect(kopecksOf(typed(keys))).toBe(kopecks);
  expect(shownAmount(typed(keys))).toBe(shown.replaceAll(' ', '\u00a0'));
});

test('no other key is a key of the pad', () => {
  expect(['Enter', 'a', ' ', '-', '10'].map(padKeyOf)).toEqual([null, null, null, null, null]);
});

const offer: Offer = {
  version: 1,
  title: 'Кэшбэк',
  percentBp: 300,
  minAmountKopecks: 10_000,
  capPerPurchaseKopecks: 50_000,
};

test.each([
  [9_999, { kind: 'below-minimum', percentBp: 300, minKopecks: 10_000 }],
  [10_000, { kind: 'percent', percentBp: 300, kopecks: 300 }],
  [150_000, { kind: 'percent', percentBp: 300, kopecks: 4_500 }],
  [10_033, { kind: 'percent', percentBp: 300, kopecks: 300 }],
  [1_666_666, { kind: 'percent', percentBp: 300, kopecks: 49_999 }],
  [1_666_700, { kind: 'capped', percentBp: 300, kopecks: 50_000 }],
])('a purchase of %d kopecks brings %o', (amountKopecks, accrual) => {
  expect(accrualOf(offer, amountKopecks)).toEqual(accrual);
});

test('without an offer a purchase brings nothing', () => {
  expect(accrualOf(null, 10_000)).toEqual({ kind: 'none' });
});
