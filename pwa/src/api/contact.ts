/** Whether the server can be reached, as the last request found it. A store in Svelte's contract. */

export interface Contact {
  state: 'unknown' | 'reached' | 'lost';
  /** When the state was last confirmed, by the device's clock. */
  atMillis: number;
}

type Listener = (value: Contact) => void;

function createContact() {
  let value: Contact = { state: 'unknown', atMillis: 0 };
  const listeners = new Set<Listener>();

  function report(isReached: boolean): void {
    value = { state: isReached ? 'reached' : 'lost', atMillis: Date.now() };
    for (const listener of listeners) listener(value);
  }

  function subscribe(listener: Listener): () => void {
    listeners.add(listener);
    listener(value);
    return () => listeners.delete(listener);
  }

  return { report, subscribe, get: () => value };
}

export const contact = createContact();

/** The browser is believed when it says that the network is gone, never when it says it is there. */
if (typeof window !== 'undefined') addEventListener('offline', () => contact.report(false));
