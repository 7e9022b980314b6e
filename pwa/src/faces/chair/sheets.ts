/**
 * The keys under which activation sheets were asked for in this tab. The same key brings the same
 * sheet again, after a lost answer or a reload; a new key makes a new code and ends the old one.
 */
const PREFIX = 'chair-sheet:';

const inMemory = new Map<string, string>();

export function newSheetKey(memberId: string): string {
  const key = crypto.randomUUID();
  inMemory.set(memberId, key);
  try {
    sessionStorage.setItem(PREFIX + memberId, key);
  } catch {
    // Without storage a reload asks for a new sheet.
  }
  return key;
}

export function sheetKey(memberId: string): string | undefined {
  try {
    return inMemory.get(memberId) ?? sessionStorage.getItem(PREFIX + memberId) ?? undefined;
  } catch {
    return inMemory.get(memberId);
  }
}

export function forgetSheet(memberId: string): void {
  inMemory.delete(memberId);
  try {
    sessionStorage.removeItem(PREFIX + memberId);
  } catch {
    // Nothing was kept.
  }
}

export function forgetSheets(): void {
  inMemory.clear();
  try {
    const names = Array.from({ length: sessionStorage.length }, (_, at) => sessionStorage.key(at));
    for (const name of names) if (name?.startsWith(PREFIX)) sessionStorage.removeItem(name);
  } catch {
    // Nothing was kept.
  }
}
