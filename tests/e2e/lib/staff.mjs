// The chair, over the endpoints that the screens use.
import assert from 'node:assert/strict';

const [LOGIN, PASSWORD] = ['school12', 'demo-2026'];

export async function signInChair(instance) {
  const cookies = new Map();
  const ask = async (path, body) => {
    const cookie = [...cookies].map((pair) => pair.join('=')).join('; ');
    const headers = { cookie, 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() };
    const response = await fetch(
      instance.url + path,
      body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) },
    );
    assert.ok(response.ok, `${path}: ${response.status}`);
    // The session's is one of several, and they come in any order.
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      cookies.set(name, value);
    }
    return response.json();
  };
  const { mandates } = await ask('/api/staff/session', { login: LOGIN, password: PASSWORD });
  const members = `/api/staff/organisations/${mandates[0].organisationId}/members`;
  return {
    /** The first whose name it is; without a name, the first of all. */
    async member(name = '') {
      const { items } = await ask(`${members}?${new URLSearchParams({ query: name })}`);
      const member = `/api/staff/members/${items[0].id}`;
      return {
        printSheet: () => ask(`${member}/activation`, {}),
        revoke: () => ask(`${member}/cards/revoke`, { reason: 'lost' }),
      };
    },
  };
}
