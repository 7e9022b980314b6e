// The Token Status List draft's own lists, wrapped so that a verifier can be asked: for each place a paper card, and the list
// signed as this format signs it. The stream stands in it byte for byte.
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { Tagged, encode, rfc8949EncodeOptions } from '../../pwa/node_modules/cborg/cborg.js';
import { tokenOf } from '../e2e/lib/token.mjs';

const NOW = 1_795_348_800;
const URI = 'urn:pc:s1';
const EDDSA = -8;
const CODES = ['accepted', 'revoked', 'suspended', 'status-unknown'];
const WHOLE_LIST_UP_TO = 64;

const file = new URL('../../crates/card/vectors/token-status-list.json', import.meta.url);
export const draftFile = existsSync(file) ? file.pathname : null;

const cbor = (value) => encode(value, rfc8949EncodeOptions);
const map = (...entries) => new Map(entries);

function makeKey(name) {
  const seed = createHash('sha256').update(`profcards conformance: ${name}`).digest();
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const secret = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  const x = createPublicKey(secret).export({ format: 'der', type: 'spki' }).subarray(-32);
  const coseKey = map([1, 1], [-1, 6], [-2, Uint8Array.from(x)]);
  return { secret, x, coseKey, kid: Uint8Array.from(createHash('sha256').update(cbor(coseKey)).digest().subarray(0, 4)) };
}

function sign1({ secret }, header, claims) {
  const [protectedBytes, payload] = [cbor(header), cbor(claims)];
  const signature = sign(null, cbor(['Signature1', protectedBytes, new Uint8Array(), payload]), secret);
  return cbor(new Tagged(18, [protectedBytes, map(), payload, Uint8Array.from(signature)]));
}

const [root, cardKey, statusKey] = ['root', 'card', 'status'].map(makeKey);
const [nbf, exp] = [NOW - 86_400, NOW + 86_400];
const hex = (bytes) => Buffer.from(bytes).toString('hex');

const trustList = sign1(root, map([1, EDDSA]), map(
  [1, 'conformance'], [4, exp], [6, nbf], [-65550, 1],
  [-65551, [[cardKey, 'card'], [statusKey, 'status']].map(([{ kid, coseKey }, role]) => [kid, coseKey, role, EDDSA, nbf, exp])],
  [-65552, [[URI, '/status/1']]],
  [-65553, map([1, 86_400], [2, 604_800], [3, 60], [4, [1]], [5, 0])],
));

const statusList = ({ bits, lst }) => sign1(
  statusKey,
  map([1, EDDSA], [4, statusKey.kid], [16, 'application/statuslist+cwt']),
  map([2, URI], [4, exp], [6, NOW], [65533, map(['bits', bits], ['lst', Uint8Array.from(Buffer.from(lst, 'hex'))])], [65534, 3600]),
);

const card = (index) => sign1(cardKey, map([1, EDDSA], [4, cardKey.kid]), map(
  [2, '079927398713'], [4, exp], [6, nbf], [65535, map(['status_list', map(['idx', index], ['uri', URI])])],
  [-65537, ['Иванова М. П.', 77, 1]], [-65538, 2],
));

/** Every place of a small list; of a large one the marked places, their neighbours, the last and the first beyond it. */
function placesOf({ entries, marked }) {
  if (entries <= WHOLE_LIST_UP_TO) return [...Array(entries).keys(), entries];
  const near = marked.flatMap(([index]) => [index - 1, index, index + 1]);
  return [...new Set([...near, entries - 1, entries])].filter((index) => index >= 0).sort((a, b) => a - b);
}

function vectorOf(draft, index, code) {
  const accepted = code === 'accepted';
  return {
    name: `${draft.name}, place ${index}`,
    draft: draft.name,
    token: tokenOf(card(index)), now: NOW, roots: [hex(root.x)], trustList: hex(trustList), statusLists: [hex(statusList(draft))],
    held: { trustSeq: null, statusIat: null, proofIds: [] },
    challenge: null, wants: 'accrual', amountKopecks: null,
    expect: {
      accepted, code, warning: null, allowed: accepted ? ['discount', 'accrual'] : [],
      number: accepted ? '079927398713' : null, class: accepted ? 'paper' : null, proofId: null,
    },
  };
}

/** A list of this format has two bits a place; every other one is refused as a whole. */
function vectorsOf(draft) {
  if (draft.bits !== 2) return [vectorOf(draft, 0, 'status-bad')];
  const marks = new Map(draft.marked);
  return placesOf(draft).map((index) => vectorOf(draft, index, index < draft.entries ? CODES[marks.get(index) ?? 0] : 'status-unknown'));
}

export const drafts = draftFile === null ? [] : JSON.parse(readFileSync(draftFile, 'utf8'));
export const draftVectors = drafts.flatMap(vectorsOf);
