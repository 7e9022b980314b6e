import { expect, test } from 'vitest';
import { keystrokeReader, meantText } from './typed';

const TOKEN = `PC1:6BF% $*+-./:09AZ ${'A0'.repeat(20)}`;

interface Pressed {
  code: string;
  key: string;
  shiftKey: boolean;
  repeat: boolean;
}

const CODES: Record<string, [string, boolean]> = {
  ' ': ['Space', false],
  $: ['Digit4', true],
  '%': ['Digit5', true],
  '*': ['Digit8', true],
  '+': ['Equal', true],
  '-': ['Minus', false],
  '.': ['Period', false],
  '/': ['Slash', false],
  ':': ['Semicolon', true],
};

/** As a scanner types them on a till whose layout is Russian: the places are those of a US keyboard, the keys are not. */
function typed(text: string): Pressed[] {
  return [...text].map((char) => {
    const [code, shiftKey] = CODES[char] ?? [/[0-9]/.test(char) ? `Digit${char}` : `Key${char}`, /[A-Z]/.test(char)];
    return { code, key: 'ф', shiftKey, repeat: false };
  });
}

function run(keys: Pressed[], stepMillis = 5, isInField = false) {
  const read: string[] = [];
  const reader = keystrokeReader(
    (text) => read.push(text),
    () => read.push('other'),
  );
  const taken = keys.map((key, i) => reader.take(key, 1000 + i * stepMillis, isInField));
  return { read, taken, reader };
}

const named = (key: string): Pressed => ({ code: key, key, shiftKey: false, repeat: false });
const enter = named('Enter');

test.each(['Enter', 'Tab'])('a scanner that ends with %s is read whatever the layout, spaces and all', (suffix) => {
  const { read, taken } = run([...typed(TOKEN), named(suffix)]);
  expect(read).toEqual([TOKEN]);
  expect(taken).toEqual([...TOKEN, '\n'].map((_, i) => i >= 2));
});

test('a scanner that ends with nothing is read when it stops', () => {
  const { read, reader } = run(typed(TOKEN));
  expect(read).toEqual([]);
  expect(reader.pause()).toBe('');
  expect(read).toEqual([TOKEN]);
});

test('stray keys before the token do not spoil it', () => {
  expect(run([...typed('7XP'), ...typed(TOKEN), enter]).read).toEqual([TOKEN]);
});

test('what a person types is left alone, Enter included', () => {
  expect(run([...typed('PC1:6BF'), enter], 400)).toMatchObject({ read: [], taken: Array(8).fill(false) });
  expect(run([...typed('1450'), enter])).toMatchObject({ read: [], taken: Array(5).fill(false) });
});

const GOODS = '4601234567890';

test.each(['Enter', 'Tab'])(
  'a scan of goods is told as such, and neither its figures nor its %s go further',
  (suffix) => {
    const { read, taken } = run([...typed(GOODS), named(suffix)], 15);
    expect(read).toEqual(['other']);
    expect(taken).toEqual([...GOODS, '\n'].map((_, i) => i >= 5));
  },
);

test('a scan of goods without a suffix is told when it stops, and the next one again', () => {
  const { read, reader } = run(typed(GOODS));
  expect(reader.pause()).toBe('');
  expect(read).toEqual(['other']);
  expect(reader.pause()).toBe('');
  expect(read).toEqual(['other']);
});

test('a key held down is no scanner, nor is a scan into a field', () => {
  const held = typed('000000000').map((key, i) => ({ ...key, repeat: i > 0 }));
  expect(run([...held, enter], 30)).toMatchObject({ read: [], taken: Array(10).fill(false) });
  expect(run([...typed(GOODS), enter], 5, true)).toMatchObject({ read: [], taken: Array(14).fill(false) });
});

test('in a field even a quick person is none', () => {
  expect(run([...typed('PC1:6BF'), named('Tab')], 80, true)).toMatchObject({ read: [], taken: Array(8).fill(false) });
});

test('what begins as a token and is none is given back', () => {
  const { read, taken, reader } = run(typed('PC1:7X'), 5, true);
  expect(taken).toEqual([false, false, false, true, true, true]);
  expect(reader.pause()).toBe('PC1:7X');
  expect(read).toEqual([]);
  expect(reader.isIdle()).toBe(true);
});

test('a text in Russian letters is what the scanner meant', () => {
  // PC1:6BF% $*+-./:09AZ, typed on a US keyboard's places under ЙЦУКЕН.
  expect(meantText('ЗС1Ж6ИА% ;*+-ю.Ж09ФЯ\n')).toBe('PC1:6BF% $*+-./:09AZ');
  expect(meantText('зс1Ж6иа')).toBe('PC1:6BF');
});

test('any other text stays as it is', () => {
  expect(meantText('PC1:6BF .\t')).toBe('PC1:6BF .');
  expect(meantText('Жж.;')).toBe('Жж.;');
});
