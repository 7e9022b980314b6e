/** The chair's screens ask only when they are used: while the server is out of reach, this asks for them. */
import { contact } from '../../api/contact';
import { retryMillis } from '../../sync/keepup';
import { askServerMillis } from '../../sync/wire';

/** Asks ever less often, at once when the network is said to be back or the page is looked at; until the returned function is called. */
export function lookForServer(onfound: () => void): () => void {
  const stopping = new AbortController();
  const { signal } = stopping;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let isLost = false;

  function ask(): void {
    clearTimeout(timer);
    // What was asked tells `contact` itself how it went.
    if (isLost && document.visibilityState === 'visible') askServerMillis().catch(() => undefined);
  }

  const stopContact = contact.subscribe(({ state }) => {
    const wasLost = isLost;
    isLost = state === 'lost';
    clearTimeout(timer);
    failures = isLost ? failures + 1 : 0;
    if (isLost) timer = setTimeout(ask, retryMillis(failures));
    else if (wasLost) onfound();
  });
  addEventListener('online', ask, { signal });
  document.addEventListener('visibilitychange', ask, { signal });

  return () => {
    stopping.abort();
    stopContact();
    clearTimeout(timer);
  };
}
