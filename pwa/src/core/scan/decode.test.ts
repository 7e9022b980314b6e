// Decoders as browsers have them: the app's own takes over wherever the browser's fails, and is left alone where it works.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { decoderOf, type Decode } from './decode';

const picture = {} as ImageData;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(console, 'warn').mockReturnValue();
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const own = () => vi.fn<Decode>(async () => ['PC1:OWN']);

test('where the browser has none, the app’s own reads', async () => {
  expect(await decoderOf(null, own())(picture, false)).toEqual(['PC1:OWN']);
});

test('one that works is enough', async () => {
  const spare = own();
  const read = decoderOf(async () => ['PC1:A', 'ST00012'], spare);
  for (let i = 0; i < 20; i += 1) expect(await read(picture, false)).toEqual(['PC1:A', 'ST00012']);
  expect(spare).not.toHaveBeenCalled();
});

const broken: [string, Decode][] = [
  ['throws', async () => Promise.reject(new Error('no service'))],
  [
    'throws at once',
    () => {
      throw new TypeError('gone');
    },
  ],
  ['never answers', () => new Promise(() => undefined)],
];

test.each(broken)('one that %s is asked once', async (_, fails) => {
  const native = vi.fn(fails);
  const read = decoderOf(native, own());
  for (let i = 0; i < 3; i += 1) {
    const seen = read(picture, false);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await seen).toEqual(['PC1:OWN']);
  }
  expect(native).toHaveBeenCalledTimes(1);
});

test('one that finds nothing for ever is found out within a dozen pictures', async () => {
  const native = vi.fn<Decode>(async () => []);
  const read = decoderOf(native, own());
  const seen = [];
  for (let i = 0; i < 12; i += 1) seen.push(...(await read(picture, false)));
  expect(seen.length).toBeGreaterThanOrEqual(3);
  expect(native.mock.calls.length).toBeLessThan(12);
});

test('an empty scene costs a second look now and then, and no trust', async () => {
  const native = vi.fn<Decode>(async () => []);
  const spare = vi.fn<Decode>(async () => []);
  const read = decoderOf(native, spare);
  for (let i = 0; i < 50; i += 1) expect(await read(picture, false)).toEqual([]);
  expect([native.mock.calls.length, spare.mock.calls.length]).toEqual([50, 10]);
});

test('a still picture in which the browser sees nothing is looked at again at once', async () => {
  expect(await decoderOf(async () => [], own())(picture, true)).toEqual(['PC1:OWN']);
});

test('where the app’s own cannot be had, the browser’s word stands', async () => {
  const read = decoderOf(
    async () => [],
    () => Promise.reject(new Error('no wasm')),
  );
  expect(await read(picture, true)).toEqual([]);
});
