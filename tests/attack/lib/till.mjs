// A till without a browser: it keeps its session and says of the time whatever it likes.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

export const nowSeconds = () => Math.floor(Date.now() / 1000);

export async function pairTill(url, code) {
  const { response } = await ask(url, 'POST', '/api/till/pairing', { code, clientId: randomUUID() });
  assert.equal(response.status, 201);
  const cookie = response.headers.getSetCookie().map((line) => line.split(';')[0]).join('; ');
  return new Till(url, cookie);
}

/** A till that nobody else has, and a paper card, which serves for any number of purchases. */
export async function pairTillWithCard(instance) {
  const till = await pairTill(instance.url, await instance.run('till', 'code'));
  return { till, card: await instance.run('card', 'sample', '--class', 'paper') };
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
    const { response, body } = await this.#hand(mutations);
    assert.equal(response.status, 200, JSON.stringify(body));
    return body.answers;
  }

  /** How each of them was answered, in their order; `unavailable` where the server was not able to. */
  async tryPush(...mutations) {
    const { response, body } = await this.#hand(mutations);
    if (response.status === 503) return mutations.map(() => 'unavailable');
    assert.equal(response.status, 200, JSON.stringify(body));
    return body.answers.map(({ status }) => status);
  }

  #hand(mutations) {
    const pushed = { face: 'till', schema: 1, clientTime: nowSeconds(), mutations };
    return ask(this.url, 'POST', '/api/sync/push', pushed, this.cookie);
  }

  /** The states of its purchases by the id of their mutation; none while its session is refused. */
  async states() {
    const { response, body } = await ask(this.url, 'GET', '/api/sync/pull?face=till&schema=1', undefined, this.cookie);
    if (response.status === 401) return undefined;
    assert.equal(response.status, 200, JSON.stringify(body));
    const purchases = body.upserts.filter(({ entity }) => entity === 'purchase').map(({ data }) => data);
    return Object.fromEntries(purchases.map(({ mutationId, state }) => [mutationId, state]));
  }

  /** What changed since the cursor, all of it: the purchases' ids, and the cursor to go on from. */
  async pull(cursor = '') {
    const purchases = new Set();
    for (;;) {
      const path = `/api/sync/pull?face=till&schema=1&cursor=${cursor}`;
      const { response, body } = await ask(this.url, 'GET', path, undefined, this.cookie);
      assert.equal(response.status, 200, JSON.stringify(body));
      body.upserts.filter(({ entity }) => entity === 'purchase').forEach(({ id }) => purchases.add(id));
      cursor = body.cursor;
      if (!body.more && !body.pending) return { purchases, cursor };
    }
  }
}
