// A till without a browser: it says of the time and of its operations' numbers whatever it likes.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Browser, nowSeconds } from './browser.mjs';

/** A till that nobody else has, and a paper card, which serves for any number of purchases. */
export async function pairTillWithCard(instance) {
  const till = await Till.pair(instance.url, await instance.run('till', 'code'));
  return { till, card: await instance.run('card', 'sample', '--class', 'paper') };
}

export class Till extends Browser {
  #opNo = 0;
  #seq = 0;

  static async pair(url, code) {
    const till = new Till(url);
    await till.good('POST', '/api/till/pairing', { code, clientId: randomUUID() });
    return till;
  }

  nextOpNo() {
    return (this.#opNo += 1);
  }

  askDigits(opNo, amountKopecks = 100_000) {
    return this.ask('POST', '/api/till/redemption-challenge', { opNo, amountKopecks });
  }

  async digits(opNo) {
    const { status, body } = await this.askDigits(opNo);
    assert.equal(status, 200, JSON.stringify(body));
    return body.digits;
  }

  askLimit(token, opNo, amountKopecks = 100_000) {
    return this.ask('POST', '/api/till/redemption-limit', { token, opNo, amountKopecks });
  }

  /** A purchase under a new id. */
  purchase(args, at) {
    return this.#mutation('purchase.record', args, at);
  }

  cancellation({ id }) {
    return this.#mutation('purchase.cancel', { mutationId: id });
  }

  #mutation(name, args, at = nowSeconds()) {
    return { id: randomUUID(), seq: (this.#seq += 1), name, args: { opNo: this.nextOpNo(), ...args }, at };
  }

  /** One answer for each mutation, in their order. */
  async push(mutations, clientTime) {
    const { status, body } = await this.#hand(mutations, clientTime);
    assert.equal(status, 200, JSON.stringify(body));
    return body.answers;
  }

  /** How each of them was answered, in their order; `unavailable` where the server was not able to. */
  async tryPush(...mutations) {
    const { status, body } = await this.#hand(mutations);
    if (status === 503) return mutations.map(() => 'unavailable');
    assert.equal(status, 200, JSON.stringify(body));
    return body.answers.map(({ status }) => status);
  }

  #hand(mutations, clientTime = nowSeconds()) {
    return this.ask('POST', '/api/sync/push', { face: 'till', schema: 1, clientTime, mutations });
  }

  async book(args) {
    const [answer] = await this.push([this.purchase(args)]);
    assert.equal(answer.status, 'applied', JSON.stringify(answer));
  }

  /** The states of its purchases by the id of their mutation; none while its session is refused. */
  async states() {
    const { status, body } = await this.ask('GET', '/api/sync/pull?face=till&schema=1');
    if (status === 401) return undefined;
    assert.equal(status, 200, JSON.stringify(body));
    const purchases = body.upserts.filter(({ entity }) => entity === 'purchase').map(({ data }) => data);
    return Object.fromEntries(purchases.map(({ mutationId, state }) => [mutationId, state]));
  }

  /** What changed since the cursor, all of it: the purchases' ids, and the cursor to go on from. */
  async pull(cursor = '') {
    const purchases = new Set();
    for (;;) {
      const body = await this.good('GET', `/api/sync/pull?face=till&schema=1&cursor=${cursor}`);
      body.upserts.filter(({ entity }) => entity === 'purchase').forEach(({ id }) => purchases.add(id));
      cursor = body.cursor;
      if (!body.more && !body.pending) return { purchases, cursor };
    }
  }
}
