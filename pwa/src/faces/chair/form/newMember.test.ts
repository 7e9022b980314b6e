import { describe, expect, test } from 'vitest';
import type { ProblemCode } from '../../../api/codes';
import {
  changesCard,
  changesOf,
  checkFields,
  checkPerson,
  emptyFields,
  isAnswerLostAfter,
  isTouched,
  type MemberFields,
  type PersonFields,
} from './newMember';

const TODAY = '2026-11-22';

function filled(changes: Partial<MemberFields> = {}): MemberFields {
  return {
    ...emptyFields(TODAY),
    lastName: ' Мамин—Сибиряк ',
    firstName: 'Пётр',
    sex: 'm',
    birthDate: '12.03.1985',
    category: '1',
    ...changes,
  };
}

describe('what is sent of a form', () => {
  test('the least that a person needs; what was left empty is not sent', () => {
    expect(checkFields(filled(), TODAY)).toEqual({
      body: {
        lastName: 'Мамин-Сибиряк',
        firstName: 'Пётр',
        sex: 'm',
        birthDate: '1985-03-12',
        category: 1,
        joinedOn: TODAY,
      },
    });
  });

  test('everything, in the form in which it is kept', () => {
    const { body } = checkFields(
      filled({
        middleName: 'Ильич',
        phone: '8 (971) 443-31-80',
        email: ' p@example.ru ',
        position: 'учитель  истории',
        hasConsent: true,
        processingConsentOn: '20.11.2026',
      }),
      TODAY,
    );
    expect(body).toMatchObject({
      middleName: 'Ильич',
      phone: '+79714433180',
      email: 'p@example.ru',
      position: 'учитель истории',
      processingConsentOn: '2026-11-20',
    });
  });

  test('that there is no middle name may be said in words, and is not sent', () => {
    for (const middleName of ['нет', '—', 'Отсутствует']) {
      expect(checkFields(filled({ middleName }), TODAY)).toEqual(checkFields(filled(), TODAY));
    }
  });

  test('a consent that is not ticked is not sent, whatever date stands beside it', () => {
    expect(checkFields(filled({ processingConsentOn: '20.11.2026' }), TODAY).body).not.toHaveProperty(
      'processingConsentOn',
    );
  });

  test('an empty form names every field that is needed and no other', () => {
    expect(checkFields(emptyFields(TODAY), TODAY).faults).toEqual({
      lastName: 'required',
      firstName: 'required',
      sex: 'required',
      birthDate: 'required',
      category: 'required',
    });
  });

  test.each<[keyof MemberFields, string, string]>([
    ['lastName', '4Б', 'name-invalid'],
    ['birthDate', '31.02.1985', 'date-invalid'],
    ['birthDate', '12.03.85', 'date-invalid'],
    ['birthDate', '23.11.2026', 'date-invalid'],
    ['birthDate', '23.11.2012', 'too-young'],
    ['phone', '443-31-80', 'phone-invalid'],
    ['phone', '8 971 443 31 8O', 'phone-invalid'],
    ['email', 'ivanova@', 'email-invalid'],
    ['email', 'ivanova@mail', 'email-invalid'],
    ['joinedOn', '23.11.2026', 'in-the-future'],
    ['joinedOn', '01.01.1980', 'before-birth'],
    ['joinedOn', '', 'required'],
    ['position', 'у'.repeat(201), 'too-long'],
    ['lastName', 'я'.repeat(101), 'too-long'],
    ['firstName', 'Марiя', 'name-mixed'],
    ['phone', '7 912 345-67-8', 'phone-invalid'],
    ['phone', '+375 29 123-45-67', 'phone-foreign'],
    ['email', 'a@b.ru?bcc=spy@evil.example', 'email-invalid'],
  ])('%s «%s» → %s', (field, typed, code) => {
    expect(checkFields(filled({ [field]: typed }), TODAY).faults).toEqual({ [field]: code });
  });

  test('the day of the fourteenth birthday is old enough', () => {
    expect(checkFields(filled({ birthDate: '22.11.2012' }), TODAY).faults).toBeUndefined();
  });

  test.each([
    ['23.11.2026', 'in-the-future'],
    ['11.03.1985', 'before-birth'],
    ['26.07.2006', 'too-early'],
    ['', 'required'],
  ])('a consent of «%s» is refused: %s', (processingConsentOn, code) => {
    const fields = filled({ hasConsent: true, processingConsentOn });
    expect(checkFields(fields, TODAY).faults).toEqual({ processingConsentOn: code });
  });

  test('who was not fourteen yet cannot have joined', () => {
    const fields = filled({ birthDate: '02.09.2013', joinedOn: '01.09.2026' });
    expect(checkFields(fields, '2028-01-01').faults).toEqual({ birthDate: 'too-young-when-joined' });
  });
});

test('a form with only its defaults is not worth keeping', () => {
  expect(isTouched(emptyFields(TODAY))).toBe(false);
  expect(isTouched({ ...emptyFields(TODAY), sex: 'f' })).toBe(true);
});

describe('a person who is on the register already', () => {
  const known: PersonFields = {
    lastName: 'Соловьёва',
    firstName: 'Мария',
    middleName: 'Петровна',
    sex: 'f',
    birthDate: '12.03.1985',
    category: '1',
    position: 'учитель',
    phone: '+7 971 443-31-80',
    email: '',
  };

  test('only what was typed over is a change; a space more is none', () => {
    expect(changesOf(known, { ...known, lastName: ' Соловьёва ', email: 'm@example.ru' })).toEqual({
      email: 'm@example.ru',
    });
    expect(changesOf(known, known)).toEqual({});
  });

  test.each<[Partial<PersonFields>, boolean]>([
    [{ lastName: 'Перелётова' }, true],
    [{ firstName: 'Анна' }, true],
    [{ middleName: '' }, true],
    [{ category: '3' }, true],
    [{ firstName: 'Марина' }, false],
    [{ position: 'завуч', phone: '', birthDate: '13.03.1985' }, false],
  ])('%o: another card is %s', (change, isAnother) => {
    expect(changesCard(known, { ...known, ...change })).toBe(isAnother);
  });

  test('is sent whole, by the same rules as on entry', () => {
    const { body } = checkPerson({ ...known, position: ' завуч ' }, TODAY);
    expect(body).toMatchObject({ lastName: 'Соловьёва', position: 'завуч', birthDate: '1985-03-12' });
    expect(body).not.toHaveProperty('joinedOn');
    expect(checkPerson({ ...known, lastName: '' }, TODAY).faults).toEqual({ lastName: 'required' });
  });
});

test.each([
  ['network', 0, false, true],
  ['unavailable', 502, false, true],
  ['internal', 0, true, true],
  ['portal', 0, false, false],
  ['portal', 0, true, true],
  ['too-many-attempts', 429, true, true],
  ['unauthenticated', 401, true, true],
  ['invalid-input', 422, true, false],
  ['conflict', 409, true, false],
])('%s (%d) after a lost answer or none: %s becomes %s', (code, status, wasLost, isLost) => {
  expect(isAnswerLostAfter({ code: code as ProblemCode, status }, wasLost)).toBe(isLost);
});
