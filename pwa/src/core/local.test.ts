import { afterEach, beforeEach, expect, test, vi } from 'vitest';

beforeEach(() => void vi.resetModules());
afterEach(() => void vi.unstubAllGlobals());

const forbidden = () => {
  throw new DOMException('not here', 'SecurityError');
};

test.each<[string, object]>([
  ['is forbidden', { getItem: forbidden, setItem: forbidden }],
  ['has no room', { getItem: () => null, setItem: forbidden }],
])('where the storage %s, a choice lasts for the visit', async (_, storage) => {
  vi.stubGlobal('localStorage', storage);
  const { keepChoice, readChoice } = await import('./local');
  expect(readChoice('camera')).toBeNull();
  keepChoice('camera', 'back');
  expect(readChoice('camera')).toBe('back');
});

test('where there is no storage at all, too', async () => {
  vi.stubGlobal('localStorage', undefined);
  const { keepChoice, readChoice } = await import('./local');
  keepChoice('camera', 'back');
  expect(readChoice('camera')).toBe('back');
});
