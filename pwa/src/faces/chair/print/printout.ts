/** Printing, which a browser may leave undone without a word. */
import { isInAppBrowser } from '../../../core/installed';

/** A phone makes the pages first. */
const OPENS_WITHIN_MILLIS = 4_000;

/** Whether the browser has begun to print; where it says nothing of it, a window of another app or an old iOS has no printing. */
export function startPrint(): Promise<boolean> {
  if (isInAppBrowser()) return Promise.resolve(false);
  return new Promise((done) => {
    const stop = new AbortController();
    const end = (hasBegun: boolean): void => {
      clearTimeout(timer);
      stop.abort();
      done(hasBegun);
    };
    const timer = setTimeout(() => end(false), OPENS_WITHIN_MILLIS);
    for (const sign of ['beforeprint', 'afterprint']) addEventListener(sign, () => end(true), { signal: stop.signal });
    print();
  });
}
