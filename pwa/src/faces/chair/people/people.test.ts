import { beforeEach, expect, test, vi } from 'vitest';
import { ApiProblem } from '../../../api/problem';
import { ask, more, people, readAgain } from './people.svelte';
import { readPeople } from '../staffApi';

vi.mock('../staffApi', () => ({ readPeople: vi.fn() }));
vi.mock('../organisation/organisation.svelte', () => ({ lookAgain: vi.fn() }));

const asked = vi.mocked(readPeople);
const startOver = new ApiProblem({ code: 'sync-start-over', status: 409 });
const network = new ApiProblem({ code: 'network', status: 0 });

/** People by their names, whose first letter is the person. */
const page = (names: string[], nextCursor?: string) => ({
  items: names.map((lastName) => ({ id: lastName.charAt(0), lastName })),
  found: { value: 200, isLimit: true },
  total: 201,
  nextCursor,
});
type Answer = ReturnType<typeof page> | ApiProblem;

/** What the server answers to each request, one after the other. */
function answers(...given: Answer[]): void {
  for (const answer of given) {
    if (answer instanceof ApiProblem) asked.mockRejectedValueOnce(answer);
    else asked.mockResolvedValueOnce(answer as unknown as Awaited<ReturnType<typeof readPeople>>);
  }
}

const names = () => people.items.map(({ lastName }) => lastName);
const cursors = () => asked.mock.calls.map(([{ cursor }]) => cursor);

let organisationId = 0;

/** Each test asks of an organisation of its own. */
beforeEach(async () => {
  asked.mockReset();
  answers(page(['А', 'Б'], 'behind Б'));
  organisationId += 1;
  await ask({ organisationId });
  asked.mockClear();
});

test('who moves into the next page is listed once, as the newer answer has them', async () => {
  answers(page(['В', 'А, renamed', 'Г']));
  await more();
  expect(names()).toEqual(['Б', 'В', 'А, renamed', 'Г']);
  expect(people.found).toEqual({ value: 4, isLimit: false });
});

test('a list whose place is gone is read anew as far as it had been read, and stays where it was scrolled to', async () => {
  answers(page(['В', 'Г'], 'behind Г'));
  await more();
  people.scrollPixels = 144;
  asked.mockClear();
  answers(startOver, page(['А', 'Б'], 'behind Б'), page(['Г', 'Д'], 'behind Д'));
  await more();
  expect(cursors()).toEqual(['behind Г', undefined, 'behind Б']);
  expect(names()).toEqual(['А', 'Б', 'Г', 'Д']);
  expect([people.problem, people.scrollPixels, people.isReading]).toEqual([undefined, 144, false]);
  answers(page(['Е']));
  await more();
  expect(cursors().at(-1)).toBe('behind Д');
});

test('who moves while the list is read anew is listed once, too', async () => {
  answers(page(['В', 'Г'], 'behind Г'));
  await more();
  answers(startOver, page(['А', 'Б'], 'behind Б'), page(['А, renamed', 'Г']));
  await more();
  expect(names()).toEqual(['Б', 'А, renamed', 'Г']);
});

test('a second try never sends the cursor that is gone', async () => {
  answers(startOver, network);
  await more();
  expect(people.problem?.code).toBe('network');
  expect(names()).toEqual(['А', 'Б']);
  asked.mockClear();
  answers(page(['А', 'Б', 'В']));
  await readAgain();
  expect(cursors()).toEqual([undefined]);
  expect([names(), people.problem]).toEqual([['А', 'Б', 'В'], undefined]);
});

test('a page that did not come is asked for by its own cursor again', async () => {
  answers(network);
  await more();
  answers(page(['В']));
  await readAgain();
  expect(cursors()).toEqual(['behind Б', 'behind Б']);
  expect(names()).toEqual(['А', 'Б', 'В']);
});
