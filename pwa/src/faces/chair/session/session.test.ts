// Signing in on browsers and networks as they are.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

const ANNA = { accountId: 'anna', displayName: 'Анна', mandates: [{ organisationId: 7 }], canTransfer: false };
const rows = new Map<string, string>();

beforeEach(() => {
  vi.resetModules();
  rows.clear();
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => rows.get(key) ?? null,
    setItem: (key: string, value: string) => rows.set(key, value),
  });
  vi.stubGlobal('location', { origin: 'http://chair.test' });
});

afterEach(() => void vi.unstubAllGlobals());

function serve(asked: () => Response): void {
  vi.stubGlobal('fetch', async (request: Request) => (request.method === 'POST' ? Response.json(ANNA) : asked()));
}

test('a browser that drops the cookie is told of, and nobody is signed in', async () => {
  serve(() => Response.json({ code: 'unauthenticated' }, { status: 401 }));
  const { session, signIn } = await import('./session.svelte');
  await expect(signIn('anna', 'secret')).rejects.toMatchObject({ code: 'cookies-refused' });
  expect(session.state).toBe('asking');
});

test('an answer of another shape is no session, and is not kept', async () => {
  serve(() => Response.json({ welcome: true }));
  const { openSession, session } = await import('./session.svelte');
  await openSession();
  expect(session.problem?.code).toBe('unavailable');
  expect(rows.size).toBe(0);
});

test('a session is remembered for a start without a network', async () => {
  serve(() => Response.json(ANNA));
  const { session, signIn } = await import('./session.svelte');
  await signIn('anna', 'secret');
  vi.resetModules();
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
  const again = await import('./session.svelte');
  await again.openSession();
  expect([session.homeId, again.session.homeId]).toEqual([7, 7]);
});
