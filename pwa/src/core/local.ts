/** Small choices kept on the device. A browser may forbid the storage, or have no room: then a choice lasts for the visit. */

/** Of a browser that forbids even to name it: nothing is in it, and nothing can be put there. */
const NOWHERE: Storage = {
  length: 0,
  key: () => null,
  getItem: () => null,
  setItem: () => {
    throw new DOMException('no storage here', 'SecurityError');
  },
  removeItem: () => undefined,
  clear: () => undefined,
};

/** `localStorage` for what may be told as not kept; its very name throws where a browser blocks the data of sites. */
export function localStore(): Storage {
  try {
    return globalThis.localStorage ?? NOWHERE;
  } catch {
    return NOWHERE;
  }
}

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
