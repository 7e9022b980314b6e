// An issuer of its own, with fixed keys: what the runs beside the vectors need made. Written from docs/card-format.md.
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { Tagged, decode, encode, rfc8949EncodeOptions } from '../../pwa/node_modules/cborg/cborg.js';

export const NOW = 1_795_348_800;
export const NUMBER = '079927398713';
const URI = 'urn:pc:s1';
const [EDDSA, ES256] = [-8, -7];
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const [nbf, exp] = [NOW - 86_400, NOW + 86_400];

const cbor = (value) => encode(value, rfc8949EncodeOptions);
const uncbor = (bytes) => decode(bytes, { useMaps: true, tags: Tagged.preserve(18) });
const map = (...entries) => new Map(entries);
const seedOf = (name) => createHash('sha256').update(`profcards conformance: ${name}`).digest();
const coordinate = (text) => Uint8Array.from(Buffer.from(text, 'base64url'));

export const hex = (bytes) => Buffer.from(bytes).toString('hex');

function ed25519Key(name) {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seedOf(name)]);
  const secret = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const x = coordinate(createPublicKey(secret).export({ format: 'jwk' }).x);
  const coseKey = map([1, 1], [-1, 6], [-2, x]);
  const kid = Uint8Array.from(createHash('sha256').update(cbor(coseKey)).digest().subarray(0, 4));
  return { alg: EDDSA, x, coseKey, kid, sign: (message) => sign(null, message, secret) };
}

function p256Key(name) {
  const head = Buffer.from('3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420', 'hex');
  const secret = createPrivateKey({ key: Buffer.concat([head, seedOf(name)]), format: 'der', type: 'pkcs8' });
  const { x, y } = createPublicKey(secret).export({ format: 'jwk' });
  const coseKey = map([1, 2], [-1, 1], [-2, coordinate(x)], [-3, coordinate(y)]);
  return {
    alg: ES256,
    coseKey,
    sign: (message) => withLowS(sign('sha256', message, { key: secret, dsaEncoding: 'ieee-p1363' })),
  };
}

function withLowS(signature) {
  const s = BigInt(`0x${hex(signature.subarray(32))}`);
  if (s <= P256_ORDER / 2n) return signature;
  return Buffer.concat([
    signature.subarray(0, 32),
    Buffer.from((P256_ORDER - s).toString(16).padStart(64, '0'), 'hex'),
  ]);
}

function sign1(key, header, claims) {
  const [protectedBytes, payload] = [cbor(header), cbor(claims)];
  const signature = key.sign(sigStructure(protectedBytes, payload));
  return cbor(new Tagged(18, [protectedBytes, map(), payload, Uint8Array.from(signature)]));
}

const sigStructure = (protectedBytes, payload) => cbor(['Signature1', protectedBytes, new Uint8Array(), payload]);

export const [root, cardKey, statusKey] = ['root', 'card', 'status'].map(ed25519Key);
export const devices = { ed25519: ed25519Key('phone'), p256: p256Key('phone') };

export const trustList = sign1(
  root,
  map([1, EDDSA]),
  map(
    [1, 'conformance'],
    [4, exp],
    [6, nbf],
    [-65550, 1],
    [
      -65551,
      [
        [cardKey, 'card'],
        [statusKey, 'status'],
      ].map(([{ kid, coseKey }, role]) => [kid, coseKey, role, EDDSA, nbf, exp]),
    ],
    [-65552, [[URI, '/status/1']]],
    [-65553, map([1, 86_400], [2, 604_800], [3, 60], [4, [1]], [5, 0])],
  ),
);

/** `lst`: a zlib stream. */
export const statusList = (bits, lst) =>
  sign1(
    statusKey,
    map([1, EDDSA], [4, statusKey.kid], [16, 'application/statuslist+cwt']),
    map([2, URI], [4, exp], [6, NOW], [65533, map(['bits', bits], ['lst', Uint8Array.from(lst)])], [65534, 3600]),
  );

/** A phone's card for its key, otherwise a paper card. */
export const card = (index, device) =>
  sign1(
    cardKey,
    map([1, EDDSA], [4, cardKey.kid]),
    map(
      [2, NUMBER],
      [4, exp],
      [6, nbf],
      ...(device ? [[8, map([1, device.coseKey])]] : []),
      [65535, map(['status_list', map(['idx', index], ['uri', URI])])],
      [-65537, ['Иванова М. П.', 77, 1]],
      [-65538, device ? 1 : 2],
    ),
  );

export const present = (cardBytes, device, iatSeconds) =>
  sign1(device, map([1, device.alg], [13, uncbor(cardBytes)], [16, 294]), map([3, 'pc'], [6, iatSeconds]));

/** What was signed, and the signature: of the message itself, and of the card within. */
export function signaturesOf(presentation) {
  const parts = ({ value: [header, , payload, signature] }) => ({
    signed: hex(sigStructure(header, payload)),
    signature: hex(signature),
  });
  const whole = uncbor(presentation);
  return { proof: parts(whole), card: parts(uncbor(whole.value[0]).get(13)) };
}
