/** The list of people: one question to the register, its answer read page by page as it is scrolled. */
import { asProblem, type ApiProblem } from '../../api/problem';
import type { Counts, MemberDetail, MemberSummary } from '../../api/types';
import { lookAgain } from './organisation.svelte';
import type { View } from './path';
import { readPeople } from './staffApi';

const PAGE_LENGTH = 100;

export type Question = View & { organisationId: number };

let question: Question | undefined;
let items = $state.raw<MemberSummary[]>([]);
let total = $state(0);
let scrollPixels = $state(0);
let isReading = $state(false);
let isAnswered = $state(false);
let problem = $state.raw<ApiProblem | undefined>();
let nextCursor: string | undefined;
let lastCursor: string | undefined;
let reading: AbortController | undefined;

export const people = {
  /** How far the list is scrolled; kept for the way back from a person. */
  get scrollPixels(): number {
    return scrollPixels;
  },
  set scrollPixels(pixels: number) {
    scrollPixels = pixels;
  },
  get items(): readonly MemberSummary[] {
    return items;
  },
  get total(): number {
    return total;
  },
  get isReading(): boolean {
    return isReading;
  },
  /** Whether what is shown answers some question; what it shows may still be that of the one before. */
  get isAnswered(): boolean {
    return isAnswered;
  },
  get problem(): ApiProblem | undefined {
    return problem;
  },
};

function isSame(a: Question | undefined, b: Question): boolean {
  return a?.organisationId === b.organisationId && a.query === b.query && a.filter === b.filter;
}

/** Shows the answer to a question. What answers it already stays as it is, with its scroll position. */
export async function ask(next: Question): Promise<void> {
  if (isSame(question, next) && !problem) return;
  if (question?.organisationId !== next.organisationId) {
    items = [];
    isAnswered = false;
  }
  question = next;
  await read(undefined);
}

/** What was listed is no longer what the register says; the next look asks anew. */
export function outdated(): void {
  question = undefined;
  lookAgain();
}

export async function more(): Promise<void> {
  if (!isReading && !problem && nextCursor) await read(nextCursor);
}

/** After a failure: the page that is missing, or the first one. */
export async function readAgain(): Promise<void> {
  await read(lastCursor);
}

async function read(cursor: string | undefined): Promise<void> {
  if (!question) return;
  reading?.abort();
  const own = new AbortController();
  reading = own;
  lastCursor = cursor;
  isReading = true;
  problem = undefined;
  try {
    const page = await readPeople({ ...question, cursor, limit: PAGE_LENGTH }, own.signal);
    items = cursor ? [...items, ...page.items] : page.items;
    // A page beyond the first may come after the last person has left it, and then counts none.
    if (!cursor || page.items.length > 0) total = page.total;
    nextCursor = page.nextCursor ?? undefined;
    if (!cursor) scrollPixels = 0;
    isAnswered = true;
  } catch (cause) {
    if (own.signal.aborted) return;
    problem = asProblem(cause);
  } finally {
    if (reading === own) isReading = false;
  }
}

/** Puts a person's new state into the row that shows it. */
export function refreshRow(member: MemberDetail): void {
  items = items.map((item) => (item.id === member.id ? { ...item, ...summaryOf(member) } : item));
}

function summaryOf(member: MemberDetail) {
  const { lastName, firstName, middleName, card, processingConsent, position, category, status } = member;
  return { lastName, firstName, middleName, card, processingConsent, position, category, status };
}

export function statusOf(person: MemberSummary & { status?: string }): string {
  return person.status ?? 'active';
}

export function suspendedOf(counts: Counts & { suspended?: number }): number {
  return counts.suspended ?? 0;
}
