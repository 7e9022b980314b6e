// Limits that are turned against people: a flood of guesses at a chair's login, from everywhere and with invented addresses.
import assert from 'node:assert/strict';
import { check } from '../../e2e/lib/report.mjs';
import { makeInstance } from '../../e2e/lib/instance.mjs';

export const title = 'Limits turned against people';

const PASSWORD_TOO_LONG = 'x'.repeat(300);
const AT_ONCE = 40;
const login = 'school12';

export async function attack({ isLong }) {
  const instance = await makeInstance();
  instance.env.PROFCARDS_BEHIND_PROXY = '1';
  try {
    await instance.start();
    const [, password] = await instance.told(/пароль у всех (\S+)/);
    const own = await signIn(instance, login, password, '203.0.113.1');
    assert.equal(own.status, 200);
    const cookies = own.headers
      .getSetCookie()
      .map((cookie) => cookie.split(';')[0])
      .join('; ');

    await check('a flood of guesses does not keep the chair out of the own browser', async () => {
      await flood(instance, isLong ? 4_000 : 400, (n) => [login, `198.51.${100 + (n >> 8)}.${n & 255}`]);
      assert.equal((await signIn(instance, login, password, '192.0.2.7')).status, 429, 'strangers must be stopped');
      assert.equal((await signIn(instance, login, password, '192.0.2.7', cookies)).status, 200);
    });
    await check('invented logins and invented addresses leave no more counters than their limits', async () => {
      // Every other one with a quote that would hide the address which the proxy adds.
      const invent = (n) => `198.51.100.${n & 255}${n % 2 ? ', "' : ''}, 203.0.113.66`;
      const seen = await flood(instance, isLong ? 5_000 : 600, (n) => [`nobody${n}`, invent(n)]);
      assert.equal(seen.get(401), 100, `of one address: ${JSON.stringify([...seen])}`);
      const left = Number(await instance.sql('select count(*) from limit_counter'));
      assert.ok(left > 0 && left < 1_000, `${left} counters`);
    });
    await check('whoever reports a lost phone still gets an answer, behind an address with many who fail', async () => {
      const reports = Array.from({ length: 30 }, async (_, n) => {
        const body = JSON.stringify({ code: `00000-000${String(n).padStart(2, '0')}`, birthDate: '1980-01-01' });
        const headers = { 'content-type': 'application/json', 'x-forwarded-for': '203.0.113.66' };
        const response = await fetch(`${instance.url}/api/lost-phone`, { method: 'POST', headers, body });
        return response.status;
      });
      assert.deepEqual([...new Set(await Promise.all(reports))], [403]);
    });
    await instance.stop();
  } finally {
    await instance.remove();
  }
}

function signIn(instance, login, password, address, cookie = '') {
  const headers = { 'content-type': 'application/json', 'x-forwarded-for': address, cookie };
  return fetch(`${instance.url}/api/staff/session`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ login, password }),
  });
}

/** So many wrong sign-ins, a few at a time; how often each status was answered. */
async function flood(instance, count, who) {
  const seen = new Map();
  for (let from = 0; from < count; from += AT_ONCE) {
    const round = Array.from({ length: Math.min(AT_ONCE, count - from) }, async (_, i) => {
      const [login, address] = who(from + i);
      const response = await signIn(instance, login, PASSWORD_TOO_LONG, address);
      await response.arrayBuffer();
      seen.set(response.status, (seen.get(response.status) ?? 0) + 1);
    });
    await Promise.all(round);
  }
  return seen;
}
