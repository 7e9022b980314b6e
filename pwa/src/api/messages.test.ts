import { expect, test } from 'vitest';
import { m } from '../messages/generated/messages.js';
import { problemText } from './messages';
import { problemFrom } from './problem';

const told = (status: number, code: string) => problemText(problemFrom(status, { code }));

test('a code that only a newer server knows has words all the same, by its status', () => {
  expect(told(409, 'of-a-newer-server')).toBe(m.problem_conflict());
  expect(told(422, 'of-a-newer-server')).toBe(m.problem_internal());
});

test('what is known is told in its own words, whatever its status', () => {
  expect(told(409, 'idempotency-conflict')).toBe(m.problem_idempotency_conflict());
  expect(told(401, 'phone-lost')).toBe(m.problem_phone_lost());
});
