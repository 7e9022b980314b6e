// What is larger than its limit is refused, and costs the server nothing that others would feel.
import assert from 'node:assert/strict';
import { check } from '../../e2e/lib/report.mjs';
import { makeInstance } from '../../e2e/lib/instance.mjs';

export const title = 'What is too large';

const BODY_LIMIT_BYTES = 512 * 1024;

export async function attack() {
  const instance = await makeInstance();
  try {
    await instance.start();
    await check('a body beyond the limit is refused with its code', async () => {
      const body = JSON.stringify({ login: 'school12', password: 'x'.repeat(BODY_LIMIT_BYTES) });
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${instance.url}/api/staff/session`, { method: 'POST', headers, body });
      assert.equal(response.status, 413);
      assert.equal((await response.json()).code, 'too-large');
    });
    await instance.stop();
  } finally {
    await instance.remove();
  }
}
