import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { toBase64Url } from '../../core/base64url';
import { fromHex } from '../../core/card/bytes';
import { challengeDigits } from './challenge';

// The server's tests hold it to the same values.
const file = new URL('../../../../tests/it/data/challenge-digits.json', import.meta.url);
const values = JSON.parse(readFileSync(file, 'utf8')) as { keyHex: string; opNo: number; digits: string }[];

test.each(values)('operation $opNo has the digits $digits', async ({ keyHex, opNo, digits }) => {
  expect(await challengeDigits(toBase64Url(fromHex(keyHex)), opNo)).toBe(digits);
});
