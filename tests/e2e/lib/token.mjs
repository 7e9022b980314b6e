// What a forger does to a card's text: unpack it, change it, pack it again, draw it as a code.
// Written from docs/card-format.md, not shared with the app: a slip in both would hide itself.
import assert from 'node:assert/strict';
import { decode, encode, rfc8949EncodeOptions, Tagged } from '../../../pwa/node_modules/cborg/cborg.js';
import encodeQr from '../../../pwa/node_modules/qr/index.js';

const PREFIX = 'PC1:';
const COSE_SIGN1 = 18;
const HEADER_KCWT = 13;
const BASE45 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:';

export function bytesOf(token) {
  assert.ok(token.startsWith(PREFIX), 'not a token');
  const digits = [...token.slice(PREFIX.length)].map((letter) => BASE45.indexOf(letter));
  const bytes = [];
  for (let at = 0; at < digits.length; at += 3) {
    const [a, b, c] = digits.slice(at, at + 3);
    if (c === undefined) bytes.push(a + b * 45);
    else bytes.push((a + b * 45 + c * 2025) >> 8, (a + b * 45 + c * 2025) & 255);
  }
  return Uint8Array.from(bytes);
}

export function tokenOf(bytes) {
  let text = PREFIX;
  for (let at = 0; at < bytes.length; at += 2) {
    const isPair = at + 1 < bytes.length;
    const value = isPair ? bytes[at] * 256 + bytes[at + 1] : bytes[at];
    text += BASE45[value % 45] + BASE45[Math.floor(value / 45) % 45];
    if (isPair) text += BASE45[Math.floor(value / 2025)];
  }
  return text;
}

/** The card alone, out of the presentation that proves the phone: what a copier has. */
export function withoutProof(token) {
  const options = { useMaps: true, tags: Tagged.preserve(COSE_SIGN1) };
  const presentation = decode(bytesOf(token), options);
  const header = decode(presentation.value[0], options);
  return tokenOf(encode(header.get(HEADER_KCWT), rfc8949EncodeOptions));
}

/** One letter of the name on the card is another one; the text stays well-formed. */
export function withOtherName(token, name) {
  const bytes = bytesOf(token);
  const at = Buffer.from(bytes).indexOf(Buffer.from(name, 'utf8'));
  assert.ok(at > 0, `«${name}» is not in the card`);
  // The second byte of the first Cyrillic letter.
  bytes[at + 1] ^= 1;
  return tokenOf(bytes);
}

/** One byte of the phone's own signature, which ends the token. */
export function withOtherProof(token) {
  const bytes = bytesOf(token);
  bytes[bytes.length - 1] ^= 1;
  return tokenOf(bytes);
}

/** Rows of dark and light modules, with the quiet zone. */
export function codeOf(token) {
  return encodeQr(token, 'raw', { ecc: 'low', encoding: 'alphanumeric', border: 4 });
}
