import 'fake-indexeddb/auto';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

beforeEach(() => {
  vi.resetModules();
  const kept = new Map<string, string>();
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
  });
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

const MINUTE_MILLIS = 60_000;

/** A device whose clock reads this much less than the server's, and whose running time nobody can set. */
async function device(behindMillis: number) {
  let clockMillis = Date.UTC(2026, 10, 22, 12);
  let runningMillis = 0;
  let serverMillis = clockMillis + behindMillis;
  vi.spyOn(Date, 'now').mockImplementation(() => clockMillis);
  vi.spyOn(performance, 'now').mockImplementation(() => runningMillis);
  const clock = await import('./clock');
  await clock.learnServerTime(serverMillis, clockMillis, clockMillis);
  return {
    clock,
    pass(millis: number) {
      clockMillis += millis;
      runningMillis += millis;
      serverMillis += millis;
    },
    sleep(millis: number) {
      clockMillis += millis;
      serverMillis += millis;
    },
    setClock: (millis: number) => (clockMillis += millis),
    /** The app is closed and opened again without a network. */
    async reopen(awayMillis: number) {
      // As the page goes out of sight. The store may be asleep by then.
      let leave = () => undefined as void;
      vi.stubGlobal('document', {
        visibilityState: 'hidden',
        addEventListener: (_: string, note: () => void) => (leave = note),
      });
      clock.noteClockOnLeaving();
      leave();
      clockMillis += awayMillis;
      serverMillis += awayMillis;
      runningMillis = 0;
      return async () => {
        vi.resetModules();
        const again = await import('./clock');
        await again.restoreClock();
        return again;
      };
    },
    errorMillis: (of = clock) => of.nowMillis() - serverMillis,
  };
}

afterEach(() => vi.restoreAllMocks());

it.each([10, -10])(
  'a clock that was %d minutes behind and is put right without a network is right',
  async (minutes) => {
    const it = await device(minutes * MINUTE_MILLIS);
    it.pass(MINUTE_MILLIS);
    expect(it.errorMillis()).toBe(0);
    it.setClock(minutes * MINUTE_MILLIS);
    expect(it.errorMillis()).toBe(0);
    it.pass(MINUTE_MILLIS);
    expect([it.errorMillis(), it.clock.clockOffsetSeconds()]).toEqual([0, 0]);
  },
);

it('a clock that is set wrong without a network is seen through when it goes back', async () => {
  const it = await device(0);
  it.pass(MINUTE_MILLIS);
  it.setClock(-60 * MINUTE_MILLIS);
  expect(it.errorMillis()).toBe(0);
});

it.each([0, 10, -10])('sleep does not shake the time of a clock that is %d minutes behind', async (minutes) => {
  const it = await device(minutes * MINUTE_MILLIS);
  for (const sleptMinutes of [0.2, 3, 9, 400]) {
    it.sleep(sleptMinutes * MINUTE_MILLIS);
    it.pass(MINUTE_MILLIS);
    expect(it.errorMillis()).toBe(0);
  }
});

it('a clock that was ahead and is put right while the app is closed is right', async () => {
  const it = await device(-10 * MINUTE_MILLIS);
  const open = await it.reopen(2 * MINUTE_MILLIS);
  it.setClock(-10 * MINUTE_MILLIS);
  expect(it.errorMillis(await open())).toBe(0);
});

it('a clock that is set behind what was known while the app is closed does not go back behind it', async () => {
  const it = await device(0);
  const open = await it.reopen(2 * MINUTE_MILLIS);
  it.setClock(-60 * MINUTE_MILLIS);
  expect(it.errorMillis(await open())).toBe(-2 * MINUTE_MILLIS);
});

it('what cannot be known after another start is doubted, until the server or a person tells', async () => {
  const it = await device(10 * MINUTE_MILLIS);
  expect(it.clock.isOffsetDoubtful()).toBe(false);
  const open = await it.reopen(2 * MINUTE_MILLIS);
  it.setClock(10 * MINUTE_MILLIS);
  const again = await open();
  expect([it.errorMillis(again), again.isOffsetDoubtful()]).toEqual([10 * MINUTE_MILLIS, true]);
  await again.trustDeviceClock();
  expect([it.errorMillis(again), again.isOffsetDoubtful()]).toEqual([0, false]);
});

it('a device that slept no longer knows the time as if it had just heard it, and after hours doubts its offset', async () => {
  const it = await device(10 * MINUTE_MILLIS);
  expect(it.clock.clockTrust()).toBe('heard');
  it.sleep(11 * MINUTE_MILLIS + 30_000);
  expect(it.clock.clockTrust()).toBe('alone');
  it.sleep(4 * 60 * MINUTE_MILLIS);
  expect(it.clock.clockTrust()).toBe('doubtful');
});
