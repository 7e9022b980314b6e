import { afterEach, beforeEach, expect, test, vi } from 'vitest';

const requests: Request[] = [];
let answer: () => Response;

beforeEach(() => {
  // The client takes its server from the page's address when it is loaded.
  vi.resetModules();
  requests.length = 0;
  vi.stubGlobal('location', { origin: 'http://till.test' });
  vi.stubGlobal('fetch', async (request: Request) => {
    requests.push(request);
    return answer();
  });
});

afterEach(() => vi.unstubAllGlobals());

const problem = (status: number, code: string) => Response.json({ status, code }, { status });

test('a purchase asks for its limit by the code that was shown', async () => {
  const { redemptionLimit } = await import('./tillApi');
  answer = () => Response.json({ maxKopecks: 700 });
  expect(await redemptionLimit({ token: 'PC1:X', opNo: 3, amountKopecks: 1000 })).toBe(700);
  const [{ method, url }] = requests as [Request];
  expect([method, url]).toEqual(['POST', 'http://till.test/api/till/redemption-limit']);
  expect(await requests[0]!.json()).toEqual({ token: 'PC1:X', opNo: 3, amountKopecks: 1000 });
});

test('an answer of another shape is our defect, and a refusal keeps its code', async () => {
  const { findByNumber } = await import('./tillApi');
  const { signal } = new AbortController();
  answer = () => Response.json({ lookupId: 'l' });
  await expect(findByNumber('1', signal)).rejects.toMatchObject({ code: 'internal' });
  answer = () => problem(404, 'card-unknown');
  await expect(findByNumber('1', signal)).rejects.toMatchObject({ code: 'card-unknown', status: 404 });
});

test('a till that the server no longer knows is left without a word, and no other', async () => {
  const { unpairTill } = await import('./tillApi');
  answer = () => new Response(null, { status: 204 });
  await unpairTill();
  answer = () => problem(401, 'unauthenticated');
  await unpairTill();
  answer = () => problem(503, 'unavailable');
  await expect(unpairTill()).rejects.toMatchObject({ status: 503 });
});
