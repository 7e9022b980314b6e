import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { TookTooLong, within } from './within';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('an answer in time is the answer, and so is a refusal', async () => {
  expect(await within(1000, 'store', Promise.resolve(7))).toBe(7);
  await expect(within(1000, 'store', Promise.reject(new RangeError('full')))).rejects.toThrow(RangeError);
  expect(vi.getTimerCount()).toBe(0);
});

test('whoever never answers is given up', async () => {
  const told = expect(within(1000, 'store', new Promise(() => undefined))).rejects.toThrow(TookTooLong);
  vi.advanceTimersByTime(1000);
  await told;
});
