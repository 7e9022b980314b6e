import { expect, test, vi } from 'vitest';
import type { HeldLists } from './lists';

vi.mock('../../core/card/verify', () => ({
  verify: async () => ({ accepted: true, code: 'accepted' }),
  floorSecondsOf: () => 1,
}));
vi.mock('./time', () => ({
  seen: () => Promise.reject(new DOMException('full', 'QuotaExceededError')),
  tillLagSeconds: () => 0,
  tillNowSeconds: () => 0,
}));

test('a store that has no room left refuses nobody’s card', async () => {
  vi.spyOn(console, 'warn').mockReturnValue();
  const { judge } = await import('./judge');
  const lists = { trust: 'trust-list-expired', statusLists: { held: new Map() }, empty: false } as unknown as HeldLists;
  expect((await judge('PC1:', lists)).verdict.accepted).toBe(true);
});
