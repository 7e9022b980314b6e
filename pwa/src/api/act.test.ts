import { beforeEach, expect, test, vi } from 'vitest';
import { createAct } from './act.svelte';
import { ApiProblem } from './problem';

const network = new ApiProblem({ code: 'network', status: 0 });
const refused = new ApiProblem({ code: 'invalid-input', status: 422, fields: { name: 'required', day: 'too-early' } });

/** The keys of the requests, each of which is answered when the test says so. */
let keys: string[];
const answered = (key: string): Promise<void> => {
  keys.push(key);
  return Promise.resolve();
};
const lost = (key: string): Promise<void> => {
  keys.push(key);
  return Promise.reject(network);
};

beforeEach(() => {
  keys = [];
});

test('a double click does it once', async () => {
  const act = createAct();
  let answer: () => void = () => undefined;
  const work = vi.fn(() => new Promise<void>((done) => (answer = done)));
  const [first, second] = [act.run(work), act.run(work)];
  expect(act.isBusy).toBe(true);
  answer();
  expect([await first, await second]).toEqual([undefined, undefined]);
  expect(work).toHaveBeenCalledTimes(1);
  expect(act.isBusy).toBe(false);
});

test('what is sent again after a lost answer has the same key, and done, the next one has another', async () => {
  const act = createAct();
  expect(await act.run(lost, { to: 7 })).toBe(network);
  expect(act.problem).toBe(network);
  await act.run(answered, { to: 7 });
  expect(act.problem).toBeUndefined();
  await act.run(answered, { to: 7 });
  expect(keys[1]).toBe(keys[0]);
  expect(keys[2]).not.toBe(keys[0]);
});

test('an act that has no content of its own is the same one until it is done', async () => {
  const act = createAct();
  await act.run(lost);
  await act.run(lost);
  expect(keys[1]).toBe(keys[0]);
});

test('changed content has a new key, and so has what is begun anew', async () => {
  const act = createAct();
  await act.run(lost, ['a', 'b']);
  await act.run(lost, ['a', 'c']);
  act.reset();
  expect(act.problem).toBeUndefined();
  await act.run(lost, ['a', 'c']);
  expect(new Set(keys).size).toBe(3);
});

test('a refusal of fields is told at the fields, until they are typed into', async () => {
  const act = createAct<'name' | 'day'>(({ fields }) => ('name' in fields ? fields : undefined));
  expect(await act.run(() => Promise.reject(refused))).toBe(refused);
  expect([act.fields.name, act.fields.day, act.problem]).toEqual(['required', 'too-early', undefined]);
  act.mend('day');
  expect([act.fields.name, act.fields.day]).toEqual(['required', undefined]);
  await act.run(lost);
  expect([act.fields.name, act.problem]).toEqual([undefined, network]);
  act.refuse({ day: 'date-invalid' });
  expect([act.fields.day, act.problem]).toEqual(['date-invalid', undefined]);
});

test('who has left hears of nothing', async () => {
  const act = createAct();
  const told = vi.spyOn(console, 'error');
  const left = new DOMException('left', 'AbortError');
  expect(await act.run(() => Promise.reject(left))).toBeUndefined();
  expect([act.isBusy, act.problem, told.mock.calls]).toEqual([false, undefined, []]);
});

test('a defect of our own is a problem too, and the button can be pressed again', async () => {
  vi.spyOn(console, 'error').mockReturnValue();
  const act = createAct();
  expect((await act.run(() => Promise.reject(new RangeError())))?.code).toBe('internal');
  expect(act.isBusy).toBe(false);
});
