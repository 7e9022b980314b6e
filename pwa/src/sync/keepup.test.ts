// The event stream of a face, against an `EventSource` double that only notes whether it was opened and closed.
import 'fake-indexeddb/auto';
import { beforeEach, expect, test, vi } from 'vitest';
import { keepInSync, retryMillis } from './keepup';

class Stream extends EventTarget {
  static readonly CLOSED = 2;
  static opened: Stream[] = [];
  readyState = 1;
  constructor() {
    super();
    Stream.opened.push(this);
  }
  close(): void {
    this.readyState = Stream.CLOSED;
  }
}

const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
/** Lets the server answer the round that waits for it. */
let answer: () => void;
let asked: Promise<void>;

beforeEach(() => {
  Stream.opened = [];
  page.visibilityState = 'visible';
  vi.stubGlobal('document', page);
  vi.stubGlobal('addEventListener', () => undefined);
  vi.stubGlobal('EventSource', Stream);
  const answered = new Promise<void>((resolve) => (answer = resolve));
  asked = new Promise((resolve) =>
    vi.stubGlobal('fetch', async (url: string) => {
      resolve();
      await answered;
      return Response.json(
        url.startsWith('/api/time')
          ? { unixMillis: Date.now() }
          : { upserts: [], tombstones: [], cursor: 'c1', more: false, pending: false },
      );
    }),
  );
});

/** The round that runs, and whatever follows it. */
async function roundIsOver(): Promise<void> {
  const { syncOf } = await import('./engine');
  answer();
  await syncOf('member').now();
  await syncOf('member').now();
}

test('a face that is looked at listens to the server, and no longer than it is there', async () => {
  const stop = keepInSync('member', '/api/live');
  await roundIsOver();
  expect(Stream.opened).toHaveLength(1);
  stop();
  expect(Stream.opened[0]!.readyState).toBe(Stream.CLOSED);
});

test('a face that was left during a round opens no stream after it', async () => {
  const stop = keepInSync('member', '/api/live');
  await asked;
  stop();
  await roundIsOver();
  expect(Stream.opened).toEqual([]);
});

test('a face that went out of sight during a round opens no stream after it', async () => {
  const stop = keepInSync('member', '/api/live');
  await asked;
  page.visibilityState = 'hidden';
  page.dispatchEvent(new Event('visibilitychange'));
  await roundIsOver();
  expect(Stream.opened).toEqual([]);
  stop();
});

test('a lost reply is asked for within seconds, whoever began the round that lost it', async () => {
  const { syncOf } = await import('./engine');
  const stop = keepInSync('member');
  await roundIsOver();
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
  const timers = vi.spyOn(globalThis, 'setTimeout');
  await syncOf('member').enqueue({ name: 'test', args: {} });
  await syncOf('member').now();
  const pausesMillis = timers.mock.calls.map(([, millis]) => millis ?? 0);
  expect(pausesMillis.some((pause) => pause >= 750 && pause <= 1_250)).toBe(true);
  expect(pausesMillis).not.toContain(60_000);
  timers.mockRestore();
  stop();
});

test('a server that said when to come again is not asked before', async () => {
  const stop = keepInSync('member');
  await roundIsOver();
  const { syncOf } = await import('./engine');
  vi.stubGlobal('fetch', async () =>
    Response.json({ code: 'too-many-attempts', retryAfterSeconds: 90 }, { status: 429 }),
  );
  const timers = vi.spyOn(globalThis, 'setTimeout');
  await syncOf('member').now();
  expect(timers.mock.calls.map(([, millis]) => millis)).toContain(90_000);
  timers.mockRestore();
  stop();
});

test('a server that stays away is asked ever less often, and never later than after 75 seconds', () => {
  const bounds = [1, 2, 3, 4, 5, 6, 7, 20].map((failures) => Math.min(60, 2 ** (failures - 1)));
  const pauses = [1, 2, 3, 4, 5, 6, 7, 20].map((failures) => retryMillis(failures) / 1000);
  pauses.forEach((pause, i) => {
    expect(pause).toBeGreaterThanOrEqual(bounds[i]! * 0.75);
    expect(pause).toBeLessThanOrEqual(bounds[i]! * 1.25);
  });
});
