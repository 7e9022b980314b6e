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

it('stops at ten and knows a whole code', () => {
  expect(codeMask('ABCDEFGHJKMN')).toBe('ABCDE-FGHJK');
  expect(isWholeCode('ABCDE-FGHJK')).toBe(true);
  expect(isWholeCode(codeMask('ABCDE'))).toBe(false);
});
