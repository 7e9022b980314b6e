import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { contact } from '../../api/contact';
import { lookForServer } from './recontact';

let isThere: boolean;
let asked: number;
let page: EventTarget & { visibilityState: string };

beforeEach(() => {
  vi.useFakeTimers();
  isThere = false;
  asked = 0;
  page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  vi.stubGlobal('document', page);
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
  vi.stubGlobal('fetch', async () => {
    asked += 1;
    if (!isThere) throw new TypeError('Failed to fetch');
    return Response.json({ unixMillis: 1 });
  });
  contact.report(true);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('a server that was lost is asked for until it is found, ever less often', async () => {
  const onfound = vi.fn();
  const stop = lookForServer(onfound);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toBe(0);
  contact.report(false);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toBeGreaterThanOrEqual(4);
  expect(asked).toBeLessThanOrEqual(7);
  isThere = true;
  await vi.advanceTimersByTimeAsync(80_000);
  expect(contact.get().state).toBe('reached');
  expect(onfound).toHaveBeenCalledTimes(1);
  const before = asked;
  await vi.advanceTimersByTimeAsync(300_000);
  expect(asked).toBe(before);
  stop();
});

test.each(['online', 'visibilitychange'])('at once on %s, and no more after the face has gone', async (event) => {
  const stop = lookForServer(() => undefined);
  contact.report(false);
  page.dispatchEvent(new Event(event));
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toBe(1);
  stop();
  page.dispatchEvent(new Event(event));
  await vi.advanceTimersByTimeAsync(100_000);
  expect(asked).toBe(1);
});
