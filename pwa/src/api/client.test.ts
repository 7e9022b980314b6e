// Requests in a browser and a network as they are: without the newest functions, behind a sign-in page, cut off in the midst.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ApiProblem } from './problem';

beforeEach(() => void vi.resetModules());
afterEach(() => void vi.unstubAllGlobals());

const page = (status: number, type = 'text/html') =>
  new Response('<html><body>Войдите в сеть</body></html>', { status, headers: { 'Content-Type': type } });

async function load(answer: (input: Request | string, init?: RequestInit) => Promise<Response>) {
  vi.stubGlobal('fetch', answer);
  const { reach, answerOf } = await import('./client');
  const { contact } = await import('./contact');
  return { reach, answerOf, contact };
}

async function problemOf(promise: Promise<unknown>): Promise<ApiProblem> {
  return promise.then(
    () => Promise.reject(new Error('it was answered')),
    (cause: unknown) => cause as ApiProblem,
  );
}

test('a browser without AbortSignal.any asks, and whoever leaves is waited for no longer', async () => {
  vi.stubGlobal(
    'AbortSignal',
    class extends AbortSignal {
      static override any = undefined as never;
      static override timeout = AbortSignal.timeout.bind(AbortSignal);
    },
  );
  const { reach, contact } = await load(
    (_, init) =>
      new Promise((done, fail) => {
        if (init?.signal?.aborted) return fail(init.signal.reason as Error);
        init?.signal?.addEventListener('abort', () => fail(init.signal?.reason as Error));
        if (!init?.headers) done(Response.json({}));
      }),
  );
  const leaving = new AbortController();
  expect((await reach('/api/time', { signal: leaving.signal })).status).toBe(200);
  const waiting = reach('/api/time', { signal: leaving.signal, headers: { late: '1' } });
  leaving.abort();
  expect((await problemOf(waiting)).name).toBe('AbortError');
  expect(contact.get().state).toBe('reached');
});

const redirected = () => Object.defineProperty(Response.json({}), 'redirected', { value: true });

test.each<[string, () => Response, string]>([
  ['the sign-in page of a network', () => page(200), 'portal'],
  ['a page that says that it is one', () => page(511), 'portal'],
  ['a way round by another address', redirected, 'portal'],
  ['an empty answer of no kind', () => new Response('', { headers: { 'Content-Type': '' } }), 'portal'],
  ['a proxy’s page', () => page(503), 'unavailable'],
  [
    'a proxy whose server is away',
    () => new Response('{}', { status: 502, headers: { 'Content-Type': 'application/json' } }),
    'unavailable',
  ],
])('%s is no contact with the server', async (_, answer, code) => {
  const { reach, contact } = await load(async () => answer());
  expect((await problemOf(reach('/api/time'))).code).toBe(code);
  expect(contact.get().state).toBe('lost');
});

test.each<[string, () => Response]>([
  ['data', () => Response.json({})],
  ['a problem document', () => page(503, 'application/problem+json')],
  ['a list', () => page(200, 'application/cwt')],
  ['nothing new', () => new Response(null, { status: 304 })],
  ['done', () => new Response(null, { status: 204 })],
])('%s is the server', async (_, answer) => {
  const { reach, contact } = await load(async () => answer());
  await reach('/api/time');
  expect(contact.get().state).toBe('reached');
});

test('a body that stalls past the limit is a lost connection, whatever the browser calls its end', async () => {
  const stalled = new ReadableStream({
    start: (body) => body.error(new DOMException('signal is aborted', 'AbortError')),
  });
  const { reach, answerOf, contact } = await load(
    async () => new Response(stalled, { headers: { 'Content-Type': 'application/json' } }),
  );
  const asked = reach('/api/staff/members').then(async (response) => ({
    response,
    data: (await response.json()) as unknown,
  }));
  expect((await problemOf(answerOf(asked))).code).toBe('network');
  expect(contact.get().state).toBe('lost');
});

test('an answer that breaks off in the midst is a lost connection, not a defect', async () => {
  const { answerOf, contact } = await load(async () => Response.json({}));
  const broken = Promise.reject(new SyntaxError('Unexpected end of JSON input'));
  expect((await problemOf(answerOf(broken))).code).toBe('network');
  expect(contact.get().state).toBe('lost');
});
