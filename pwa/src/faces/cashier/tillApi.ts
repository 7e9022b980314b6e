// The till's own endpoints and what they answer. What does not fit is the server's defect, not data.
import * as v from 'valibot';
import { reach } from '../../api/client';
import { ApiProblem, problemFrom } from '../../api/problem';
import type { FoundCard, ReadAs, RedemptionLimit, TillState } from '../../api/types';

const OfferShape = v.object({
  version: v.number(),
  title: v.string(),
  percentBp: v.number(),
  minAmountKopecks: v.number(),
  capPerPurchaseKopecks: v.nullish(v.number()),
});

const TillShape = v.object({
  terminalId: v.string(),
  terminalNumber: v.number(),
  outletId: v.string(),
  partnerName: v.string(),
  outletName: v.string(),
  outletAddress: v.nullish(v.string()),
  offer: v.nullish(OfferShape, null),
  lastOpNo: v.number(),
  /** 32 bytes, base64url: what the digits of a redemption follow from. */
  challengeKey: v.nullish(v.string(), null),
  /** How much of a purchase the partner lets bonuses pay; null where it takes none. */
  redemption: v.nullish(v.object({ maxShareBp: v.number() }), null),
  pairedAt: v.nullish(v.number()),
});

const FoundShape = v.object({
  lookupId: v.string(),
  shown: v.object({ name: v.string(), region: v.number(), category: v.number() }),
  expiresAt: v.number(),
});

const LimitShape = v.object({ maxKopecks: v.number() });

type Limit = ReadAs<typeof LimitShape, RedemptionLimit>;

/** A member found by the typed number: good for one purchase within ten minutes. */
export type Found = ReadAs<typeof FoundShape, FoundCard>;
export type Till = ReadAs<typeof TillShape, TillState>;
export type Offer = NonNullable<Till['offer']>;

export function readTill(body: unknown): Till | null {
  const parsed = v.safeParse(TillShape, body);
  return parsed.success ? parsed.output : null;
}

/** By its own id a browser that was a till of this outlet before becomes that till again, with its numbers. */
export function pairTill(code: string, clientId: string): Promise<Till> {
  return post('/api/till/pairing', { code, clientId }, TillShape);
}

export function findByNumber(number: string, signal: AbortSignal): Promise<Found> {
  return post('/api/till/lookup', { number }, FoundShape, signal);
}

/** The most that this purchase may take from the member's balance now. */
export async function redemptionLimit(showing: { token: string; opNo: number; amountKopecks: number }): Promise<number> {
  const limit: Limit = await post('/api/till/redemption-limit', showing, LimitShape);
  return limit.maxKopecks;
}

async function post<Shape extends v.GenericSchema>(
  path: string, body: object, shape: Shape, signal: AbortSignal | null = null,
): Promise<v.InferOutput<Shape>> {
  const response = await reach(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  });
  const answer: unknown = await response.json().catch(() => undefined);
  if (!response.ok) throw problemFrom(response.status, answer);
  const parsed = v.safeParse(shape, answer);
  if (parsed.success) return parsed.output;
  throw new ApiProblem({ code: 'internal', status: response.status, cause: parsed.issues });
}

export async function unpairTill(): Promise<void> {
  const response = await reach('/api/till', { method: 'DELETE' });
  if (!response.ok && response.status !== 401) {
    throw problemFrom(response.status, await response.json().catch(() => undefined));
  }
}
