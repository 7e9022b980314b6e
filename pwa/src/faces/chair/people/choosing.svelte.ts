/** Who of the list is chosen, and for which act: their paper cards are printed, or their signed consents entered. */
import { SvelteSet } from 'svelte/reactivity';
import type { MemberSummary } from '../../../api/types';
import type { PeopleQuery } from './people.svelte';
import { CHOSEN_AT_MOST, readPeople } from '../staffApi';

export type Act = 'cards' | 'consents';

let act = $state<Act | undefined>();
const chosen = new SvelteSet<string>();

export const choosing = {
  /** Undefined while nobody is being chosen. */
  get act(): Act | undefined {
    return act;
  },
  get chosen(): ReadonlySet<string> {
    return chosen;
  },
  get isFull(): boolean {
    return chosen.size >= CHOSEN_AT_MOST;
  },
};

export function startChoosing(next: Act): void {
  act = next;
}

export function stopChoosing(): void {
  act = undefined;
  chosen.clear();
}

export function choose(memberId: string, isChosen: boolean): void {
  if (!isChosen) chosen.delete(memberId);
  else if (!choosing.isFull) chosen.add(memberId);
}

/** Whether the act can be done with this person. */
export function canChoose(person: MemberSummary): boolean {
  if (act === 'consents') return !person.processingConsent && ['active', 'suspended'].includes(person.status);
  return person.status === 'active';
}

/** Everyone of the list who lacks what the act gives, as far as one request goes. */
export async function chooseAllWithout(question: PeopleQuery, signal: AbortSignal): Promise<void> {
  let cursor: string | undefined;
  do {
    const page = await readPeople({ ...question, cursor }, signal);
    for (const person of page.items) {
      if (canChoose(person) && (act === 'consents' || person.card !== 'phone')) choose(person.id, true);
    }
    cursor = page.nextCursor ?? undefined;
  } while (cursor && !choosing.isFull);
}
