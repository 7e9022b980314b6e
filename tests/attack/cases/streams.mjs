// Half-sent requests and event streams without number: others are answered meanwhile. Everything is on loopback; who attacks
// comes from 127.0.0.1, who only wants to be served from 127.0.0.2.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect } from 'node:net';
import { check } from '../../e2e/lib/report.mjs';
import { makeInstance, until } from '../../e2e/lib/instance.mjs';

export const title = 'Connections without number';

const HALF_SENT = 1_100;
const STREAMS = 4_000;
const AT_ONCE = 100;
const ASKED = 200;
const CUT_WITHIN_MILLIS = 25_000;

export async function attack() {
  await directly();
  await behindProxy();
}

/** Where a proxy stands in front, all connections come from its address, and none is refused for that. */
async function behindProxy() {
  const instance = await makeInstance();
  instance.env.PROFCARDS_BEHIND_PROXY = '1';
  try {
    await instance.start();
    const port = Number(new URL(instance.url).port);
    const quiet = await answers(port);
    await check(`${HALF_SENT} half-sent heads by way of a proxy: others are answered`, async () => {
      const sockets = await Promise.all(Array.from({ length: HALF_SENT }, () => halfSent(port)));
      const open = sockets.filter((socket) => !socket.destroyed);
      assert.equal(open.length, HALF_SENT, 'they are all held');
      report('with half-sent heads', quiet, await answers(port));
      sockets.forEach((socket) => socket.destroy());
    });
    await instance.stop();
  } finally {
    await instance.remove();
  }
}

async function directly() {
  const instance = await makeInstance();
  try {
    await instance.start();
    const port = Number(new URL(instance.url).port);
    const quiet = await answers(port);
    await check(`${HALF_SENT} half-sent heads: others are answered`, async () => {
      const sockets = await Promise.all(Array.from({ length: HALF_SENT }, () => halfSent(port)));
      report('with half-sent heads', quiet, await answers(port));
      await until('the half-sent heads are cut', CUT_WITHIN_MILLIS, () => sockets.every((socket) => socket.destroyed));
    });
    await check(`${STREAMS} streams asked for by one member: others are answered, and few are given`, async () => {
      const cookie = await activate(instance);
      const streams = [];
      const seen = new Map();
      for (let from = 0; from < STREAMS; from += AT_ONCE) {
        const round = await Promise.all(Array.from({ length: AT_ONCE }, () => stream(port, cookie)));
        for (const { status, close } of round) {
          seen.set(status, (seen.get(status) ?? 0) + 1);
          if (status === 200) streams.push(close);
          else close();
        }
      }
      report('with streams asked for', quiet, await answers(port));
      assert.ok(seen.get(200) <= 6, `given: ${JSON.stringify([...seen])}`);
      streams.forEach((close) => close());
    });
    await check('a stop lets a page that listens go, cleanly and without waiting for it', async () => {
      // Another phone: the one before has asked for more than anybody may in a minute.
      const { ended } = await listen(port, await activate(instance));
      await instance.stop();
      assert.equal(await ended, true, 'the stream was cut');
    });
  } finally {
    await instance.remove();
  }
}

function report(when, quiet, busy) {
  console.log(`        p99 of ${ASKED} answers: ${quiet.toFixed(1)} ms quiet, ${busy.toFixed(1)} ms ${when}`);
}

/** Others ask one after the other; each must be answered. The slowest but one in a hundred, in milliseconds. */
async function answers(port) {
  const times = [];
  for (let n = 0; n < ASKED; n += 1) {
    const began = performance.now();
    const { status } = await ask(port, '/api/time', { localAddress: '127.0.0.2' });
    assert.equal(status, 200);
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[Math.floor(ASKED * 0.99) - 1];
}

function ask(port, path, options = {}, body = undefined) {
  return new Promise((done, failed) => {
    const sent = request({ host: '127.0.0.1', port, path, agent: false, ...options }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', failed);
      response.on('end', () =>
        done({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    sent.on('error', failed);
    sent.end(body);
  });
}

/** A connection that sends half a head and waits; the server may also close it at once. */
function halfSent(port) {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () =>
      socket.write('GET /healthz HTTP/1.1\r\nHost: half\r\n', () => done(socket)),
    );
    socket.on('error', () => done(socket.destroy()));
    socket.on('end', () => socket.destroy());
  });
}

/** Asks for an event stream and keeps what it is given. */
function stream(port, cookie) {
  return new Promise((done) => {
    const sent = request({ host: '127.0.0.1', port, path: '/api/member/events', agent: false, headers: { cookie } });
    sent.on('response', (response) => done({ status: response.statusCode, close: () => response.destroy() }));
    sent.on('error', () => done({ status: 0, close: () => sent.destroy() }));
    sent.end();
  });
}

/** Opens a stream; `ended` tells at its end whether it ended as HTTP ends, not by a cut connection. */
function listen(port, cookie) {
  return new Promise((listening, failed) => {
    const sent = request({ host: '127.0.0.1', port, path: '/api/member/events', agent: false, headers: { cookie } });
    sent.on('response', (response) => {
      response.resume();
      listening({ ended: new Promise((done) => response.on('close', () => done(response.complete))) });
    });
    sent.on('error', failed);
    sent.end();
  });
}

/** Enrols a phone as the app does; its cookies. */
async function activate(instance) {
  const { code, birthDate } = await instance.freshEntries();
  const born = `${birthDate.slice(4)}-${birthDate.slice(2, 4)}-${birthDate.slice(0, 2)}`;
  const checked = await post(instance, '/api/activation/check', { code, birthDate: born });
  const { challenge } = await checked.json();
  const pair = await crypto.subtle.generateKey({ name: 'Ed25519' }, true, ['sign']);
  const raw = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
  // COSE_Key of Ed25519: {1: 1, -1: 6, -2: key}, in its deterministic form.
  const cose = Buffer.concat([Buffer.from('a3010120062158', 'hex'), Buffer.from([0x20]), raw]);
  const message = Buffer.concat([Buffer.from('PC-ENROL-1\0'), Buffer.from(challenge, 'base64url')]);
  const signature = Buffer.from(await crypto.subtle.sign('Ed25519', pair.privateKey, message));
  const body = {
    challenge,
    publicKey: cose.toString('base64url'),
    signature: signature.toString('base64url'),
    consents: [],
  };
  const enrolled = await post(instance, '/api/activation/enrol', body);
  assert.equal(enrolled.status, 201, await enrolled.text());
  return enrolled.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ');
}

function post(instance, path, body) {
  return fetch(instance.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}
