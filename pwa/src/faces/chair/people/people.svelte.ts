/** The list of people: one question to the register, its answer read page by page as it is scrolled. */
import { ApiProblem, asProblem } from '../../../api/problem';
import type { Counted, MemberDetail, MemberSummary } from '../../../api/types';
import { lookAgain } from '../organisation/organisation.svelte';
import type { View } from '../path';
import { readPeople } from '../staffApi';

export type PeopleQuery = View & { organisationId: number };

/** A part of the answer: from where on, and at least how many rows. */
interface Part {
  cursor: string | undefined;
  rows: number;
}

let question: PeopleQuery | undefined;
let items = $state.raw<MemberSummary[]>([]);
let found = $state.raw<Counted>({ value: 0, isLimit: false });
let scrollPixels = $state(0);
let isReading = $state(false);
let isAnswered = $state(false);
let problem = $state.raw<ApiProblem | undefined>();
/** Counts the acts after which the register says something else than what was listed. */
let revision = $state(0);
let askedRevision = 0;
let nextCursor = $state.raw<string | undefined>();
let lastPart: Part = { cursor: undefined, rows: 0 };
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
  /** How many there are, as far as they are counted: all of them once the last has been read. */
  get found(): Counted {
    return isAnswered && nextCursor === undefined ? { value: items.length, isLimit: false } : found;
  },
  /** Whether there are people who have not been read yet. */
  get hasMore(): boolean {
    return nextCursor !== undefined;
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
  /** Whoever shows the list asks again when this changes. */
  get revision(): number {
    return revision;
  },
};

function isSame(a: PeopleQuery | undefined, b: PeopleQuery): boolean {
  return a?.organisationId === b.organisationId && a.query === b.query && a.filter === b.filter;
}

/**
 * Shows the answer to a question. What answers it already stays as it is; after an act it is read anew as
 * far as it had been read, so that the list stays where it was scrolled to.
 */
export async function ask(next: PeopleQuery): Promise<void> {
  const isAgain = isSame(question, next);
  if (isAgain && askedRevision === revision && !problem) return;
  // What was listed stays in sight while a name is being typed; under another filter it would be untrue.
  if (question?.organisationId !== next.organisationId || question.filter !== next.filter) {
    items = [];
    isAnswered = false;
  }
  question = next;
  askedRevision = revision;
  await read({ cursor: undefined, rows: isAgain ? items.length : 0 });
}

/** What was listed is no longer what the register says. */
export function markOutdated(): void {
  revision += 1;
  lookAgain();
}

export async function more(): Promise<void> {
  if (!isReading && !problem && nextCursor) await read({ cursor: nextCursor, rows: 0 });
}

/** After a failure: the page that is missing, or the first one. */
export async function readAgain(): Promise<void> {
  await read(lastPart);
}

async function read(part: Part): Promise<void> {
  if (!question) return;
  reading?.abort();
  const own = new AbortController();
  reading = own;
  lastPart = part;
  isReading = true;
  problem = undefined;
  const isNew = !part.cursor && part.rows === 0;
  try {
    const answer = await readPart(question, part, own.signal);
    items = part.cursor ? joined(items, answer.items) : answer.items;
    // A page beyond the first may come after the last person has left it, and then counts none.
    if (!part.cursor || answer.items.length > 0) found = answer.found;
    nextCursor = answer.nextCursor;
    if (isNew) scrollPixels = 0;
    isAnswered = true;
  } catch (cause) {
    if (own.signal.aborted) return;
    // Whoever stood last has moved, and the list is read anew as far as it had been read.
    if (part.cursor && cause instanceof ApiProblem && cause.code === 'sync-start-over')
      return await read({ cursor: undefined, rows: items.length });
    problem = asProblem(cause);
    // The answer to another question does not stand in for this one's.
    if (isNew) [items, isAnswered] = [[], false];
  } finally {
    if (reading === own) isReading = false;
  }
}

async function readPart(asked: PeopleQuery, { cursor, rows }: Part, signal: AbortSignal) {
  let page = await readPeople({ ...asked, cursor }, signal);
  let items = page.items;
  while (page.nextCursor && items.length < rows) {
    page = await readPeople({ ...asked, cursor: page.nextCursor }, signal);
    items = joined(items, page.items);
  }
  return { items, found: page.found, nextCursor: page.nextCursor ?? undefined };
}

/** Both in one, nobody twice: a person who has moved into the next page stands where the newer answer has them. */
function joined(read: readonly MemberSummary[], next: readonly MemberSummary[]): MemberSummary[] {
  const moved = new Set(next.map(({ id }) => id));
  return [...read.filter(({ id }) => !moved.has(id)), ...next];
}

/** Puts a person's new state into the row that shows it. */
export function refreshRow(member: MemberDetail): void {
  items = items.map((item) => (item.id === member.id ? { ...item, ...summaryOf(member) } : item));
}

function summaryOf(member: MemberDetail) {
  const { lastName, firstName, middleName, card, processingConsent, position, category, status } = member;
  return { lastName, firstName, middleName, card, processingConsent, position, category, status };
}
