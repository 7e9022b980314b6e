// One scanned text → the verdict of this till, with what its words need to know of the till itself.
import { floorSecondsOf, verify, type Verdict } from '../../core/card/verify';
import { clockTrust, type ClockTrust } from '../../core/clock';
import { inStore } from '../../db/open';
import type { HeldLists } from './lists';
import { seen, tillLagSeconds, tillNowSeconds } from './time';

export interface Judgement {
  text: string;
  verdict: Verdict;
  /** Seconds by which the till's own clock is surely behind. */
  tillLagSeconds: number;
  /** The trust in the time that the till knew. */
  clock: ClockTrust;
  /** Whether no list was ever downloaded here. */
  noLists: boolean;
  trustExpSeconds: number | null;
  /** The digits that a redemption was asked for with; null where the card was only shown. */
  challenge: string | null;
}

/** With the till's digits the card is shown for a redemption, otherwise for a purchase. */
export async function judge(text: string, lists: HeldLists, challenge: string | null = null): Promise<Judgement> {
  const lagSeconds = tillLagSeconds();
  const clock = clockTrust();
  const { trust, statusLists } = lists;
  const verdict = await verify(text, {
    nowSeconds: tillNowSeconds(),
    trust,
    statusLists,
    ...(challenge === null ? { wants: 'accrual' } : { wants: { redeemKopecks: null }, challenge }),
    acceptedBefore: wasAccepted,
  });
  const floorSeconds = floorSecondsOf(verdict);
  // For this visit it is noted anyhow: a store that is full or asleep refuses nobody's card.
  if (floorSeconds !== null) await seen(floorSeconds).catch((cause: unknown) => console.warn('seen', cause));
  return {
    text,
    verdict,
    challenge,
    tillLagSeconds: lagSeconds,
    clock,
    noLists: lists.empty,
    trustExpSeconds: typeof trust === 'string' ? null : trust.expSeconds,
  };
}

async function wasAccepted(proofId: string): Promise<boolean> {
  return (await inStore((db) => db.count('proofs', proofId))) > 0;
}

/** The cashier has served this showing: the same code is not taken again, also after a reload. */
export async function spendProof(proofId: string): Promise<void> {
  await inStore((db) => db.put('proofs', { id: proofId, atSeconds: tillNowSeconds() }));
}

const PROOF_KEPT_SECONDS = 24 * 3600;

/** A proof is refused as stale after a minute; a day is far beyond any clock's trouble. */
export function forgetOldProofs(): Promise<void> {
  const old = IDBKeyRange.upperBound(tillNowSeconds() - PROOF_KEPT_SECONDS);
  return inStore(async (db) => {
    const tx = db.transaction('proofs', 'readwrite');
    for await (const cursor of tx.store.index('at').iterate(old)) await cursor.delete();
    await tx.done;
  });
}
