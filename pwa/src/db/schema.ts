/**
 * What the phone keeps. One database for all faces; a row belongs to a face by its key.
 *
 * Never here: a private key in readable form (only a non-extractable CryptoKey), a session token
 * (those are HttpOnly cookies), anything that decides instead of the server.
 */
import type { DBSchema } from 'idb';
import type { ProblemCode } from '../api/codes';
import type { Entity, EntityData } from '../api/types';
import type { SignedList } from '../core/card/lists';

export const DATABASE_NAME = 'profcards';
export const DATABASE_VERSION = 1;

/** A face that syncs. */
export type SyncFace = 'member' | 'till';

export type DeviceAlgorithm = 'EdDSA' | 'ES256';

export interface DeviceKey {
  /** `device` is the enrolled key; `candidate` one that is being enrolled. */
  id: 'device' | 'candidate';
  algorithm: DeviceAlgorithm;
  privateKey: CryptoKey;
  /** The COSE_Key as CBOR, exactly as enrolled. */
  publicCoseKey: Uint8Array;
}

export interface HeldCard {
  id: 'me';
  bytes: Uint8Array;
  issuedAtSeconds: number;
  expiresAtSeconds: number;
}

/** A row that the server sent in a pull. */
export interface EntityRow {
  face: SyncFace;
  entity: Entity;
  id: string;
  data: EntityData[Entity];
}

export type MutationState = 'queued' | 'applied' | 'rejected';

/** One thing that was done on this device. It stays until a person or its face removes it. */
export interface OutboxRow {
  id: string;
  face: SyncFace;
  seq: number;
  name: string;
  args: unknown;
  /** The moment it was done, by the device's clock corrected with the server's offset. */
  atSeconds: number;
  state: MutationState;
  /** Whether somebody waited for its answer. */
  atOnce?: true;
  attempts: number;
  result?: unknown;
  code?: ProblemCode;
  /** The figures of a refusal. */
  detail?: unknown;
}

/** A proof that this till has accepted. */
export interface AcceptedProof {
  id: string;
  atSeconds: number;
}

export interface MetaRow {
  key: string;
  value: unknown;
}

export interface ProfCardsDb extends DBSchema {
  keys: { key: DeviceKey['id']; value: DeviceKey };
  cards: { key: HeldCard['id']; value: HeldCard };
  entities: {
    key: [SyncFace, Entity, string];
    value: EntityRow;
    indexes: { kind: [SyncFace, Entity] };
  };
  outbox: {
    key: string;
    value: OutboxRow;
    indexes: { state: [SyncFace, MutationState]; order: [SyncFace, number] };
  };
  lists: { key: string; value: SignedList };
  proofs: { key: string; value: AcceptedProof; indexes: { at: number } };
  meta: { key: string; value: MetaRow };
}
