/** What the member's screens show: read from the phone's database, and again whenever it changes. */
import { answerOf, api } from '../../api/client';
import type { Balance, MemberProfile } from '../../api/types';
import { fromHex } from '../../core/card/bytes';
import { nowSeconds, restoreClock } from '../../core/clock';
import type { RuleLine } from '../../core/explain';
import { readCard, saveCard } from '../../db/cards';
import { readEntities, readEntity, saveEntity } from '../../db/entities';
import { database } from '../../db/open';
import type { DeviceKey, HeldCard } from '../../db/schema';
import { syncOf } from '../../sync/engine';
import { forgetPulled } from '../../sync/pull';

export type Profile = Omit<MemberProfile, 'balance' | 'serverTime'>;

export interface Purchase {
  id: string;
  partnerName: string;
  outletName: string;
  amountKopecks: number;
  accrualKopecks: number;
  state: 'pending' | 'available' | 'cancelled';
  eventAt: number;
  bookedAt: number;
  confirmOn: string;
  explanation: RuleLine[];
  receipt: string;
}

interface Held {
  card: HeldCard;
  key: DeviceKey;
}

const REISSUE_AFTER_SECONDS = 30 * 86_400;
export const PROGRAMME = 'profcards';

let loaded = $state(false);
let held = $state.raw<Held | undefined>();
let profile = $state.raw<Profile | undefined>();
let balance = $state.raw<Balance | undefined>();
let purchases = $state.raw<Purchase[]>([]);

export const member = {
  get loaded() {
    return loaded;
  },
  get held() {
    return held;
  },
  get profile() {
    return profile;
  },
  get balance() {
    return balance;
  },
  get purchases() {
    return purchases;
  },
  get inProgramme() {
    return profile?.consents.some(({ kind }) => kind === PROGRAMME) ?? false;
  },
};

const sync = syncOf('member');

export async function loadMember(): Promise<void> {
  const [card, ownProfile, ownBalance, ownPurchases] = await Promise.all([
    readCard(),
    readEntity<Profile>('member', 'profile', 'me'),
    readEntity<Balance>('member', 'balance', 'me'),
    readEntities<Purchase>('member', 'purchase'),
  ]);
  held = card;
  profile = ownProfile;
  balance = ownBalance;
  purchases = ownPurchases.sort((a, b) => b.eventAt - a.eventAt);
  loaded = true;
}

/** Loads, and loads again whenever the database changes; returns how to stop. */
export function startMember(): () => void {
  void restoreClock().then(loadMember);
  return sync.onChange(() => void afterSync());
}

async function afterSync(): Promise<void> {
  await loadMember();
  if (!held) return;
  if (await takeNewerCard(profile?.card)) await loadMember();
  await renewCard().catch((cause: unknown) => console.warn('card not renewed', cause));
}

/** The server re-issues the card of this phone's key; an older one never replaces a newer one. */
async function takeNewerCard(issued: Profile['card'] | undefined): Promise<boolean> {
  if (!issued || !held || issued.issuedAt <= held.card.issuedAtSeconds) return false;
  await saveCard({
    id: 'me',
    bytes: fromHex(issued.cardHex),
    issuedAtSeconds: issued.issuedAt,
    expiresAtSeconds: issued.expiresAt,
  });
  return true;
}

let renewing: Promise<void> | undefined;

function renewCard(): Promise<void> {
  if (!held || nowSeconds() - held.card.issuedAtSeconds < REISSUE_AFTER_SECONDS) {
    return Promise.resolve();
  }
  renewing ??= fetchNewCard().finally(() => (renewing = undefined));
  return renewing;
}

async function fetchNewCard(): Promise<void> {
  const issued = await answerOf(api.POST('/api/member/card', { body: {} }));
  if (await takeNewerCard(issued)) await loadMember();
}

export async function changeConsent(
  kind: string,
  given: boolean,
  textVersion: string,
): Promise<void> {
  const answer = await answerOf(
    api.POST('/api/member/consents', { body: { kind, given, textVersion } }),
  );
  await saveEntity('member', 'profile', 'me', answer);
  await saveEntity('member', 'balance', 'me', answer.balance);
  await loadMember();
  void sync.now();
}

/** Ends the session and removes card and key from this phone. What was never sent stays. */
export async function signOutOfPhone(): Promise<void> {
  const alreadyEnded = sync.get().session === 'ended';
  if (!alreadyEnded) await answerOf(api.DELETE('/api/member/session'));
  const tx = (await database()).transaction(['keys', 'cards'], 'readwrite');
  await Promise.all([
    tx.objectStore('keys').clear(),
    tx.objectStore('cards').clear(),
    tx.done,
  ]);
  await forgetPulled('member');
  await sync.sessionChanged();
  await loadMember();
}
