/** What this device keeps for the chair beside the drafts. Where storage is refused, nothing is kept. */

import * as v from 'valibot';

const PREFIX = 'chair-kept:';

export function keep(name: string, value: unknown): void {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // A full or forbidden storage costs a convenience, never the work.
  }
}

/** What was kept, unless an older app kept it in another shape. */
export function kept<T>(name: string, shape: v.GenericSchema<unknown, T>): T | undefined {
  try {
    const read = v.safeParse(shape, JSON.parse(localStorage.getItem(PREFIX + name) ?? 'null'));
    return read.success ? read.output : undefined;
  } catch {
    return undefined;
  }
}

export function forgetKept(): void {
  try {
    const names = Array.from({ length: localStorage.length }, (_, index) => localStorage.key(index));
    for (const name of names) if (name?.startsWith(PREFIX)) localStorage.removeItem(name);
  } catch {
    // Nothing was kept.
  }
}
