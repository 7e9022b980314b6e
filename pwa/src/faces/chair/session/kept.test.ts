import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import * as v from 'valibot';
import { keep, kept } from './kept';

const rows = new Map<string, string>();

beforeEach(() => {
  rows.clear();
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => rows.get(key) ?? null,
    setItem: (key: string, value: string) => rows.set(key, value),
  });
});

afterEach(() => void vi.unstubAllGlobals());

test('what an older app kept in another shape, or what is broken, was not kept', () => {
  const shape = v.looseObject({ withoutPhoneCard: v.number() });
  keep('figures', { withoutPhoneCard: 3, members: 12 });
  expect(kept('figures', shape)).toEqual({ withoutPhoneCard: 3, members: 12 });
  keep('figures', { members: 12 });
  expect(kept('figures', shape)).toBeUndefined();
  rows.set('chair-kept:figures', '{');
  expect(kept('figures', shape)).toBeUndefined();
});
