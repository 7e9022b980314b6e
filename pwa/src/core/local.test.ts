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

test('a browser that forbids even to name its storage keeps nothing, and no screen fails of it', async () => {
  Object.defineProperty(globalThis, 'localStorage', { get: forbidden, configurable: true });
  try {
    const { localStore } = await import('./local');
    const { freshDraft, hasDrafts, keepDraft, readDraft } = await import('../faces/chair/form/draft');
    const draft = freshDraft('2026-11-22');
    draft.fields.lastName = 'Соловьёва';
    expect(keepDraft(localStore(), 'anna', 7, draft)).toBe(false);
    expect(readDraft(localStore(), 'anna', 7, '2026-11-22')).toBeUndefined();
    expect(hasDrafts(localStore(), 'anna')).toBe(false);
  } finally {
    Reflect.deleteProperty(globalThis, 'localStorage');
  }
});
