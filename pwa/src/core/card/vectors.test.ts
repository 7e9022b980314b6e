// The conformance pack that the Rust crate passes too, over WebCrypto's Ed25519 and over the fallback for older browsers.
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { fromHex } from './bytes';
import type { StatusList } from './status';
import type { Verdict } from './verify';

interface Vector {
  name: string;
  token: string;
  now: number;
  roots: string[];
  trustList: string | null;
  statusLists: string[];
  held: { trustSeq: number | null; statusIat: number | null; proofIds: string[] };
  challenge: string | null;
  wants: 'accrual' | 'redemption';
  amountKopecks: number | null;
  expect: {
    accepted: boolean;
    code: string;
    warning: string | null;
    allowed: string[];
    number: string | null;
    class: string | null;
    proofId: string | null;
  };
}

const folder = new URL('../../../../crates/card/vectors/', import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
const vectors = files.flatMap((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Vector[]);

const modules = async () => ({
  ...(await import('./trust')), ...(await import('./status')), ...(await import('./verify')), ...(await import('./ed25519')),
});

async function run(vector: Vector): Promise<Verdict> {
  const { loadTrustList, loadStatusList, verify } = await modules();
  const roots = vector.roots.map(fromHex);
  const trust = vector.trustList === null
    ? 'trust-list-bad'
    : await loadTrustList(fromHex(vector.trustList), roots, vector.held.trustSeq ?? undefined);
  const held = new Map<string, StatusList>();
  let someFailed = false;
  for (const hex of typeof trust === 'string' ? [] : vector.statusLists) {
    const newcomer = { nowSeconds: vector.now, heldIatSeconds: vector.held.statusIat ?? undefined };
    const list = await loadStatusList(fromHex(hex), trust as Exclude<typeof trust, string>, newcomer);
    if (list === 'status-bad') someFailed = true;
    else if ((held.get(list.uri)?.iatSeconds ?? 0) <= list.iatSeconds) held.set(list.uri, list);
  }
  return verify(vector.token, {
    nowSeconds: vector.now,
    trust,
    statusLists: { held, someFailed },
    wants: vector.wants === 'accrual' ? 'accrual' : { redeemKopecks: vector.amountKopecks },
    ...(vector.challenge === null ? {} : { challenge: vector.challenge }),
    acceptedBefore: (proofId) => vector.held.proofIds.includes(proofId),
  });
}

test('the pack has a vector for every code', () => {
  const codes = new Set(vectors.flatMap(({ expect: { code, warning } }) => [code, warning]));
  expect([...codes].sort()).toEqual([
    'accepted', 'bad-signature', 'challenge-missing', 'challenge-wrong', 'expired', 'malformed', 'not-a-card',
    'not-yet-valid', null, 'proof-bad', 'proof-future', 'proof-missing', 'proof-stale', 'replayed', 'revoked',
    'status-bad', 'status-stale', 'status-too-old', 'status-unknown', 'suspended',
    'trust-list-bad', 'trust-list-expired', 'trust-list-rollback', 'unknown-key',
  ].sort());
});

describe.each(['webcrypto', 'noble'])('with %s', (engine) => {
  beforeAll(() => {
    vi.resetModules();
    if (engine === 'webcrypto') return;
    const importKey = crypto.subtle.importKey.bind(crypto.subtle) as (...args: unknown[]) => Promise<CryptoKey>;
    vi.spyOn(crypto.subtle, 'importKey').mockImplementation(((...args: unknown[]) =>
      (args[2] as { name: string }).name === 'Ed25519'
        ? Promise.reject(new DOMException('Unrecognized name.', 'NotSupportedError'))
        : importKey(...args)) as typeof crypto.subtle.importKey);
  });
  afterAll(() => void vi.restoreAllMocks());

  test('this engine is the one in use', async () => {
    expect(await (await modules()).ed25519Engine()).toBe(engine);
  });

  test.each(vectors.map((vector) => [vector.name, vector] as const))('%s', async (_name, vector) => {
    const { accepted, code, warning, allowed, number, class: cardClass, proofId } = await run(vector);
    expect({ accepted, code, warning, allowed }).toEqual({
      accepted: vector.expect.accepted, code: vector.expect.code, warning: vector.expect.warning, allowed: vector.expect.allowed,
    });
    if (accepted) {
      expect({ number, class: cardClass, proofId }).toEqual({
        number: vector.expect.number, class: vector.expect.class, proofId: vector.expect.proofId,
      });
    }
  });
});
