/** Short messages that pass by themselves; six seconds to undo what was just done. */

const SHOWN_MILLIS = 6000;
const AT_MOST = 3;

export interface ToastAction {
  label: string;
  run: () => void;
}

export interface Toast {
  id: number;
  text: string;
  action?: ToastAction;
  stays: boolean;
}

let list = $state<Toast[]>([]);
let lastId = 0;
const timers = new Map<number, ReturnType<typeof setTimeout>>();

export const toasts = {
  get list(): readonly Toast[] {
    return list;
  },
};

export function toast(text: string, options: { action?: ToastAction; stays?: boolean } = {}): void {
  lastId += 1;
  const id = lastId;
  const { action, stays = false } = options;
  list = [...list, action ? { id, text, action, stays } : { id, text, stays }].slice(-AT_MOST);
  if (!stays) resumeToast(id);
}

export function dismissToast(id: number): void {
  holdToast(id);
  list = list.filter((entry) => entry.id !== id);
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
