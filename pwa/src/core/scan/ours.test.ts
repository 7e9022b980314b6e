import { expect, test } from 'vitest';
import { cardsFirst } from './ours';

const CARD = 'PC1:6BF';
const PAYMENT = 'https://qr.nspk.ru/AS1000';

/** What is told of pictures that come every so often. */
function told(pictures: string[][], everyMillis = 100): string[] {
  const texts: string[] = [];
  const see = cardsFirst((text) => texts.push(text));
  pictures.forEach((picture, i) => see(picture, i * everyMillis));
  return texts;
}

const times = (count: number, picture: string[]) => Array.from({ length: count }, () => picture);

test('a card is told at once, wherever it stands among the codes', () => {
  expect(told([[PAYMENT, CARD]])).toEqual([CARD]);
  expect(told([[CARD, PAYMENT]])).toEqual([CARD]);
});

test('the payment code that is sharp before the card is not taken for it', () => {
  expect(told([...times(8, [PAYMENT]), [CARD, PAYMENT]])).toEqual([CARD]);
});

test('another code alone is told after a second', () => {
  expect(told(times(10, [PAYMENT]))).toEqual([]);
  expect(told(times(11, [PAYMENT]))).toEqual([PAYMENT]);
});

test('one that passes by twice was not there all the while', () => {
  expect(told([[PAYMENT], ...times(9, []), [PAYMENT]])).toEqual([]);
});

test('of two cards both are told: one may be that of the customer before', () => {
  expect(told([[CARD, 'PC1:X']])).toEqual([CARD, 'PC1:X']);
});
