// Token Status List in its CWT form: which issued cards were revoked or suspended. Nothing here fetches or stores.
import { concat, type Bytes } from './bytes';
import { hasOnly, isBytes, isMap, isText, isUint, readSign1 } from './cbor';
import * as f from './constants';
import { verifyEd25519 } from './ed25519';
import { keysFor, type TrustList } from './trust';

export interface StatusList {
  uri: string;
  iatSeconds: number;
  expSeconds: number;
  ttlSeconds: number;
  /** Two bits per card, least significant first. */
  statuses: Bytes;
}

export type StatusFailure = 'status-bad';

/** The lists that a verifier holds, by their uri; where some failed, a card without a list is told so. */
export interface StatusLists {
  held: ReadonlyMap<string, StatusList>;
  someFailed: boolean;
}

/** What a newly downloaded list must also keep. A list that is held already goes on being used as it ages. */
export interface Newcomer {
  nowSeconds: number;
  heldIatSeconds?: number | undefined;
}

/** Takes a list in: named by the trust list and signed by a status key of it. */
export async function loadStatusList(
  bytes: Uint8Array,
  trust: TrustList,
  newcomer?: Newcomer,
): Promise<StatusList | StatusFailure> {
  const message = bytes.length <= f.STATUS_TOKEN_MAX_BYTES ? readSign1(bytes) : null;
  if (!message) return 'status-bad';
  const { header, claims, signature, signed } = message;
  if (!hasOnly(header, [f.HEADER_ALG, f.HEADER_KID, f.HEADER_TYP]) || header.get(f.HEADER_TYP) !== f.TYP_STATUS_LIST)
    return 'status-bad';
  const labels = [f.CLAIM_SUB, f.CLAIM_EXP, f.CLAIM_IAT, f.CLAIM_STATUS_LIST, f.CLAIM_TTL];
  const [uri, expSeconds, iatSeconds, packed, ttlSeconds] = labels.map((label) => claims.get(label));
  if (!hasOnly(claims, labels) || !isText(uri) || !isUint(expSeconds) || !isUint(iatSeconds) || !isUint(ttlSeconds))
    return 'status-bad';
  if (!isMap(packed) || !hasOnly(packed, ['bits', 'lst']) || packed.get('bits') !== f.STATUS_BITS) return 'status-bad';
  if (!trust.lists.some((list) => list.uri === uri)) return 'status-bad';
  if (newcomer && (expSeconds <= newcomer.nowSeconds || iatSeconds < (newcomer.heldIatSeconds ?? 0)))
    return 'status-bad';
  const keys = keysFor(trust, 'status', header.get(f.HEADER_KID), header.get(f.HEADER_ALG), iatSeconds, expSeconds);
  const checks = keys.map(({ publicKey }) => verifyEd25519(publicKey, signature, signed));
  if (!(await Promise.all(checks)).includes(true)) return 'status-bad';
  const lst = packed.get('lst');
  const statuses = isBytes(lst) ? await inflate(lst, f.STATUS_INFLATED_MAX_BYTES) : null;
  return statuses ? { uri, iatSeconds, expSeconds, ttlSeconds, statuses } : 'status-bad';
}

/** One card's entry, or null where the index lies outside the list. */
export function statusAt(statuses: Uint8Array, index: number, bits = f.STATUS_BITS): number | null {
  const perByte = 8 / bits;
  const byte = statuses[Math.floor(index / perByte)];
  return byte === undefined ? null : (byte >> ((index % perByte) * bits)) & ((1 << bits) - 1);
}

/** Undoes zlib, or null where the stream is broken, followed by anything, or grows beyond the cap. */
export async function inflate(packed: Bytes, maxBytes: number): Promise<Bytes | null> {
  try {
    const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate')).getReader();
    const chunks: Uint8Array[] = [];
    let length = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.length;
      if (length > maxBytes) {
        void reader.cancel();
        return null;
      }
      chunks.push(value);
    }
    const whole = concat(...chunks);
    return endsWithChecksum(packed, whole) ? whole : null;
  } catch {
    return null;
  }
}

/** A zlib stream ends with its contents' Adler-32; not every runtime minds bytes that follow it. */
function endsWithChecksum(packed: Uint8Array, contents: Uint8Array): boolean {
  let a = 1;
  let b = 0;
  for (const byte of contents) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  const end = new DataView(packed.buffer, packed.byteOffset + packed.length - 4);
  return end.getUint32(0) === b * 65536 + a;
}
