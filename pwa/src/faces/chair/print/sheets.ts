/**
 * What this tab remembers of printed sheets. A sheet is asked for under a key: the same one brings the same sheet again, after a lost
 * answer or a reload; a new one makes a new code and ends the old one. And whose paper card has given way to one that is not printed yet.
 */
const KEY = 'chair-sheet:';
const UNPRINTED = 'chair-unprinted:';

const inMemory = new Map<string, string>();

export function newSheetKey(memberId: string): string {
  const key = crypto.randomUUID();
  keep(KEY + memberId, key);
  forget(UNPRINTED + memberId);
  return key;
}

export function sheetKey(memberId: string): string | undefined {
  return kept(KEY + memberId);
}

export function forgetSheet(memberId: string): void {
  forget(KEY + memberId);
}

/** The card on the paper that the person has is refused from now on. */
export function notePaperReplaced(memberId: string): void {
  keep(UNPRINTED + memberId, 'true');
}

export function isPaperUnprinted(memberId: string): boolean {
  return kept(UNPRINTED + memberId) !== undefined;
}

export function forgetSheets(): void {
  inMemory.clear();
  try {
    const names = Array.from({ length: sessionStorage.length }, (_, at) => sessionStorage.key(at));
    for (const name of names) if (name?.startsWith(KEY) || name?.startsWith(UNPRINTED)) sessionStorage.removeItem(name);
  } catch {
    // Nothing was kept.
  }
}

function keep(name: string, value: string): void {
  inMemory.set(name, value);
  try {
    sessionStorage.setItem(name, value);
  } catch {
    // Without storage a reload forgets it.
  }
}

function kept(name: string): string | undefined {
  try {
    return inMemory.get(name) ?? sessionStorage.getItem(name) ?? undefined;
  } catch {
    return inMemory.get(name);
  }
}

function forget(name: string): void {
  inMemory.delete(name);
  try {
    sessionStorage.removeItem(name);
  } catch {
    // Nothing was kept.
  }
}
