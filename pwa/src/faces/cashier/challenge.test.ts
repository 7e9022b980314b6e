import { expect, test } from 'vitest';
import type { Verdict } from '../../core/card/verify';
import { challengeLeftSeconds, codeLeftSeconds } from './challenge';
import type { Judgement } from './judge';

test('digits last until their end, and none are over', () => {
  const challenge = { opNo: 1, digits: '4821', endsAtMillis: 180_000 };
  expect([0, 1, 179_999, 180_000, 999_999].map((now) => challengeLeftSeconds(challenge, now))).toEqual([
    180, 180, 1, 0, 0,
  ]);
  expect(challengeLeftSeconds(null, 0)).toBe(0);
});

test('a code is good for its minute less what sending takes', () => {
  const shownAt = (proofIatSeconds: number | null) => ({ verdict: { proofIatSeconds } as Verdict }) as Judgement;
  expect([100, 110, 154, 155, 900].map((now) => codeLeftSeconds(shownAt(100), 60, now))).toEqual([55, 45, 1, 0, 0]);
  // A phone whose clock is ahead; a paper card, which shows no moment.
  expect(codeLeftSeconds(shownAt(130), 60, 100)).toBe(85);
  expect(codeLeftSeconds(shownAt(null), 60, 100)).toBe(55);
});
