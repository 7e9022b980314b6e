import { describe, expect, test } from 'vitest';
import { dropDraft, dropDrafts, freshDraft, hasDrafts, keepChanges, keepDraft, readChanges, readDraft } from './draft';

const TODAY = '2026-11-22';

/** Storage as browsers have it, in a map. */
function storage(): Storage {
  const rows = new Map<string, string>();
  return {
    get length() {
      return rows.size;
    },
    key: (index) => [...rows.keys()][index] ?? null,
    getItem: (key) => rows.get(key) ?? null,
    setItem: (key, value) => void rows.set(key, value),
    removeItem: (key) => void rows.delete(key),
    clear: () => rows.clear(),
  };
}

function started() {
  const draft = freshDraft(TODAY);
  draft.fields.lastName = 'Соловьёва';
  return draft;
}

describe('a draft', () => {
  test('comes back as it was typed, with the key of its one effect', () => {
    const kept = storage();
    const draft = started();
    keepDraft(kept, 'anna', 7, draft);
    draft.fields.firstName = 'Мария';
    keepDraft(kept, 'anna', 7, draft);
    expect(readDraft(kept, 'anna', 7, TODAY)).toEqual(draft);
  });

  test('belongs to one account and one organisation', () => {
    const kept = storage();
    keepDraft(kept, 'anna', 7, started());
    expect(readDraft(kept, 'anna', 8, TODAY)).toBeUndefined();
    expect(readDraft(kept, 'boris', 7, TODAY)).toBeUndefined();
    expect(hasDrafts(kept, 'anna')).toBe(true);
    expect(hasDrafts(kept, 'boris')).toBe(false);
  });

  test('is gone once dropped, and the next one has another key', () => {
    const kept = storage();
    const first = started();
    keepDraft(kept, 'anna', 7, first);
    dropDraft(kept, 'anna', 7);
    expect(readDraft(kept, 'anna', 7, TODAY)).toBeUndefined();
    expect(freshDraft(TODAY).idempotencyKey).not.toBe(first.idempotencyKey);
  });

  test('signing out drops all of the account, and only of it', () => {
    const kept = storage();
    for (const organisation of [7, 8]) keepDraft(kept, 'anna', organisation, started());
    keepDraft(kept, 'boris', 7, started());
    dropDrafts(kept, 'anna');
    expect(hasDrafts(kept, 'anna')).toBe(false);
    expect(hasDrafts(kept, 'boris')).toBe(true);
  });

  test('an emptied form leaves nothing behind, unless its answer was lost', () => {
    const kept = storage();
    const draft = started();
    keepDraft(kept, 'anna', 7, draft);
    draft.fields.lastName = '';
    keepDraft(kept, 'anna', 7, draft);
    expect(readDraft(kept, 'anna', 7, TODAY)).toBeUndefined();
    keepDraft(kept, 'anna', 7, { ...draft, isAnswerLost: true });
    expect(readDraft(kept, 'anna', 7, TODAY)?.idempotencyKey).toBe(draft.idempotencyKey);
  });

  test('what cannot be read is no draft, and a storage that refuses says so', () => {
    const broken = storage();
    broken.setItem('chair-draft:anna:7', '{');
    expect(readDraft(broken, 'anna', 7, TODAY)).toBeUndefined();
    const refusing = {
      ...broken,
      setItem: () => {
        throw new Error('full');
      },
    };
    expect(keepDraft(refusing, 'anna', 7, started())).toBe(false);
  });

  test('of a known person holds only what was typed over, and is gone when nothing is', () => {
    const kept = storage();
    keepChanges(kept, 'anna', 'member-1', { lastName: 'Перелётова' });
    expect(readChanges(kept, 'anna', 'member-1')).toEqual({ lastName: 'Перелётова' });
    expect(readChanges(kept, 'boris', 'member-1')).toEqual({});
    expect(hasDrafts(kept, 'anna')).toBe(true);
    keepChanges(kept, 'anna', 'member-1', {});
    expect(hasDrafts(kept, 'anna')).toBe(false);
  });
});
