import { expect, test } from 'vitest';
import { cardStateOf, type CardState } from './cardState';

const NOW_SECONDS = 1_795_340_000;
const card = { cardHex: '', issuedAt: 0, expiresAt: 0, serverTime: 0 };

test.each<[string, boolean, number, CardState]>([
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
