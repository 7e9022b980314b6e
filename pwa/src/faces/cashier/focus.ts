/** A screen that opens takes the focus, so that a keyboard and a reader follow. */
export function takesFocus(node: HTMLElement): void {
  node.focus({ preventScroll: true });
}
