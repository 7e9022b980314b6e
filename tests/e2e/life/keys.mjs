// A phone's key must survive its own database before it is enrolled; what cannot be kept is never promised.
import assert from 'node:assert/strict';
import { chapter, check } from '../lib/report.mjs';
import { activate, openCode } from '../story/member.mjs';
import { anyonesTill, scan } from '../story/till.mjs';

/** Runs in the page before the app: a browser without Ed25519. The blank first page has no WebCrypto at all. */
function withoutEd25519() {
  if (!crypto.subtle) return;
  const generate = crypto.subtle.generateKey.bind(crypto.subtle);
  crypto.subtle.generateKey = (algorithm, ...rest) =>
    algorithm.name === 'Ed25519'
      ? Promise.reject(new DOMException('unknown algorithm', 'NotSupportedError'))
      : generate(algorithm, ...rest);
}

/** One that makes such keys and then cannot store them. */
function cannotStoreEd25519() {
  const put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = function (value, ...rest) {
    if (value?.privateKey?.algorithm.name === 'Ed25519') throw new DOMException('not cloneable', 'DataCloneError');
    return put.call(this, value, ...rest);
  };
}

/** One that can store no key at all, as in some private windows. */
function cannotStoreKeys() {
  const put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = function (value, ...rest) {
    if (value?.privateKey) throw new DOMException('not cloneable', 'DataCloneError');
    return put.call(this, value, ...rest);
  };
}

/** Another phone without Ed25519, before its first page. */
export async function p256Phone(stage, name) {
  const phone = await stage.person(name);
  await phone.context.addInitScript(withoutEd25519);
  return phone;
}

export async function algorithmOf(phone) {
  const [{ algorithm, isExtractable }] = await phone.stored('keys');
  assert.equal(isExtractable, false);
  return algorithm;
}

export async function keysStory(instance, stage) {
  chapter('The phone’s key and its fallbacks');
  const till = await anyonesTill(stage, 'life-till');
  const fallbacks = [
    ['a browser without Ed25519', withoutEd25519],
    ['a browser that cannot store an Ed25519 key', cannotStoreEd25519],
  ];
  for (const [what, handicap] of fallbacks) {
    await check(`${what} enrols a P-256 key, and a till accepts its card`, async () => {
      const phone = await stage.person('handicapped-phone');
      await phone.context.addInitScript(handicap);
      const { code, birthDate } = await instance.freshEntries();
      await activate(phone, code, birthDate, { joins: false });
      assert.equal(await algorithmOf(phone), 'ES256');
      await openCode(phone);
      assert.equal((await scan(till, phone)).code, 'accepted');
      await till.at('scan-next').click();
    });
  }
  await check(
    'a browser that can keep no key says so before a code is typed, and leads to the paper card',
    async () => {
      const phone = await stage.person('keyless-phone');
      await phone.context.addInitScript(cannotStoreKeys);
      await phone.open('/activate');
      await phone.reads(phone.at('no-key'), 'есть бумажная карта');
      assert.equal(await phone.at('activation-code').count(), 0);
      assert.deepEqual(await phone.stored('keys'), []);
      await phone.shoot('member-no-key');
    },
  );
  await till.page.close();
}
