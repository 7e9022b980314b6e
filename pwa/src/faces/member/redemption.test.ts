import { describe, expect, test } from 'vitest';
import { amountFault, digitsMask, isWhole, readRoubles, roublesMask, writeRoubles } from './redemption';

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
