// The lists of one till in several tabs, against an issuer of the test's own that signs what it serves.
import { Tagged } from 'cborg';
import { beforeEach, expect, test } from 'vitest';
import type { Bytes } from './bytes';
import { encodeCbor } from './cbor';
import * as f from './constants';
import { readLists, refreshLists, TRUST_LIST_PATH, type ListSource, type SignedList } from './lists';
import { sigStructure, signAs } from './present';
import { statusAt } from './status';

const NOW_SECONDS = 1_795_348_800;
const LIFE_SECONDS = 86_400;
const KID = Uint8Array.of(1, 2, 3, 4);
const [ONE, TWO] = ['urn:pc:s1', 'urn:pc:s2'];
const pathOf = (uri: string) => `/status/${uri.at(-1)}`;

const { publicKey, privateKey } = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']);
const rawKey = new Uint8Array(await crypto.subtle.exportKey('raw', publicKey));

let seq: number;
/** What the issuer serves, by path; its ETag is its moment. A path that is missing is not served. */
let served: Map<string, { bytes: Bytes; etag: string }>;
let stored: Map<string, SignedList>;
/** What was sent as `If-None-Match`, by path. */
let asked: [path: string, etag: string | undefined][];

async function sign(header: Map<number, unknown>, claims: Map<number, unknown>): Promise<Bytes> {
  const [protectedBytes, payload] = [encodeCbor(header), encodeCbor(claims)];
  const signature = await signAs('EdDSA', privateKey, sigStructure(protectedBytes, payload));
  return encodeCbor(new Tagged(f.COSE_SIGN1_TAG, [protectedBytes, new Map(), payload, signature]));
}

async function serveTrustList(...uris: string[]): Promise<void> {
  seq += 1;
  const coseKey = new Map<number, unknown>([
    [f.KEY_KTY, f.KTY_OKP],
    [f.KEY_CRV, f.CRV_ED25519],
    [f.KEY_X, rawKey],
  ]);
  const bytes = await sign(
    new Map([[f.HEADER_ALG, f.ALG_EDDSA]]),
    new Map<number, unknown>([
      [f.CLAIM_ISS, 'union'],
      [f.CLAIM_IAT, NOW_SECONDS],
      [f.CLAIM_EXP, NOW_SECONDS + LIFE_SECONDS],
      [f.CLAIM_TRUST_SEQ, seq],
      [f.CLAIM_TRUST_KEYS, [[KID, coseKey, 'status', f.ALG_EDDSA, 0, NOW_SECONDS + LIFE_SECONDS]]],
      [f.CLAIM_TRUST_LISTS, uris.map((uri) => [uri, pathOf(uri)])],
      [
        f.CLAIM_TRUST_POLICY,
        new Map<number, unknown>([
          [f.POLICY_FRESH, 1],
          [f.POLICY_STALE, 2],
          [f.POLICY_PROOF_WINDOW, 60],
          [f.POLICY_REDEEMING_CLASSES, []],
          [f.POLICY_CHALLENGE_ABOVE, 0],
        ]),
      ],
    ]),
  );
  served.set(TRUST_LIST_PATH, { bytes, etag: `trust-${seq}` });
}

/** A list whose first card has this status. */
async function serveStatusList(uri: string, status: number, iatSeconds: number): Promise<void> {
  const packed = new Blob([Uint8Array.of(status)]).stream().pipeThrough(new CompressionStream('deflate'));
  const lst = new Uint8Array(await new Response(packed).arrayBuffer());
  const header = new Map<number, unknown>([
    [f.HEADER_ALG, f.ALG_EDDSA],
    [f.HEADER_KID, KID],
    [f.HEADER_TYP, f.TYP_STATUS_LIST],
  ]);
  const bytes = await sign(
    header,
    new Map<number, unknown>([
      [f.CLAIM_SUB, uri],
      [f.CLAIM_IAT, iatSeconds],
      [f.CLAIM_EXP, NOW_SECONDS + LIFE_SECONDS],
      [f.CLAIM_TTL, 60],
      [
        f.CLAIM_STATUS_LIST,
        new Map<string, unknown>([
          ['lst', lst],
          ['bits', f.STATUS_BITS],
        ]),
      ],
    ]),
  );
  served.set(pathOf(uri), { bytes, etag: `${uri}-${iatSeconds}` });
}

const source: ListSource = {
  roots: [rawKey],
  storage: {
    all: async () => [...stored.values()],
    put: async (list) => void stored.set(list.id, list),
    delete: async (id) => void stored.delete(id),
  },
  trustListPath: TRUST_LIST_PATH,
  download: async (path, etag) => {
    asked.push([path, etag]);
    const list = served.get(path);
    if (!list) throw new Error(`${path}: 404`);
    return list.etag === etag ? undefined : list;
  },
  nowSeconds: () => NOW_SECONDS,
};

const firstStatus = async (uri: string) => {
  const list = (await readLists(source)).statusLists.held.get(uri);
  return list && statusAt(list.statuses, 0);
};

beforeEach(async () => {
  seq = 0;
  served = new Map();
  stored = new Map();
  asked = [];
  await serveTrustList(ONE, TWO);
  for (const uri of [ONE, TWO]) await serveStatusList(uri, 0, NOW_SECONDS - 100);
  expect(await refreshLists(await readLists(source), source)).toEqual({ changed: true });
});

test('what is held in good order is asked for by its ETag, and nothing is new', async () => {
  asked = [];
  expect(await refreshLists(await readLists(source), source)).toEqual({ changed: false });
  expect(asked).toEqual([
    [TRUST_LIST_PATH, 'trust-1'],
    ...[ONE, TWO].map((uri) => [pathOf(uri), `${uri}-${NOW_SECONDS - 100}`]),
  ]);
});

test('a list that another tab has stored is news to this one as well', async () => {
  const heldByThisTab = await readLists(source);
  await serveTrustList(ONE, TWO);
  await serveStatusList(ONE, 1, NOW_SECONDS);
  await refreshLists(await readLists(source), source);
  expect(await refreshLists(heldByThisTab, source)).toEqual({ changed: true });
});

test('a list that cannot be had keeps none of the others from being refreshed, and nothing that was stored is passed over', async () => {
  served.delete(pathOf(ONE));
  await serveStatusList(TWO, 1, NOW_SECONDS);
  const { changed, failure } = await refreshLists(await readLists(source), source);
  expect(changed).toBe(true);
  expect(String(failure)).toContain('404');
  expect(await firstStatus(TWO)).toBe(1);
  expect(await firstStatus(ONE)).toBe(0);
});

test('without the trust list the status lists are refreshed by the one that is held', async () => {
  served.delete(TRUST_LIST_PATH);
  await serveStatusList(ONE, 1, NOW_SECONDS);
  const { changed, failure } = await refreshLists(await readLists(source), source);
  expect([changed, String(failure)]).toEqual([true, `Error: ${TRUST_LIST_PATH}: 404`]);
  expect(await firstStatus(ONE)).toBe(1);
});

test('a list that the trust list names no longer is forgotten, and until then it is no failure', async () => {
  await serveTrustList(ONE);
  const narrower = served.get(TRUST_LIST_PATH)!;
  stored.set('trust', { id: 'trust', bytes: narrower.bytes, fetchedAtSeconds: NOW_SECONDS });
  const held = await readLists(source);
  expect([...held.statusLists.held.keys(), held.statusLists.someFailed]).toEqual([ONE, false]);
  await refreshLists(held, source);
  expect([...stored.keys()].sort()).toEqual(['trust', ONE]);
});
