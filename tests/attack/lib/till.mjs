// A till in an attacker's hands: it keeps its session and says of the time whatever it likes.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

export const nowSeconds = () => Math.floor(Date.now() / 1000);

export async function pairTill(url, code) {
  const { response } = await ask(url, 'POST', '/api/till/pairing', { code, clientId: randomUUID() });
  assert.equal(response.status, 201);
  const cookie = response.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ');
  return new Till(url, cookie);
}

async function ask(url, method, path, body, cookie = '') {
  const headers = { cookie, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
  const response = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
  return { response, body: await response.json().catch(() => undefined) };
}

class Till {
  #opNo = 0;

  constructor(url, cookie) {
    this.url = url;
    this.cookie = cookie;
  }

  purchase(token, amountKopecks, at = nowSeconds()) {
    return this.#mutation('purchase.record', { token, amountKopecks }, at);
  }

  cancellation(purchase) {
    return this.#mutation('purchase.cancel', { mutationId: purchase.id }, nowSeconds());
  }

  #mutation(name, args, at) {
    this.#opNo += 1;
    return { id: randomUUID(), seq: this.#opNo, name, args: { ...args, opNo: this.#opNo }, at };
  }

  /** One answer for each mutation, in their order. */
  async push(...mutations) {
    const pushed = { face: 'till', schema: 1, clientTime: nowSeconds(), mutations };
    const { response, body } = await ask(this.url, 'POST', '/api/sync/push', pushed, this.cookie);
    assert.equal(response.status, 200, JSON.stringify(body));
    return body.answers;
  }

  /** The states of its purchases by the id of their mutation; none while its session is refused. */
  async states() {
    const { response, body } = await ask(this.url, 'GET', '/api/sync/pull?face=till&schema=1', undefined, this.cookie);
    if (response.status === 401) return undefined;
    assert.equal(response.status, 200, JSON.stringify(body));
    const purchases = body.upserts.filter(({ entity }) => entity === 'purchase').map(({ data }) => data);
    return Object.fromEntries(purchases.map(({ mutationId, state }) => [mutationId, state]));
  }
}
