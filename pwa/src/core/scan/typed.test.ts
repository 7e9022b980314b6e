import { expect, test } from 'vitest';
import { keystrokeReader } from './typed';

const TOKEN = 'PC1:6BF% $*+-./:09AZ ';

const CODES: Record<string, [string, boolean]> = {
  ' ': ['Space', false], $: ['Digit4', true], '%': ['Digit5', true], '*': ['Digit8', true], '+': ['Equal', true],
  '-': ['Minus', false], '.': ['Period', false], '/': ['Slash', false], ':': ['Semicolon', true],
};

/** As a scanner types them on a till whose layout is Russian: the places are those of a US keyboard, the keys are not. */
function typed(text: string): { code: string; key: string; shiftKey: boolean }[] {
  return [...text].map((char) => {
    const [code, shiftKey] = CODES[char] ?? [/[0-9]/.test(char) ? `Digit${char}` : `Key${char}`, /[A-Z]/.test(char)];
    return { code, key: 'ф', shiftKey };
  });
}

function run(keys: { code: string; key: string; shiftKey: boolean }[], stepMillis = 5): { read: string[]; taken: boolean[] } {
  const read: string[] = [];
  const reader = keystrokeReader((text) => read.push(text));
  const taken = keys.map((key, i) => reader(key, 1000 + i * stepMillis));
  return { read, taken };
}

const enter = { code: 'Enter', key: 'Enter', shiftKey: false };

test('a scanner is read whatever the layout, spaces and all', () => {
  const { read, taken } = run([...typed(TOKEN), enter]);
  expect(read).toEqual([TOKEN]);
  expect(taken).toEqual([...TOKEN, '\n'].map((_, i) => i >= 2));
});

test('stray keys before the token do not spoil it', () => {
  expect(run([...typed('7XP'), ...typed(TOKEN), enter]).read).toEqual([TOKEN]);
});

test('what a person types is left alone, Enter included', () => {
  expect(run([...typed('PC1:6BF'), enter], 400)).toEqual({ read: [], taken: Array(8).fill(false) });
  expect(run([...typed('1450'), enter])).toEqual({ read: [], taken: Array(5).fill(false) });
});
