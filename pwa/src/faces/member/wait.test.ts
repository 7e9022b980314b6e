import { expect, test } from 'vitest';
import { waitWords } from './wait';

test.each([
  [72, '3 дня'],
  [24, '1 день'],
  [120, '5 дней'],
  [1, '1 час'],
  [12, '12 часов'],
  [30, '30 часов'],
  [50, '50 часов'],
])('after %d hours is «через %s»', (hours, words) => {
  expect(waitWords(hours)).toBe(words);
});
