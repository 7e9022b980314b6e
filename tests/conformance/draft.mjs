// The Token Status List draft's own lists, wrapped so that a verifier can be asked: for each place a paper card, and the list
// signed as this format signs it. The stream stands in it byte for byte.
import { readFileSync } from 'node:fs';
import { tokenOf } from '../e2e/lib/token.mjs';
import { NOW, NUMBER, card, hex, root, statusList, trustList } from './issuer.mjs';

const CODES = ['accepted', 'revoked', 'suspended', 'status-unknown'];
const WHOLE_LIST_UP_TO = 64;

const file = new URL('../../crates/card/vectors/token-status-list.json', import.meta.url);
export const draftFile = file.pathname;

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
    token: tokenOf(card(index)),
    now: NOW,
    roots: [hex(root.x)],
    trustList: hex(trustList),
    statusLists: [hex(statusList(draft.bits, Buffer.from(draft.lst, 'hex')))],
    held: { trustSeq: null, statusIat: null, proofIds: [] },
    challenge: null,
    wants: 'accrual',
    amountKopecks: null,
    expect: {
      accepted,
      code,
      warning: null,
      allowed: accepted ? ['discount', 'accrual'] : [],
      number: accepted ? NUMBER : null,
      class: accepted ? 'paper' : null,
      proofId: null,
    },
  };
}

/** A list of this format has two bits a place; every other one is refused as a whole. */
function vectorsOf(draft) {
  if (draft.bits !== 2) return [vectorOf(draft, 0, 'status-bad')];
  const marks = new Map(draft.marked);
  return placesOf(draft).map((index) =>
    vectorOf(draft, index, index < draft.entries ? CODES[marks.get(index) ?? 0] : 'status-unknown'),
  );
}

export const drafts = JSON.parse(readFileSync(draftFile, 'utf8'));
export const draftVectors = drafts.flatMap(vectorsOf);
