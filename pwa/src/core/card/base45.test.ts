import { expect, test } from 'vitest';
import { decodeBase45, encodeBase45 } from './base45';
import { ascii, equal } from './bytes';

test.each([
  ['AB', 'BB8'],
  ['Hello!!', '%69 VD92EX0'],
  ['base-45', 'UJCLQE7W581'],
  ['ietf!', 'QED8WEX0'],
  ['', ''],
])('RFC 9285: %s is %s', (plain, encoded) => {
  expect(encodeBase45(ascii(plain))).toBe(encoded);
  expect(decodeBase45(encoded)).toEqual(ascii(plain));
});

test.each(['A', 'BB8A', 'bb8', ':::', '::', 'GGX', 'BB8\n'])('%j is not Base45', (text) => {
  expect(decodeBase45(text)).toBeNull();
});

test('every pair of bytes returns', () => {
  const bytes = Uint8Array.from({ length: 131072 }, (_, i) => (i % 2 === 0 ? i >> 9 : i >> 1));
  expect(equal(decodeBase45(encodeBase45(bytes))!, bytes)).toBe(true);
});
