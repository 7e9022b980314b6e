/** What the member's screens show: read from the phone's database, and again whenever it changes. */
import { answerOf, api } from '../../api/client';
import type { Balance, ConsentKind, EntityData, MemberProfile } from '../../api/types';
import { equal, fromHex } from '../../core/card/bytes';
import { noteClockOnLeaving, nowSeconds, restoreClock } from '../../core/clock';
import { within } from '../../core/within';
import { readCard, saveCard } from '../../db/cards';
import { readEntities, readEntity, saveEntity } from '../../db/entities';
import { inStore } from '../../db/open';
import type { DeviceKey, HeldCard } from '../../db/schema';
import { syncOf } from '../../sync/engine';
import { forgetPulled } from '../../sync/pull';
import { cardStateOf, isCardDue, replacesHeldCard } from './cardState';
import { notePhoneEnd, PHONE_END_KEY, readPhoneEnd, type PhoneEnd } from './phoneEnd';

/** What an earlier version of the app has kept lacks the phone. */
export type Profile = Omit<MemberProfile, 'balance' | 'serverTime' | 'phone'> & Partial<Pick<MemberProfile, 'phone'>>;

export type Purchase = EntityData['purchase'];
/** What happened to the card, the phone or the membership; the words for it are in notices.ts. */
export type MemberNotice = EntityData['notice'];

interface Held {
  card: HeldCard;
  key: DeviceKey;
}

/** Also a store that opens may answer nothing: then there are words instead of an empty screen. */
const READ_WITHIN_MILLIS = 8_000;
export const PROGRAMME = 'profcards';

let loaded = $state(false);
let unreadable = $state(false);
let held = $state.raw<Held | undefined>();
let profile = $state.raw<Profile | undefined>();
let balance = $state.raw<Balance | undefined>();
let purchases = $state.raw<Purchase[] | undefined>();
let notices = $state.raw<MemberNotice[] | undefined>();
let end = $state.raw<PhoneEnd | undefined>();

export const member = {
  get loaded() {
    return loaded;
  },
  /** Whether the phone's database cannot be opened. */
  get unreadable() {
    return unreadable && !loaded;
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
  /** The purchases; none before they are read. The card does not wait for them. */
  get purchases() {
    return purchases;
  },
  /** The notices; none before they are read. */
  get notices() {
    return notices;
  },
  /** Why this phone holds a card no more, if the server has said so. */
  get end() {
    return end;
  },
  /** What the card on this phone is good for; none while there is no card or nothing was heard of it. */
  get cardState() {
    return held && profile && cardStateOf(profile, held.card.expiresAtSeconds, nowSeconds());
  },
  /** A code that every till would refuse is not shown with a confident look. */
  get canShowCode() {
    return held !== undefined && end === undefined && (member.cardState ?? 'active') === 'active';
  },
  /** From when on this phone pays from the balance: a phone that a sheet enrolled waits. */
  get redeemsFromSeconds() {
    return profile?.phone?.redeemsFrom ?? 0;
  },
  get inProgramme() {
    return profile?.consents.some(({ kind }) => kind === PROGRAMME) ?? false;
  },
  /** Whether there are bonuses to show: also whoever has left the programme may have some. */
  get hasBonuses() {
    return member.inProgramme || (balance?.availableKopecks ?? 0) + (balance?.pendingKopecks ?? 0) > 0;
  },
};

/** Made when it is first asked for: this file is loaded with the other faces too. */
const sync = () => syncOf('member');

/** What the card's screens need comes first; how much there is of the rest grows with the years. */
export async function loadMember(clock: Promise<void> = Promise.resolve()): Promise<void> {
  const [card, ownProfile, ownBalance, ownEnd] = await Promise.all([
    readCard(),
    readEntity('member', 'profile', 'me'),
    readEntity('member', 'balance', 'me'),
    readPhoneEnd(),
    clock,
  ]);
  held = card;
  profile = ownProfile;
  balance = ownBalance;
  end = ownEnd;
  loaded = true;
  const [ownPurchases, ownNotices] = await Promise.all([
    readEntities('member', 'purchase'),
    readEntities('member', 'notice'),
  ]);
  purchases = ownPurchases.sort((a, b) => b.eventAt - a.eventAt);
  notices = ownNotices.sort((a, b) => b.at - a.at);
}

/** Loads, and loads again whenever the database changes; returns how to stop. */
export function startMember(): () => void {
  within(READ_WITHIN_MILLIS, 'the card', loadMember(restoreClock())).catch((cause: unknown) => {
    console.error(cause);
    unreadable = true;
  });
  const stops = [
    noteClockOnLeaving(),
    sync().onChange(() => void afterSync()),
    sync().subscribe((status) => void notePhoneEnd(status).then((noted) => (end = noted ?? end))),
  ];
  return () => stops.forEach((stop) => stop());
}

async function afterSync(): Promise<void> {
  await loadMember();
  if (!held) return;
  if (await takeNewerCard(profile?.card)) await loadMember();
  await renewCard().catch((cause: unknown) => console.warn('card not renewed', cause));
}

/**
 * The server re-issues the card of this phone's key; an older one does not replace a newer one. A card's
 * time is its hour, so that one issued anew within the hour differs by its bytes alone.
 */
async function takeNewerCard(issued: Profile['card'] | undefined): Promise<boolean> {
  if (!issued || !held) return false;
  if (!replacesHeldCard(issued.issuedAt, held.card.issuedAtSeconds, nowSeconds())) return false;
  const bytes = fromHex(issued.cardHex);
  if (equal(bytes, held.card.bytes)) return false;
  await saveCard({ id: 'me', bytes, issuedAtSeconds: issued.issuedAt, expiresAtSeconds: issued.expiresAt });
  return true;
}

let renewing: Promise<void> | undefined;

function renewCard(): Promise<void> {
  if (!held || !isCardDue(held.card.issuedAtSeconds, nowSeconds())) return Promise.resolve();
  renewing ??= fetchNewCard().finally(() => (renewing = undefined));
  return renewing;
}

async function fetchNewCard(): Promise<void> {
  const issued = await answerOf(api.POST('/api/member/card', { body: {} }));
  if (await takeNewerCard(issued)) await loadMember();
}

export async function changeConsent(kind: ConsentKind, given: boolean, textVersion: string): Promise<void> {
  await adoptProfile(await answerOf(api.POST('/api/member/consents', { body: { kind, given, textVersion } })));
}

/** Whether another phone may take the card within half an hour and pay at once. */
export async function agreeToMove(agreed: boolean): Promise<void> {
  await adoptProfile(
    await answerOf(agreed ? api.POST('/api/member/move', { body: {} }) : api.DELETE('/api/member/move')),
  );
}

async function adoptProfile(answer: MemberProfile): Promise<void> {
  await saveEntity('member', 'profile', 'me', answer);
  await saveEntity('member', 'balance', 'me', answer.balance);
  await loadMember();
  void sync().now();
}

/** Ends the session and removes card and key from this phone. */
export async function signOutOfPhone(): Promise<void> {
  const alreadyEnded = sync().get().session === 'ended';
  if (!alreadyEnded) await answerOf(api.DELETE('/api/member/session'));
  await forgetPhone();
}

/** Removes the card, its key and all that was pulled. What was never sent stays. */
export async function forgetPhone(): Promise<void> {
  await inStore((db) => {
    const tx = db.transaction(['keys', 'cards', 'meta'], 'readwrite');
    return Promise.all([
      tx.objectStore('keys').clear(),
      tx.objectStore('cards').clear(),
      tx.objectStore('meta').delete(PHONE_END_KEY),
      tx.done,
    ]);
  });
  await forgetPulled('member');
  await sync().sessionChanged();
  await loadMember();
}
