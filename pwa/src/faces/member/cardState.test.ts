import { expect, test } from 'vitest';
import type { MembershipStatus } from '../../api/types';
import { cardStateOf, isCardDue, replacesHeldCard, type CardState } from './cardState';

const NOW_SECONDS = 1_795_340_000;
const card = { cardHex: '', issuedAt: 0, expiresAt: 0, serverTime: 0 };

test.each<[MembershipStatus, boolean, number, CardState]>([
  ['active', true, 1, 'active'],
  ['active', true, 0, 'expired'],
  ['active', true, -86_400, 'expired'],
  ['active', false, 1, 'revoked'],
  ['suspended', true, -86_400, 'suspended'],
  ['left', false, -86_400, 'revoked'],
])('a %s membership, card %s, with %d seconds left: %s', (status, hasCard, secondsLeft, state) => {
  const profile = { status, card: hasCard ? card : null };
  expect(cardStateOf(profile, NOW_SECONDS + secondsLeft, NOW_SECONDS)).toBe(state);
});

test('a card is due after a month, and at once where it is from the future', () => {
  const isDue = (ageSeconds: number) => isCardDue(NOW_SECONDS - ageSeconds, NOW_SECONDS);
  expect([30 * 86_400 - 1, 30 * 86_400, -60, -61].map(isDue)).toEqual([false, true, false, true]);
});

test('an older card replaces a newer one only where that is from the future', () => {
  const takes = (issued: number, held: number) =>
    replacesHeldCard(NOW_SECONDS + issued, NOW_SECONDS + held, NOW_SECONDS);
  expect([takes(-10, -20), takes(-20, -20), takes(-30, -20)]).toEqual([true, true, false]);
  expect(takes(-30, 16 * 86_400)).toBe(true);
});
