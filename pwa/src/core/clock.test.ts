import 'fake-indexeddb/auto';
import { beforeEach, expect, it, vi } from 'vitest';

beforeEach(() => {
  vi.resetModules();
});

it('takes the answer as made halfway, and refuses one that was too slow', async () => {
  const { offsetFrom } = await import('./clock');
  expect(offsetFrom(1_000_500, 0, 1_000)).toBe(1_000_000);
  expect(offsetFrom(1_000_500, 0, 20_000)).toBeUndefined();
  expect(offsetFrom(1_000_500, 1_000, 0)).toBeUndefined();
});

it('keeps what it learnt for the next start without a network', async () => {
  const behindMillis = 600_000;
  const first = await import('./clock');
  const asked = Date.now();
  await first.learnServerTime(asked + behindMillis, asked, asked);
  expect(first.clockOffsetSeconds()).toBe(600);

  vi.resetModules();
  const second = await import('./clock');
  expect(second.clockOffsetSeconds()).toBe(0);
  await second.restoreClock();
  expect(second.clockOffsetSeconds()).toBe(600);
  expect(second.nowSeconds() - Math.floor(Date.now() / 1000)).toBeGreaterThanOrEqual(599);
});

it("counts days by Moscow's calendar", async () => {
  const { moscowDay } = await import('./clock');
  expect(moscowDay(Date.UTC(2026, 10, 22, 20, 59) / 1000)).toBe('2026-11-22');
  expect(moscowDay(Date.UTC(2026, 10, 22, 21, 0) / 1000)).toBe('2026-11-23');
});
