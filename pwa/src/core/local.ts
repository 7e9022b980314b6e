/** Small choices kept on the device. A browser may forbid the storage, or have no room: then a choice lasts for the visit. */

const visit = new Map<string, string>();

export function readChoice(key: string): string | null {
  try {
    return localStorage.getItem(key) ?? visit.get(key) ?? null;
  } catch {
    return visit.get(key) ?? null;
  }
}

export function keepChoice(key: string, value: string): void {
  visit.set(key, value);
  try {
    localStorage.setItem(key, value);
  } catch {
    // It lasts for the visit.
  }
}
