import { expect, it } from 'vitest';
import { codeMask, isWholeCode } from './activationcode';

it('takes a code however it is typed', () => {
  for (const typed of ['7k3mp-x9qa2', '7K3MPX9QA2', ' 7K3MP - X9QA2 ', '7К3МРХ9QА2']) {
    expect(codeMask(typed)).toBe('7K3MP-X9QA2');
  }
});

it('reads the letters that Crockford leaves out as the digits they look like', () => {
  expect(codeMask('oОiIlL')).toBe('00111-1');
  expect(codeMask('u!?')).toBe('');
});

it('finds the code in what was pasted', () => {
  expect(codeMask('Код активации: 7K2M9-QX4TB')).toBe('7K2M9-QX4TB');
  expect(codeMask('Код активации 7к2м9–qx4тb, действует до 1 декабря')).toBe('7K2M9-QX4TB');
  expect(codeMask('https://profcards.ru/activate#7K2M9-QX4TB')).toBe('7K2M9-QX4TB');
});

it('makes nothing fit that is longer, and knows a whole code', () => {
  for (const typed of ['ABCDE-FGHJKM', 'ABCDEFGHJKMN', 'https://profcards.ru/activate', '7K2M9-QX4TB 7K3MP-X9QA2']) {
    expect(codeMask(typed)).toBe(typed);
    expect(isWholeCode(typed)).toBe(false);
  }
  expect(isWholeCode('ABCDE-FGHJK')).toBe(true);
  expect(isWholeCode(codeMask('ABCDE'))).toBe(false);
});
