/** A screen that opens takes the focus to its heading, so that a keyboard and a reader follow. */
let hasArrived = false;

export function focusOnArrival(heading: HTMLElement): void {
  // The first screen after a load takes nothing: nothing was left behind.
  if (hasArrived) heading.focus({ preventScroll: true });
  hasArrived = true;
}
