/** Short messages that pass by themselves; six seconds to undo what was just done. */

const SHOWN_MILLIS = 6000;
const AT_MOST = 3;

interface ToastAction {
  label: string;
  run: () => void;
}

export interface Toast {
  id: number;
  text: string;
  action?: ToastAction;
  stays: boolean;
  /** The path of the screen that it speaks of. */
  path: string;
}

let list = $state<Toast[]>([]);
let lastId = 0;
const timers = new Map<number, ReturnType<typeof setTimeout>>();

export const toasts = {
  get list(): readonly Toast[] {
    return list;
  },
};

/** Answers its id, for whoever takes its offer back. */
export function toast(text: string, options: { action?: ToastAction; stays?: boolean } = {}): number {
  lastId += 1;
  const id = lastId;
  const { action, stays = false } = options;
  const entry: Toast = { id, text, stays, path: location.pathname };
  if (action && !stays) dismissActionsHere(entry.path);
  list = [...list, action ? { ...entry, action } : entry].slice(-AT_MOST);
  if (!stays) resumeToast(id);
  return id;
}

export function dismissToast(id: number): void {
  holdToast(id);
  list = list.filter((entry) => entry.id !== id);
}

/** What a newer act on the same screen has overtaken cannot be taken back by itself. */
function dismissActionsHere(path: string): void {
  for (const entry of list) {
    if (entry.path === path && entry.action && !entry.stays) dismissToast(entry.id);
  }
}

/** A mere notice would only cover the next screen; what can still be undone or taken may be wanted there. */
export function dismissToastsOfOtherScreens(path: string): void {
  for (const entry of list) {
    if (entry.path !== path) dismissPlainToast(entry);
  }
}

/**
 * Dismisses toasts without an action where a screen follows another under one path: what was said of the one would
 * speak of the next.
 */
export function dismissPlainToasts(): void {
  list.forEach(dismissPlainToast);
}

function dismissPlainToast(entry: Toast): void {
  if (!entry.action && !entry.stays) dismissToast(entry.id);
}

/** While a finger or the focus rests on it, a toast stays. */
export function holdToast(id: number): void {
  clearTimeout(timers.get(id));
  timers.delete(id);
}

export function resumeToast(id: number): void {
  holdToast(id);
  timers.set(
    id,
    setTimeout(() => dismissToast(id), SHOWN_MILLIS),
  );
}
