/** The bodies of `/api/sync/*` and their reading: what does not fit is the server's defect, not data. */
import * as v from 'valibot';
import { reach, unread } from '../api/client';
import { ApiProblem, problemFrom } from '../api/problem';
import type { ProblemCode } from '../api/codes';
import type * as Server from '../api/types';
import type { OutboxRow, SyncFace } from '../db/schema';

const SYNC_SCHEMA = 1;
export const PUSH_AT_MOST = 100;

const ServerTime = v.object({ unixMillis: v.number() });

const Answer = v.object({
  id: v.string(),
  status: v.picklist(['applied', 'duplicate', 'rejected', 'retry']),
  result: v.optional(v.unknown()),
  code: v.nullish(v.string() as v.GenericSchema<string, ProblemCode>),
  /** Figures for the words of a refusal, by its code; one that this app does not know spoils nothing. */
  detail: v.optional(v.unknown()),
});

const PushAnswer = v.object({
  answers: v.array(Answer),
  serverTime: v.number(),
  /** The newest number of a till's operations that the server knows; older servers do not say. */
  lastOpNo: v.nullish(v.number()),
});

const Key = { entity: v.string(), id: v.string() };

const PullAnswer = v.object({
  upserts: v.array(v.object({ ...Key, data: v.unknown() })),
  tombstones: v.array(v.object(Key)),
  cursor: v.string(),
  more: v.boolean(),
  pending: v.boolean(),
});

export type PushAnswer = Server.ReadAs<typeof PushAnswer, Server.PushAnswer>;
export type PullAnswer = Server.ReadAs<typeof PullAnswer, Server.PullAnswer>;
export type MutationAnswer = PushAnswer['answers'][number];

export async function sendPush(face: SyncFace, rows: readonly OutboxRow[], clientTime: number): Promise<PushAnswer> {
  const mutations = rows.map(({ id, seq, name, args, atSeconds }) => ({
    id,
    seq,
    name,
    args,
    at: atSeconds,
  }));
  const response = await reach('/api/sync/push', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ face, schema: SYNC_SCHEMA, clientTime, mutations }),
  });
  return read(PushAnswer, response);
}

export async function sendPull(face: SyncFace, cursor: string | undefined): Promise<PullAnswer> {
  const query = new URLSearchParams({ face, schema: String(SYNC_SCHEMA) });
  if (cursor !== undefined) query.set('cursor', cursor);
  return read(PullAnswer, await reach(`/api/sync/pull?${query}`));
}

export async function askServerMillis(): Promise<number> {
  return (await read(ServerTime, await reach('/api/time'))).unixMillis;
}

async function read<Schema extends v.GenericSchema>(
  schema: Schema,
  response: Response,
): Promise<v.InferOutput<Schema>> {
  if (!response.ok) throw problemFrom(response.status, await response.json().catch(() => undefined));
  const body: unknown = await response.json().catch(unread);
  const parsed = v.safeParse(schema, body);
  if (parsed.success) return parsed.output;
  throw new ApiProblem({ code: 'unavailable', status: response.status, cause: parsed.issues });
}
