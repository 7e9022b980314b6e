// Strict reading: deterministic CBOR (RFC 8949 §4.2.1) and COSE_Sign1 (RFC 9052), one byte string per meaning.
// Whatever is not exactly in that form reads as null. No keys and no claims' meanings here.
import { decode, encode, rfc8949EncodeOptions, Tagged } from 'cborg';
import { equal, type Bytes } from './bytes';
import { COSE_SIGN1_TAG, SIGNATURE_BYTES } from './constants';
import { sigStructure } from './present';

export type CborMap = Map<unknown, unknown>;

/** A COSE_Sign1 taken apart; `signed` is its Sig_structure. */
export interface Sign1 {
  header: CborMap;
  claims: CborMap;
  signature: Bytes;
  signed: Bytes;
}

const DECODE_OPTIONS = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  allowBigInt: false,
  useMaps: true,
  rejectDuplicateMapKeys: true,
  tags: Tagged.preserve(COSE_SIGN1_TAG),
};

export function readCbor(bytes: Uint8Array): unknown {
  try {
    const value: unknown = decode(bytes, DECODE_OPTIONS);
    return equal(encodeCbor(value), bytes) ? value : null;
  } catch {
    return null;
  }
}

export function encodeCbor(value: unknown): Bytes {
  return new Uint8Array(encode(value, rfc8949EncodeOptions));
}

export function readSign1(bytes: Uint8Array): Sign1 | null {
  return sign1Of(readCbor(bytes));
}

/** The same, of a value that was read as a part of something else: the card within its presentation's header. */
export function sign1Of(value: unknown): Sign1 | null {
  if (!(value instanceof Tagged) || value.tag !== COSE_SIGN1_TAG) return null;
  if (!isArray(value.value) || value.value.length !== 4) return null;
  const [headerBytes, unprotected, payload, signature] = value.value;
  if (!isBytes(headerBytes) || !isBytes(payload) || !isBytes(signature)) return null;
  if (!isMap(unprotected) || unprotected.size !== 0 || signature.length !== SIGNATURE_BYTES) return null;
  const header = readCbor(headerBytes);
  const claims = readCbor(payload);
  if (!isMap(header) || !isMap(claims)) return null;
  return { header, claims, signature, signed: sigStructure(headerBytes, payload) };
}

export const isMap = (value: unknown): value is CborMap => value instanceof Map;
export const isArray = (value: unknown): value is unknown[] => Array.isArray(value);
export const isBytes = (value: unknown): value is Bytes => value instanceof Uint8Array;
export const isText = (value: unknown): value is string => typeof value === 'string';
export const isUint = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Whether the map holds all of the required labels and otherwise only optional ones. */
export function hasOnly(map: CborMap, required: unknown[], optional: unknown[] = []): boolean {
  return (
    required.every((label) => map.has(label)) &&
    [...map.keys()].every((label) => required.includes(label) || optional.includes(label))
  );
}
