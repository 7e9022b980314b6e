// One tab at a time, against locks as browsers have them: free, kept by a tab that sleeps, taken away, forbidden, missing.
import 'fake-indexeddb/auto';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

type Work = () => Promise<unknown>;

interface Options {
  steal?: boolean;
}

let alone: typeof import('./engine').alone;

beforeEach(async () => {
  vi.resetModules();
  ({ alone } = await import('./engine'));
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** `request` as `navigator.locks` has it, its optional argument in the middle. */
function locks(request: (options: Options, work: Work) => Promise<unknown>): void {
  vi.stubGlobal('navigator', {
    locks: {
      request: (_: string, first: Work | Options, second?: Work) =>
        second ? request(first as Options, second) : request({}, first as Work),
    },
  });
}

const run = (work: () => Promise<void>) => alone('a-face', work);

test('the work waits for its turn, and is done once', async () => {
  let turn: Work | undefined;
  locks(async (_, work) => new Promise((done, fail) => (turn = () => work().then(done, fail))));
  const work = vi.fn(async () => undefined);
  const done = run(work);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(work).not.toHaveBeenCalled();
  await turn!();
  await done;
  expect(work).toHaveBeenCalledTimes(1);
});

test('a lock that a frozen tab keeps is taken from it after seconds', async () => {
  const stolen = vi.fn();
  locks(async ({ steal }, work) => {
    if (!steal) return new Promise(() => undefined);
    stolen();
    return work();
  });
  const work = vi.fn(async () => undefined);
  const done = run(work);
  await vi.advanceTimersByTimeAsync(10_000);
  await done;
  expect([work.mock.calls.length, stolen.mock.calls.length]).toEqual([1, 1]);
});

test('a lock that was taken from this tab does not fail its work', async () => {
  let finish = () => undefined as void;
  locks(async (_, work) => {
    void work();
    throw new DOMException('stolen', 'AbortError');
  });
  let isOver = false;
  const done = run(() => new Promise((over) => (finish = over))).then(() => (isOver = true));
  await vi.advanceTimersByTimeAsync(0);
  expect(isOver).toBe(false);
  finish();
  await done;
});

test.each<[string, () => void]>([
  ['are missing', () => vi.stubGlobal('navigator', {})],
  ['are forbidden', () => locks(async () => Promise.reject(new DOMException('no', 'SecurityError')))],
])('where locks %s, the work is done all the same, and its failure is told', async (_, arrange) => {
  arrange();
  const work = vi.fn(async () => undefined);
  await run(work);
  expect(work).toHaveBeenCalledTimes(1);
  await expect(run(() => Promise.reject(new RangeError('broken')))).rejects.toThrow(RangeError);
});
