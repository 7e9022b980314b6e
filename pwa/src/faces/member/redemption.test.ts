import { describe, expect, test } from 'vitest';
import {
  amountFault,
  digitsMask,
  isWhole,
  paidBy,
  readRoubles,
  REDEMPTION_MILLIS,
  roublesMask,
  writeRoubles,
} from './redemption';

describe('the till’s digits', () => {
  test.each([
    ['4821', '4821'],
    ['48 21', '4821'],
    ['0a0 7 ', '007'],
    ['482 177', '482177'],
    ['48217745', '482177'],
  ])('«%s» → %s', (typed, digits) => expect(digitsMask(typed)).toBe(digits));

  test('are four or six', () => {
    expect(['', '482', '4821', '48217', '482177'].map(isWhole)).toEqual([false, false, true, false, true]);
  });
});

describe('the most to spend', () => {
  test.each([
    ['300', '300', 30_000],
    ['0300', '300', 30_000],
    ['300.5', '300,5', 30_050],
    ['300,505', '300,50', 30_050],
    [',5', '0,5', 50],
    ['1 234,00 ₽', '1234,00', 123_400],
    ['12345678', '1234567', 123_456_700],
    ['0', '0', 0],
  ])('«%s» is shown as %s and means %i kopecks', (typed, shown, kopecks) => {
    expect(roublesMask(typed)).toBe(shown);
    expect(readRoubles(shown)).toBe(kopecks);
  });

  test('nothing typed is no sum', () => {
    expect(readRoubles(roublesMask('рублей'))).toBeUndefined();
  });

  test('what is available is offered as one would type it', () => {
    expect([30_000, 30_050, 7, 0].map(writeRoubles)).toEqual(['300', '300,50', '0,07', '0']);
    for (const kopecks of [30_000, 30_050, 7]) expect(readRoubles(writeRoubles(kopecks))).toBe(kopecks);
  });

  test('it is more than nothing and not more than there is', () => {
    expect(amountFault(undefined, 500)).toBe('missing');
    expect(amountFault(0, 500)).toBe('missing');
    expect(amountFault(501, 500)).toBe('too-much');
    expect(amountFault(500, 500)).toBeUndefined();
  });
});

describe('what a redemption has paid', () => {
  const startedAtMillis = 1_700_000_000_700;
  const started = Math.floor(startedAtMillis / 1000);
  const redemption = { digits: '4821', maxKopecks: 3_000, startedAtMillis, knownIds: new Set(['before']) };
  const purchase = { id: 'new', redeemKopecks: 3_000, bookedAt: started };

  test.each([
    ['in the second in which it began', started],
    ['by a server that is a minute behind', started - 60],
    ['by one that is a minute ahead', started + 60],
  ])('is a purchase that was not known before, booked %s', (_, bookedAt) => {
    expect(paidBy(redemption, [{ ...purchase, bookedAt }])?.id).toBe('new');
  });

  test('is behind one that was made elsewhere meanwhile', () => {
    const other = { id: 'other', redeemKopecks: 0, bookedAt: started + 1 };
    expect(paidBy(redemption, [other, purchase])?.id).toBe('new');
  });

  test.each([
    ['was known', { ...purchase, id: 'before' }],
    ['took nothing', { ...purchase, redeemKopecks: 0 }],
    ['is old, and was only read now', { ...purchase, bookedAt: started - REDEMPTION_MILLIS / 1000 }],
  ])('is none that %s', (_, other) => expect(paidBy(redemption, [other])).toBeUndefined());
});
