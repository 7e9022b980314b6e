/** Whether this page is an app of the home screen, and whether that app would have a memory of its own. */

/** Not in the DOM's types: iOS alone has it. */
interface WithStandalone {
  standalone?: boolean;
}

export function isInstalled(): boolean {
  if ((navigator as WithStandalone).standalone === true) return true;
  return typeof matchMedia === 'function' && matchMedia('(display-mode: standalone)').matches;
}

/** iOS and iPadOS keep what a browser stores apart from what the home screen's app stores. */
export function hasAppStorageApart(): boolean {
  const { userAgent, maxTouchPoints } = navigator;
  // An iPad says that it is a Mac; no Mac has a touch screen.
  return /iPhone|iPad|iPod/.test(userAgent) || (/Macintosh/.test(userAgent) && maxTouchPoints > 1);
}
