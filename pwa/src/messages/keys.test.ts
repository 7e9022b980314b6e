// A key that is given twice silently gets the words that stand last.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const KEY = /^ {2}"([^"$]+)":/gm;

test.each(['ru', 'en'])('no message of %s has the key of another one', (locale) => {
  const folder = new URL(`./${locale}/`, import.meta.url);
  const keys = readdirSync(folder).flatMap((file) =>
    [...readFileSync(new URL(file, folder), 'utf8').matchAll(KEY)].map(([, key]) => key),
  );
  expect(keys.length).toBeGreaterThan(50);
  expect(keys.filter((key, n) => keys.indexOf(key) !== n)).toEqual([]);
});
