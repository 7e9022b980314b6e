import { afterEach, beforeEach, expect, test, vi } from 'vitest';

const NOW_MILLIS = Date.UTC(2026, 10, 22, 12);

const reload = vi.fn();
const kept = new Map<string, string>();
let chunkMissing: () => void;
let stylesMissing: (event: { target: unknown }) => void;
let asked: string[];

function serverAnswers(answer: () => Response): void {
  vi.stubGlobal('fetch', async (path: string) => {
    asked.push(path);
    return answer();
  });
}

beforeEach(async () => {
  vi.resetModules();
  vi.useFakeTimers({ now: NOW_MILLIS, toFake: ['Date'] });
  asked = [];
  kept.clear();
  reload.mockClear();
  vi.stubGlobal('location', { reload });
  vi.stubGlobal('sessionStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
  });
  vi.stubGlobal('addEventListener', (name: string, listener: () => void) => {
    if (name === 'vite:preloadError') chunkMissing = listener;
    if (name === 'error') stylesMissing = listener;
  });
  vi.stubGlobal('dispatchEvent', ({ type }: Event) => type === 'vite:preloadError' && chunkMissing());
  serverAnswers(() => Response.json({ unixMillis: NOW_MILLIS }));
  const { reloadOnMissingChunk } = await import('./updates');
  reloadOnMissingChunk();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** The answer has been read, too. */
async function missChunk(): Promise<void> {
  chunkMissing();
  await new Promise((later) => setTimeout(later));
}

test('a chunk that is gone reloads the page', async () => {
  await missChunk();
  expect([reload.mock.calls.length, asked]).toEqual([1, ['/api/time']]);
});

const away: [string, () => Response][] = [
  [
    'does not answer',
    () => {
      throw new TypeError('no network');
    },
  ],
  ['is away behind its proxy', () => new Response('', { status: 502 })],
  ['is hidden by the sign-in page of a network', () => new Response('<html>')],
];

test.each(away)('while the server %s, the page stays', async (_, answer) => {
  serverAnswers(answer);
  await missChunk();
  expect(reload).not.toHaveBeenCalled();
  // And as soon as it answers, the chunk is looked for.
  serverAnswers(() => Response.json({ unixMillis: NOW_MILLIS }));
  await missChunk();
  expect(reload).toHaveBeenCalledTimes(1);
});

test('a chunk that is gone and that nobody needs yet leaves the page as it is', async () => {
  const { fetchEarly } = await import('./updates');
  const load = () => missChunk().then(() => Promise.reject(new TypeError('gone')));
  await fetchEarly(load);
  expect(reload).not.toHaveBeenCalled();
  await missChunk();
  expect(reload).toHaveBeenCalledTimes(1);
});

/** A stylesheet of the page; once it was asked for anew, `anew` is what stands in its place. */
class Style {
  rel = 'stylesheet';
  anew: Style | undefined;
  onload: () => void = () => undefined;
  onerror: () => void = () => undefined;
  cloneNode = () => new Style();
  replaceWith = (anew: Style) => (this.anew = anew);

  /** As a browser tells it: to whoever listens to the page first. */
  fail(): void {
    stylesMissing({ target: this });
    this.onerror();
  }
}

const soon = () => new Promise((later) => setTimeout(later));

test('a screen whose styles did not come early opens once they have come', async () => {
  const { fetchEarly, fetchWhole } = await import('./updates');
  const style = new Style();
  await fetchEarly(() => {
    style.fail();
    return Promise.reject(new Error('no styles'));
  });
  // What Vite answers from then on, whether the styles are there or not.
  const load = vi.fn(async () => 'screen');
  const opened = [fetchWhole(load), fetchWhole(load)];
  await soon();
  expect(load).not.toHaveBeenCalled();
  style.anew?.onload();
  expect(await Promise.all(opened)).toEqual(['screen', 'screen']);
  expect(style.anew?.anew).toBeUndefined();
  expect(reload).not.toHaveBeenCalled();
});

test('a screen whose styles do not come either when it is opened cannot be had, and can at the next try', async () => {
  const { fetchWhole } = await import('./updates');
  const style = new Style();
  style.fail();
  const load = vi.fn(async () => 'screen');
  const opened = fetchWhole(load);
  style.anew?.fail();
  await expect(opened).rejects.toThrow();
  expect(load).not.toHaveBeenCalled();
  const again = fetchWhole(load);
  style.anew?.anew?.onload();
  expect(await again).toBe('screen');
  await soon();
  expect(reload).toHaveBeenCalledTimes(1);
});

test('a screen that came whole waits for nobody else’s styles', async () => {
  const { fetchWhole } = await import('./updates');
  const load = vi.fn(async () => 'screen');
  await fetchWhole(load);
  new Style().fail();
  expect(await fetchWhole(load)).toBe('screen');
});

test('of what else fails in a page nothing is asked for anew', async () => {
  const { fetchWhole } = await import('./updates');
  for (const target of [{ rel: 'modulepreload' }, {}, null]) stylesMissing({ target });
  expect(await fetchWhole(async () => 'screen')).toBe('screen');
});

test('a chunk that stays away reloads the page once a minute at most', async () => {
  await missChunk();
  vi.setSystemTime(NOW_MILLIS + 59_999);
  await missChunk();
  expect(reload).toHaveBeenCalledTimes(1);
  vi.setSystemTime(NOW_MILLIS + 60_000);
  await missChunk();
  expect(reload).toHaveBeenCalledTimes(2);
});

test('a new version that could not be installed leaves the page to be loaded anew', async () => {
  const { updateApp } = await import('./updates');
  const installing = Object.assign(new EventTarget(), { state: 'installing' });
  const registration = { update: async () => undefined, installing };
  vi.stubGlobal('navigator', { serviceWorker: { getRegistration: async () => registration } });
  const updating = updateApp();
  await new Promise((later) => setTimeout(later));
  expect(reload).not.toHaveBeenCalled();
  installing.state = 'redundant';
  installing.dispatchEvent(new Event('statechange'));
  await updating;
  expect(reload).toHaveBeenCalledTimes(1);
});

test('an installation that never ends leaves the page to be loaded anew', async () => {
  vi.useFakeTimers();
  const { updateApp } = await import('./updates');
  const installing = Object.assign(new EventTarget(), { state: 'installing' });
  const registration = { update: () => new Promise(() => undefined), installing };
  vi.stubGlobal('navigator', { serviceWorker: { getRegistration: async () => registration } });
  const updating = updateApp();
  await vi.advanceTimersByTimeAsync(120_000);
  await updating;
  expect(reload).toHaveBeenCalledTimes(1);
});
