import { expect, test } from 'vitest';
import type { RuleLine } from '../api/types';
import { explain } from './explain';

const plain = (lines: string[]) => lines.map((line) => line.replaceAll('\u00a0', ' '));

test('a purchase that was paid in part with bonuses says what its cashback goes by', () => {
  const lines: RuleLine[] = [
    { code: 'redeemed', redeemKopecks: 30_000, payableKopecks: 70_000 },
    { code: 'below-minimum', minAmountKopecks: 80_000 },
  ];
  expect(plain(explain(lines))).toEqual([
    'Из 1 000,00 ₽ бонусами оплачено 300,00 ₽: кэшбэк — с 700,00 ₽',
    'Покупка меньше 800,00 ₽: кэшбэк не начисляется',
  ]);
});

test('what a person decided is told with what it costs', () => {
  const takenBack = (debtKopecks: number) => explain([{ code: 'taken-back', availableKopecks: 2_000, debtKopecks }]);
  expect(plain(takenBack(0))).toEqual(['Программа отменила покупку: 20,00 ₽ снято с бонусов']);
  expect(plain(takenBack(2_500))).toEqual([
    'Программа отменила покупку: 20,00 ₽ снято с бонусов, 25,00 ₽ удержим из следующих начислений',
  ]);
  expect(explain([{ code: 'handed-in-late' }, { code: 'under-review' }])).toHaveLength(2);
});

test('a line that this version does not know is left out', () => {
  expect(explain([{ code: 'never-heard-of' } as unknown as RuleLine])).toEqual([]);
});
