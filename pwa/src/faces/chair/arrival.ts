import { tick } from 'svelte';

/** A screen that opens takes the focus to its heading, so that a keyboard and a reader follow. */
let hasArrived = false;

export function focusOnArrival(heading: HTMLElement): void {
  // The first screen after a load takes nothing: nothing was left behind.
  if (hasArrived) heading.focus({ preventScroll: true });
  hasArrived = true;
}

/** After an act whose button went with it: the heading of what is left takes the focus. */
export async function focusIfLost(): Promise<void> {
  await tick();
  if (document.activeElement && document.activeElement !== document.body) return;
  document.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true });
}
