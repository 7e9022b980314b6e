import { expect, test } from 'vitest';
import { rowWindow } from './window';

test('the rows in sight and six around them', () => {
  expect(rowWindow(0, 720, 72, 10_000)).toEqual({ first: 0, end: 16 });
  expect(rowWindow(7_200, 720, 72, 10_000)).toEqual({ first: 94, end: 116 });
});

test('never beyond the list, however far it is dragged', () => {
  expect(rowWindow(719_900, 720, 72, 10_000)).toEqual({ first: 9_992, end: 10_000 });
  expect(rowWindow(-80, 720, 72, 3)).toEqual({ first: 0, end: 3 });
  expect(rowWindow(9_000, 720, 72, 3)).toEqual({ first: 3, end: 3 });
  expect(rowWindow(0, 0, 72, 0)).toEqual({ first: 0, end: 0 });
});
