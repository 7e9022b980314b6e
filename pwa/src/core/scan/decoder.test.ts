// The decoder's keeper, against workers that fail as real ones do.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

class FakeWorker extends EventTarget {
  static started: FakeWorker[] = [];
  isTerminated = false;
  /** Ids of the pictures that it was given. */
  given: number[] = [];
  constructor() {
    super();
    FakeWorker.started.push(this);
  }
  postMessage({ id }: { id: number }): void {
    this.given.push(id);
  }
  terminate(): void {
    this.isTerminated = true;
  }
  say(data: object): void {
    this.dispatchEvent(new MessageEvent('message', { data }));
  }
  answer(text: string): void {
    this.say({ id: this.given.at(-1), texts: [text] });
  }
}

const picture = () => ({ data: new Uint8ClampedArray(4) }) as ImageData;
const latest = () => FakeWorker.started.at(-1)!;

beforeEach(() => {
  vi.resetModules();
  vi.useFakeTimers();
  FakeWorker.started = [];
  vi.stubGlobal('Worker', FakeWorker);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const failures: [string, () => void][] = [
  [
    'a worker that could not start',
    () => latest().dispatchEvent(Object.assign(new Event('error'), { message: 'not loaded' })),
  ],
  ['a decoder that failed', () => latest().say({ failure: 'wasm' })],
  ['a worker that never answers', () => void vi.advanceTimersByTime(30_000)],
];

test.each(failures)(
  'after %s the picture in hand is told, and the next one is read by another worker',
  async (_, fail) => {
    const { decodePicture, DecoderFailed } = await import('./decoder');
    const first = decodePicture(picture(), false);
    const told = expect(first).rejects.toThrow(DecoderFailed);
    fail();
    await told;
    expect(latest().isTerminated).toBe(true);

    const second = decodePicture(picture(), false);
    latest().answer('PC1:X');
    expect(await second).toEqual(['PC1:X']);
    expect(FakeWorker.started).toHaveLength(2);
  },
);

test('a worker that works goes on working', async () => {
  const { decodePicture } = await import('./decoder');
  for (const text of ['A', 'B']) {
    const decoded = decodePicture(picture(), false);
    latest().answer(text);
    expect(await decoded).toEqual([text]);
  }
  vi.advanceTimersByTime(60_000);
  expect([FakeWorker.started.length, latest().isTerminated]).toEqual([1, false]);
});
