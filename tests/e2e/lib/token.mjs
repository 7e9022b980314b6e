// What a forger does to a card's text: unpack it, change it, pack it again, draw it as a code.
// Written from docs/card-format.md, not shared with the app: a slip in both would hide itself.
import assert from 'node:assert/strict';
import { decode, encode, rfc8949EncodeOptions, Tagged } from '../../../pwa/node_modules/cborg/cborg.js';
import encodeQr from '../../../pwa/node_modules/qr/index.js';

const PREFIX = 'PC1:';
const COSE_SIGN1 = 18;
const HEADER_KCWT = 13;
const CLAIM_SUB = 2;
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

/** The uri that a status list is for, or null where it is no such thing. */
export function uriOf(list) {
  try {
    const claims = decode(decode(list, { useMaps: true, tags: Tagged.preserve(COSE_SIGN1) }).value[2], {
      useMaps: true,
    });
    return claims.get(CLAIM_SUB) ?? null;
  } catch {
    return null;
  }
}

/** Rows of dark and light modules, with the quiet zone. A card's text is alphanumeric; anything else need not be. */
export function codeOf(text) {
  const encoding = /^[0-9A-Z $%*+./:-]+$/.test(text) ? 'alphanumeric' : 'byte';
  return encodeQr(text, 'raw', { ecc: 'low', encoding, border: 4 });
}

/** The same as a picture file. */
export function pictureOf(token) {
  return encodeQr(token, 'gif', { ecc: 'low', encoding: 'alphanumeric', border: 4, scale: 6 });
}
