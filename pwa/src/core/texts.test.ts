import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  mailtoHref,
  readEmail,
  readMiddleName,
  readName,
  readPhone,
  searchForm,
  shownPhone,
  tidy,
  tidyPhone,
  withCapitals,
  type Reading,
} from './texts';

interface Case {
  typed: string;
  kept?: string;
  fault?: string;
}
interface Table {
  phones: Case[];
  names: Case[];
  middleNames: Case[];
  emails: Case[];
  texts: Case[];
  searches: string[][];
}

const file = new URL('../../../tests/it/data/typed.json', import.meta.url);
const table = JSON.parse(readFileSync(file, 'utf8')) as Table;

describe.each<[keyof Table & ('phones' | 'names' | 'middleNames' | 'emails'), (typed: string) => Reading]>([
  ['phones', readPhone],
  ['names', readName],
  ['middleNames', readMiddleName],
  ['emails', readEmail],
])('%s are read as the server reads them', (section, read) => {
  test.each(table[section])('$typed', ({ typed, kept, fault }) => {
    expect(read(typed)).toEqual(fault === undefined ? { kept } : { fault });
    if (kept !== undefined) expect(read(kept)).toEqual({ kept });
  });
});

test.each(table.texts)('the text «$typed» is tidied as on the server', ({ typed, kept }) => {
  expect(tidy(typed)).toBe(kept);
});

test('what is searched and what is stored take the same form', () => {
  const forms = table.searches.map(([first = '', ...rest]) => {
    const form = searchForm(first);
    for (const typed of rest) expect(searchForm(typed)).toBe(form);
    return form;
  });
  expect(new Set(forms).size).toBe(forms.length);
});

describe('a phone that is typed key by key', () => {
  test.each(table.phones)('«$typed» is what it would be when pasted', ({ typed, kept, fault }) => {
    // The field writes nothing into what is being typed; when it is left, it shows what it has understood.
    const shown = tidyPhone(typed);
    expect(readPhone(shown)).toEqual(fault === undefined ? { kept } : { fault });
    if (fault !== undefined) expect(shown).toBe(typed);
  });

  test('every digit of it stays, however often the field is left before its end', () => {
    for (const typed of ['+7 912 345-67-89', '8 (812) 345-67-89', '89123456789', '812 345-67-89']) {
      const after = [...typed].reduce((held, key) => tidyPhone(held + key), '');
      expect(readPhone(after)).toEqual(readPhone(typed));
    }
  });

  test('«+7» can be erased', () => {
    expect(['+7', '+', ''].map(tidyPhone)).toEqual(['+7', '+', '']);
  });
});

test('a number of the register is shown in groups, and one of another form as it is', () => {
  expect(shownPhone('+79123456789')).toBe('+7 912 345-67-89');
  expect(shownPhone('+7912')).toBe('+7912');
});

test('a link to write a letter carries no header, whatever the register holds', () => {
  expect(mailtoHref('a.b+c@mail.ru')).toBe('mailto:a.b%2Bc@mail.ru');
  expect(mailtoHref('a@b.ru?bcc=spy@evil.example&subject=x')).toBe(
    'mailto:a@b.ru%3Fbcc%3Dspy@evil.example%26subject%3Dx',
  );
});

test.each([
  ['иванова', 'Иванова'],
  ['иванова-петрова', 'Иванова-Петрова'],
  ['анна мария', 'Анна Мария'],
  ["д'артаньян", "Д'Артаньян"],
  ["лук'яненко", "Лук'яненко"],
  ['гасан оглы', 'Гасан оглы'],
  ['ван', 'Ван'],
  ['МакДональд', 'МакДональд'],
  ['ИВАНОВА', 'ИВАНОВА'],
  ['iванова', 'Iванова'],
  ['', ''],
])('«%s», typed in small letters or not, is offered as «%s»', (typed, offered) => {
  expect(withCapitals(typed)).toBe(offered);
});
