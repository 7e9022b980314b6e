import { describe, expect, test } from 'vitest';
import type { FieldCode, ProblemCode } from '../../api/codes';
import { ApiProblem } from '../../api/problem';
import { m } from '../../messages/generated/messages.js';
import { faultsOf } from './form/newMember';
import { PEOPLE_FILTERS } from './path';
import { actProblemText, faultWord, foundWord, nobodyWord, orderProblemText, statusWord } from './words';

const refused = (field: string, code: FieldCode) =>
  new ApiProblem({ status: 422, code: 'invalid-input', fields: { [field]: code } });
const conflict = (code: string) => new ApiProblem({ status: 409, code: code as ProblemCode });

describe('a refusal that no field of the form can be marked for has words of its own', () => {
  test.each([
    [refused('organisationId', 'keeps-no-members'), m.chair_problem_keeps_no_members()],
    [refused('organisationId', 'already-there'), m.chair_problem_already_there()],
    [conflict('already-a-member'), m.chair_problem_twin()],
    [conflict('conflict'), m.problem_conflict()],
  ])('%s', (problem, words) => {
    expect(faultsOf(problem)).toBeUndefined();
    expect(actProblemText(problem)).toBe(words);
  });

  test('one that is about a field marks it', () => {
    const problem = refused('birthDate', 'too-young-when-joined');
    expect(faultsOf(problem)).toEqual({ birthDate: 'too-young-when-joined' });
    expect(faultWord('birthDate', 'too-young-when-joined', '')).toBe(m.chair_fault_too_young_when_joined());
  });
});

test('where counting stopped the figure says so', () => {
  expect(foundWord({ value: 200, isLimit: false })).toBe('200 человек');
  expect(foundWord({ value: 200, isLimit: true })).toBe('больше 200 человек');
});

test('a word that only a newer server knows is shown as it is', () => {
  expect(statusWord('active', 'f')).toBe(m.chair_status_active());
  expect(statusWord('resting' as never, 'f')).toBe('resting');
});

test('each reason why chosen people get no paper cards is told apart', () => {
  const refusals = [
    new ApiProblem({ status: 404, code: 'not-found' }),
    conflict('card-revoked'),
    conflict('idempotency-conflict'),
    ...(['not-active', 'required', 'too-many', 'repeated'] as const).map((code) => refused('memberIds', code)),
  ];
  const words = refusals.map(orderProblemText);
  expect(new Set(words).size).toBe(refusals.length);
  expect(words).not.toContain(m.problem_invalid_input());
});

test('a date that is refused says why, by what was typed', () => {
  expect(faultWord('birthDate', 'date-invalid', '16.08')).toBe(m.date_without_year());
  expect(faultWord('birthDate', 'date-invalid', '16.08.2188')).toBe(m.date_out_of_range());
});

test('whoever left did so as a woman or as a man', () => {
  expect(statusWord('left', 'f')).toBe('Вышла из Профсоюза');
  expect(statusWord('left', 'm')).toBe('Вышел из Профсоюза');
  expect(statusWord('expelled', 'f')).toBe('Исключена из Профсоюза');
});

test('an empty list speaks of its filter, and of the search only where there was one', () => {
  const searched = nobodyWord({ query: 'Иванова', filter: 'no-consent' });
  expect(nobodyWord({ query: 'Иванова' })).toEqual(searched);
  const titles = PEOPLE_FILTERS.map((filter) => nobodyWord({ filter }).title);
  expect(new Set(titles).size).toBe(PEOPLE_FILTERS.length);
  expect(nobodyWord({ filter: 'no-consent' })).not.toEqual(searched);
});
