/** Why the server let go of this phone, kept so that a start without a network shows no card that is none. */
import { nowSeconds } from '../../core/clock';
import { readMeta, writeMeta } from '../../db/open';
import type { SyncStatus } from '../../sync/engine';

const CODES = ['phone-replaced', 'phone-lost', 'cards-revoked', 'membership-ended'] as const;

export interface PhoneEnd {
  code: (typeof CODES)[number];
  /** When this phone heard of it; when it happened is not told to a phone that is none of ours any more. */
  heardAtSeconds: number;
}

export const PHONE_END_KEY = 'phone-end';

export function readPhoneEnd(): Promise<PhoneEnd | undefined> {
  return readMeta<PhoneEnd>(PHONE_END_KEY);
}

/** What the last answer of the server says of this phone. A session that ended for another reason leaves the card. */
export async function notePhoneEnd({ session, problem }: SyncStatus): Promise<PhoneEnd | undefined> {
  const code = CODES.find((known) => session === 'ended' && known === problem);
  if (!code) return undefined;
  const kept = await readPhoneEnd();
  if (kept?.code === code) return kept;
  const end: PhoneEnd = { code, heardAtSeconds: nowSeconds() };
  await writeMeta(PHONE_END_KEY, end);
  return end;
}
