// Printing as browsers have it: at once, after a while, or not at all.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startPrint } from './printout';

const CHROME = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36';
const WINDOW =
  'Mozilla/5.0 (Linux; Android 13; wv) AppleWebKit/537.36 Version/4.0 Chrome/120.0.0.0 Mobile Safari/537.36';

let page: EventTarget;

beforeEach(() => {
  vi.useFakeTimers();
  page = new EventTarget();
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
  vi.stubGlobal('navigator', { userAgent: CHROME });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test.each([0, 2_000])('a browser that begins within %d ms prints', async (millis) => {
  vi.stubGlobal('print', () => void (millis === 0 ? begin() : setTimeout(begin, millis)));
  const begin = () => page.dispatchEvent(new Event('beforeprint'));
  const printed = startPrint();
  await vi.advanceTimersByTimeAsync(millis);
  expect(await printed).toBe(true);
});

test('one that does nothing is found out', async () => {
  vi.stubGlobal('print', () => undefined);
  const printed = startPrint();
  await vi.advanceTimersByTimeAsync(4_000);
  expect(await printed).toBe(false);
});

test('a window of another app is not tried', async () => {
  vi.stubGlobal('navigator', { userAgent: WINDOW });
  expect(await startPrint()).toBe(false);
});
