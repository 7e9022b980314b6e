/** The rule that made a figure, in words: lines as the server sends them, a code and its figures. */
import { m } from '../messages/generated/messages.js';
import { calendarDate, money, percent } from './format';

export interface RuleLine {
  code: string;
  [figure: string]: string | number;
}

type Params = RuleLine;

const number = (params: Params, name: string) => Number(params[name] ?? 0);
const text = (params: Params, name: string) => String(params[name] ?? '');

const words: Record<string, (params: Params) => string> = {
  redeemed: (params) => {
    const [redeemed, payable] = [number(params, 'redeemKopecks'), number(params, 'payableKopecks')];
    return m.rule_redeemed({ amount: money(redeemed + payable), redeemed: money(redeemed), payable: money(payable) });
  },
  percent: (params) =>
    m.rule_percent({
      percent: percent(number(params, 'percentBp')),
      amount: money(number(params, 'amountKopecks')),
      accrual: money(number(params, 'accrualKopecks')),
    }),
  'below-minimum': (params) => m.rule_below_minimum({ minimum: money(number(params, 'minAmountKopecks')) }),
  capped: (params) => m.rule_capped({ cap: money(number(params, 'capKopecks')) }),
  'no-offer': () => m.rule_no_offer(),
  'handed-in-late': () => m.rule_handed_in_late(),
  'under-review': () => m.rule_under_review(),
  'taken-back': (params) => {
    const [available, debt] = [money(number(params, 'availableKopecks')), number(params, 'debtKopecks')];
    return debt > 0 ? m.rule_taken_back_spent({ available, debt: money(debt) }) : m.rule_taken_back({ available });
  },
  'pending-until': (params) => m.rule_pending_until({ date: calendarDate(text(params, 'date')) }),
};

/** A rule that this version does not know is left out rather than shown as a code. */
export function explain(lines: readonly RuleLine[]): string[] {
  return lines.flatMap((line) => {
    const inWords = words[line.code];
    return inWords ? [inWords(line)] : [];
  });
}
