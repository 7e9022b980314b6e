// A store that does not answer, as browsers have it: then the screen says so, and a later attempt may find it awake.
import 'fake-indexeddb/auto';
import { IDBFactory, IDBOpenDBRequest } from 'fake-indexeddb';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

beforeEach(() => {
  vi.resetModules();
  vi.stubGlobal('indexedDB', new IDBFactory());
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test('an opening that never ends is given up, and the next one is another', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const open = vi.spyOn(IDBFactory.prototype, 'open').mockImplementation(() => new IDBOpenDBRequest());
  const { readMeta } = await import('./open');
  const { TookTooLong: Silent } = await import('../core/within');
  const told = expect(readMeta('x')).rejects.toThrow(Silent);
  await vi.advanceTimersByTimeAsync(5_000);
  await told;
  open.mockRestore();
  vi.useRealTimers();
  expect(await readMeta('x')).toBeUndefined();
});

/** Holds the answer to the next opening of the database until the returned function is called. */
function holdNextOpening(): () => void {
  const held: (() => void)[] = [];
  const { open } = IDBFactory.prototype;
  vi.spyOn(IDBFactory.prototype, 'open').mockImplementationOnce(function (this: IDBFactory, ...asked) {
    const request = open.apply(this, asked);
    request.addEventListener = (name: string, listener: unknown) => {
      if (name === 'success') held.push(listener as () => void);
    };
    return request;
  });
  return () => held.forEach((listener) => listener());
}

test('an opening that is not answered is asked for once more, and what answers late is closed', async () => {
  const earlier = await (await import('./open')).database();
  earlier.close();
  vi.resetModules();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const answerFirst = holdNextOpening();
  const close = vi.spyOn(IDBDatabase.prototype, 'close');
  const { database, readMeta } = await import('./open');
  const read = readMeta('x');
  await vi.advanceTimersByTimeAsync(2_000);
  expect(await read).toBeUndefined();
  expect(close).not.toHaveBeenCalled();
  answerFirst();
  await Promise.resolve();
  await vi.waitFor(() => expect(close).toHaveBeenCalledTimes(1));
  expect(await (await database()).get('meta', 'x')).toBeUndefined();
  // And it is not asked a third time.
  await vi.advanceTimersByTimeAsync(10_000);
  expect(IDBFactory.prototype.open).toHaveBeenCalledTimes(2);
});

test('an opening that throws at once is over, and not asked for again by itself', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const open = vi.spyOn(IDBFactory.prototype, 'open').mockImplementation(() => {
    throw new DOMException('no room', 'QuotaExceededError');
  });
  const { readMeta } = await import('./open');
  await expect(readMeta('x')).rejects.toThrow('no room');
  await vi.advanceTimersByTimeAsync(10_000);
  expect(open).toHaveBeenCalledTimes(1);
});

test('a handle that the system has closed is not used twice, whatever it was used for', async () => {
  const { database, inStoreToTheEnd, readMeta } = await import('./open');
  (await database()).close();
  await expect(readMeta('x')).rejects.toThrow(DOMException);
  expect(await readMeta('x')).toBeUndefined();
  (await database()).close();
  await expect(inStoreToTheEnd((db) => db.get('meta', 'x'))).rejects.toThrow(DOMException);
  expect(await readMeta('x')).toBeUndefined();
});

test('a browser that never says whether it keeps the store for good has not promised it', async () => {
  vi.useFakeTimers();
  vi.stubGlobal('navigator', { storage: { persist: () => new Promise(() => undefined) } });
  const { askToPersist } = await import('./open');
  const asked = askToPersist();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await asked).toBe(false);
});

test('silence and fullness are told in words of their own', async () => {
  const { asProblem } = await import('../api/problem');
  const { TookTooLong: Silent } = await import('../core/within');
  vi.spyOn(console, 'error').mockReturnValue();
  expect(asProblem(new Silent('store')).code).toBe('device-silent');
  expect(asProblem(new DOMException('full', 'QuotaExceededError')).code).toBe('device-full');
  expect(asProblem(new RangeError()).code).toBe('internal');
});
