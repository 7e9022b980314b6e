/**
 * Whose paper cards are to be printed: chosen in the list, then printed together. The choice made last is
 * kept in this tab with the key of its one request, so that a reload shows the same sheets again.
 */
import { SvelteSet } from 'svelte/reactivity';
import type { Question } from './people.svelte';
import { PAPER_CARDS_AT_MOST, readPeople } from './staffApi';

export interface PrintOrder {
  organisationId: number;
  memberIds: string[];
  key: string;
}

const KEPT = 'chair-print';

let isChoosing = $state(false);
let order = $state.raw<PrintOrder | undefined>();
const chosen = new SvelteSet<string>();

export const printing = {
  get isChoosing(): boolean {
    return isChoosing;
  },
  get chosen(): ReadonlySet<string> {
    return chosen;
  },
  get isFull(): boolean {
    return chosen.size >= PAPER_CARDS_AT_MOST;
  },
};

export function startChoosing(): void {
  isChoosing = true;
}

export function stopChoosing(): void {
  isChoosing = false;
  chosen.clear();
}

export function choose(memberId: string, isChosen: boolean): void {
  if (!isChosen) chosen.delete(memberId);
  else if (!printing.isFull) chosen.add(memberId);
}

/** Everyone of the list who has no card on a phone, as far as one request for cards goes. */
export async function chooseWithoutPhone(question: Question, signal: AbortSignal): Promise<void> {
  let cursor: string | undefined;
  do {
    const page = await readPeople({ ...question, cursor }, signal);
    for (const person of page.items) {
      if (person.card !== 'phone' && person.status === 'active') choose(person.id, true);
    }
    cursor = page.nextCursor ?? undefined;
  } while (cursor && !printing.isFull);
}

export function placeOrder(organisationId: number): void {
  order = { organisationId, memberIds: [...chosen], key: crypto.randomUUID() };
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(order));
  } catch {
    // Without storage a reload asks for the choice again.
  }
  stopChoosing();
}

export function lastOrder(): PrintOrder | undefined {
  try {
    order ??= JSON.parse(sessionStorage.getItem(KEPT) ?? 'null') ?? undefined;
  } catch {
    // Nothing was kept.
  }
  return order;
}

export function forgetOrder(): void {
  stopChoosing();
  order = undefined;
  try {
    sessionStorage.removeItem(KEPT);
  } catch {
    // Nothing was kept.
  }
}
