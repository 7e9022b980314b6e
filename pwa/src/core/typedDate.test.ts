import { expect, it } from 'vitest';
import { m } from '../messages/generated/messages.js';
import { dateFaultWord, dateMask, parseTypedDate } from './typedDate';

it('reads a date as it is typed and refuses a day that is not', () => {
  expect(dateMask('12031985')).toBe('12.03.1985');
  expect(dateMask('1203')).toBe('12.03');
  expect(dateMask('1.2.1985')).toBe('01.02.1985');
  expect(dateMask('1985-03-12')).toBe('12.03.1985');
  expect(dateMask('12.03.19855')).toBe('12.03.19855');
  expect([...'1.2.1985'].reduce((shown, key) => dateMask(shown + key), '')).toBe('01.02.1985');
  expect([...'12.3.1985'].reduce((shown, key) => dateMask(shown + key), '')).toBe('12.03.1985');
  expect(parseTypedDate('12.03.1985')).toBe('1985-03-12');
  expect(parseTypedDate('29.02.2024')).toBe('2024-02-29');
  expect(parseTypedDate('29.02.2023')).toBeUndefined();
  expect(parseTypedDate('31.04.2020')).toBeUndefined();
  expect(parseTypedDate('1.2.1985')).toBeUndefined();
});

it('says what a date lacks', () => {
  for (const typed of ['16.08', '16.08.19', '16.08.198']) expect(dateFaultWord(typed)).toBe(m.date_without_year());
  for (const typed of ['1', '16', '31.02.1985', '12.03.19855']) expect(dateFaultWord(typed)).toBe(m.date_none());
  for (const typed of ['16.08.1888', '16.08.2188']) expect(dateFaultWord(typed)).toBe(m.date_out_of_range());
});
