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

/** Every kind of entity, with what no screen can do without; the rest of its data are as the server's description says. */
const ENTITIES = {
  profile: v.object({
    memberId: v.string(),
    consents: v.array(v.unknown()) as v.GenericSchema<Server.MemberProfile['consents']>,
  }),
  balance: v.object({ availableKopecks: v.number(), pendingKopecks: v.number() }),
  purchase: v.object({ id: v.string() }),
  notice: v.object({ id: v.string() }),
  till: v.object({ terminalId: v.string() }),
} satisfies { [E in Server.Entity]: v.GenericSchema<Partial<Server.EntityData[E]>> };

/** The names of all kinds that the app knows: one that knows others has read other rows up to its cursor. */
export const KNOWN_ENTITIES = Object.keys(ENTITIES).join();

const PullAnswer = v.object({
  upserts: v.array(v.object({ ...Key, data: v.unknown() })),
  tombstones: v.array(v.object(Key)),
  cursor: v.string(),
  more: v.boolean(),
  pending: v.boolean(),
});

export type PushAnswer = Server.ReadAs<typeof PushAnswer, Server.PushAnswer>;
type SentPullAnswer = Server.ReadAs<typeof PullAnswer, Server.PullAnswer>;
export type PullAnswer = Omit<SentPullAnswer, 'upserts' | 'tombstones'> &
  Pick<Server.PullAnswer, 'upserts' | 'tombstones'>;
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

/**
 * Sends a pull. Entities that only a newer server knows are passed over; for deleted ones the app needs no knowledge of
 * the kind.
 */
export async function sendPull(face: SyncFace, cursor: string | undefined): Promise<PullAnswer> {
  const query = new URLSearchParams({ face, schema: String(SYNC_SCHEMA) });
  if (cursor !== undefined) query.set('cursor', cursor);
  const response = await reach(`/api/sync/pull?${query}`);
  const answer = await read(PullAnswer, response);
  const upserts = answer.upserts.filter(({ entity }) => entity in ENTITIES) as Server.Upsert[];
  for (const { entity, data } of upserts) fit(ENTITIES[entity], data, response);
  return { ...answer, upserts } as PullAnswer;
}

export async function askServerMillis(): Promise<number> {
  return (await read(ServerTime, await reach('/api/time'))).unixMillis;
}

async function read<Schema extends v.GenericSchema>(
  schema: Schema,
  response: Response,
): Promise<v.InferOutput<Schema>> {
  if (!response.ok) throw problemFrom(response.status, await response.json().catch(() => undefined));
  return fit(schema, await response.json().catch(unread), response);
}

function fit<Schema extends v.GenericSchema>(
  schema: Schema,
  body: unknown,
  { status }: Response,
): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, body);
  if (parsed.success) return parsed.output;
  throw new ApiProblem({ code: 'unavailable', status, cause: parsed.issues });
}
