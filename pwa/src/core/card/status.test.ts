import { readFileSync } from 'node:fs';
import { Tagged } from 'cborg';
import { expect, test } from 'vitest';
import { fromHex, type Bytes } from './bytes';
import { encodeCbor } from './cbor';
import * as f from './constants';
import { sigStructure, signAs } from './present';
import { inflate, loadStatusList, statusAt } from './status';
import type { TrustList } from './trust';

interface DraftsList {
  name: string;
  bits: number;
  lst: string;
  entries: number;
  marked: [number, number][];
}

const draftsLists = JSON.parse(
  readFileSync(new URL('../../../../crates/card/vectors/token-status-list.json', import.meta.url), 'utf8'),
) as DraftsList[];

test.each(draftsLists)("the Token Status List draft's $name", async ({ bits, lst, entries, marked }) => {
  const packed = await inflate(fromHex(lst), 4 << 20);
  expect(packed?.length).toBe((entries * bits) / 8);
  const found: [number, number][] = [];
  for (let index = 0; index < entries; index++) {
    const status = statusAt(packed!, index, bits);
    if (status) found.push([index, status]);
  }
  expect(found).toEqual(marked);
  expect(statusAt(packed!, entries, bits)).toBeNull();
});

test('a stream that grows beyond the cap, is cut or is followed by something, is refused', async () => {
  const packed = new Blob([new Uint8Array(200_000)]).stream().pipeThrough(new CompressionStream('deflate'));
  const bomb = new Uint8Array(await new Response(packed).arrayBuffer());
  expect(bomb.length).toBeLessThan(1000);
  expect(await inflate(bomb, 100_000)).toBeNull();
  expect((await inflate(bomb, 200_000))?.length).toBe(200_000);
  expect(await inflate(bomb.slice(0, -5), 200_000)).toBeNull();
  expect(await inflate(new Uint8Array([...bomb, 0]), 200_000)).toBeNull();
});

const NOW_SECONDS = 1_795_348_800;
const KID = Uint8Array.of(1, 2, 3, 4);

/** A union whose status key is this one, and a list of it with entries of this many bytes that do not compress. */
async function signedList(contentBytes: number): Promise<{ token: Bytes; trust: TrustList }> {
  const { publicKey, privateKey } = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']);
  const contents = new Uint8Array(contentBytes);
  for (let at = 0; at < contentBytes; at += 65_536) crypto.getRandomValues(contents.subarray(at, at + 65_536));
  const packed = new Blob([contents]).stream().pipeThrough(new CompressionStream('deflate'));
  const lst = new Uint8Array(await new Response(packed).arrayBuffer());
  const header = encodeCbor(
    new Map<number, unknown>([
      [f.HEADER_ALG, f.ALG_EDDSA],
      [f.HEADER_KID, KID],
      [f.HEADER_TYP, f.TYP_STATUS_LIST],
    ]),
  );
  const claims = encodeCbor(
    new Map<number, unknown>([
      [f.CLAIM_SUB, 'urn:pc:s1'],
      [f.CLAIM_EXP, NOW_SECONDS + 60],
      [f.CLAIM_IAT, NOW_SECONDS],
      [
        f.CLAIM_STATUS_LIST,
        new Map<string, unknown>([
          ['lst', lst],
          ['bits', f.STATUS_BITS],
        ]),
      ],
      [f.CLAIM_TTL, 60],
    ]),
  );
  const signature = await signAs('EdDSA', privateKey, sigStructure(header, claims));
  const trust = {
    keys: [
      {
        kid: KID,
        publicKey: new Uint8Array(await crypto.subtle.exportKey('raw', publicKey)),
        role: 'status',
        alg: f.ALG_EDDSA,
        nbfSeconds: NOW_SECONDS,
        expSeconds: NOW_SECONDS + 60,
      },
    ],
    lists: [{ uri: 'urn:pc:s1', path: '/status/1' }],
  } as unknown as TrustList;
  return { token: encodeCbor(new Tagged(f.COSE_SIGN1_TAG, [header, new Map(), claims, signature])), trust };
}

test('a status list of more than a mebibyte is not read', async () => {
  const { token, trust } = await signedList(f.STATUS_TOKEN_MAX_BYTES - 1000);
  expect(token.length).toBeLessThanOrEqual(f.STATUS_TOKEN_MAX_BYTES);
  expect(await loadStatusList(token, trust, { nowSeconds: NOW_SECONDS })).toMatchObject({ uri: 'urn:pc:s1' });
  const larger = await signedList(f.STATUS_TOKEN_MAX_BYTES);
  expect(larger.token.length).toBeGreaterThan(f.STATUS_TOKEN_MAX_BYTES);
  expect(await loadStatusList(larger.token, larger.trust, { nowSeconds: NOW_SECONDS })).toBe('status-bad');
});
