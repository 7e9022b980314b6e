// The till's own endpoints and what they answer. What does not fit is the server's defect, not data.
import * as v from 'valibot';
import { answerOf, api } from '../../api/client';
import { ApiProblem, asProblem } from '../../api/problem';
import type { FoundCard, ReadAs, RedemptionChallenge, RedemptionLimit, TillState } from '../../api/types';

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

const ChallengeShape = v.object({ digits: v.string(), validSeconds: v.number() });

type Limit = ReadAs<typeof LimitShape, RedemptionLimit>;

export type DrawnDigits = ReadAs<typeof ChallengeShape, RedemptionChallenge>;

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
  return read(TillShape, answerOf(api.POST('/api/till/pairing', { body: { code, clientId } })));
}

export function findByNumber(number: string, signal: AbortSignal): Promise<Found> {
  return read(FoundShape, answerOf(api.POST('/api/till/lookup', { body: { number }, signal })));
}

/** Digits by which the member agrees to pay a part of this purchase; the server draws them now. */
export function askDigits(purchase: { opNo: number; amountKopecks: number }): Promise<DrawnDigits> {
  return read(ChallengeShape, answerOf(api.POST('/api/till/redemption-challenge', { body: purchase })));
}

/** The most that this purchase may take from the member's balance now. */
export async function redemptionLimit(showing: {
  token: string;
  opNo: number;
  amountKopecks: number;
}): Promise<number> {
  const limit: Limit = await read(LimitShape, answerOf(api.POST('/api/till/redemption-limit', { body: showing })));
  return limit.maxKopecks;
}

async function read<Shape extends v.GenericSchema>(
  shape: Shape,
  asked: Promise<unknown>,
): Promise<v.InferOutput<Shape>> {
  const parsed = v.safeParse(shape, await asked);
  if (parsed.success) return parsed.output;
  throw new ApiProblem({ code: 'internal', status: 200, cause: parsed.issues });
}

/** A till that the server no longer knows has been left already. */
export async function unpairTill(): Promise<void> {
  await answerOf(api.DELETE('/api/till')).catch((cause: unknown) => {
    if (asProblem(cause).status !== 401) throw cause;
  });
}
