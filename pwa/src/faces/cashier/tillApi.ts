// The till's own endpoints and what they answer. What does not fit is the server's defect, not data.
import * as v from 'valibot';
import { reach } from '../../api/client';
import { ApiProblem, problemFrom } from '../../api/problem';

const OfferShape = v.object({
  version: v.number(),
  title: v.string(),
  percentBp: v.number(),
  minAmountKopecks: v.number(),
  capPerPurchaseKopecks: v.nullish(v.number()),
  validFrom: v.nullish(v.string()),
  validTo: v.nullish(v.string()),
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
  pairedAt: v.nullish(v.number()),
});

export type Offer = v.InferOutput<typeof OfferShape>;
export type Till = v.InferOutput<typeof TillShape>;

export function readTill(body: unknown): Till | null {
  const parsed = v.safeParse(TillShape, body);
  return parsed.success ? parsed.output : null;
}

/** By its own id a browser that was a till of this outlet before becomes that till again, with its numbers. */
export async function pairTill(code: string, clientId: string): Promise<Till> {
  const response = await reach('/api/till/pairing', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ code, clientId }),
  });
  const body: unknown = await response.json().catch(() => undefined);
  if (!response.ok) throw problemFrom(response.status, body);
  const till = readTill(body);
  if (!till) throw new ApiProblem({ code: 'internal', status: response.status });
  return till;
}

export async function unpairTill(): Promise<void> {
  const response = await reach('/api/till', { method: 'DELETE' });
  if (!response.ok && response.status !== 401) {
    throw problemFrom(response.status, await response.json().catch(() => undefined));
  }
}
