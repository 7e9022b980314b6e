/** The rule that made a figure, in words: lines as the server sends them, a code and its figures. */
import type { RuleLine } from '../api/types';
import { m } from '../messages/generated/messages.js';
import { calendarDate, money, percent } from './format';

type Words = { [Code in RuleLine['code']]: (line: Extract<RuleLine, { code: Code }>) => string };

const words: Words = {
  redeemed: ({ redeemKopecks, payableKopecks }) =>
    m.rule_redeemed({
      amount: money(redeemKopecks + payableKopecks),
      redeemed: money(redeemKopecks),
      payable: money(payableKopecks),
    }),
  percent: ({ percentBp, amountKopecks, accrualKopecks }) =>
    m.rule_percent({
      percent: percent(percentBp),
      amount: money(amountKopecks),
      accrual: money(accrualKopecks),
    }),
  'below-minimum': ({ minAmountKopecks }) => m.rule_below_minimum({ minimum: money(minAmountKopecks) }),
  capped: ({ capKopecks }) => m.rule_capped({ cap: money(capKopecks) }),
  'no-offer': () => m.rule_no_offer(),
  'handed-in-late': () => m.rule_handed_in_late(),
  'under-review': () => m.rule_under_review(),
  'taken-back': ({ availableKopecks, debtKopecks }) => {
    const available = money(availableKopecks);
    return debtKopecks > 0
      ? m.rule_taken_back_spent({ available, debt: money(debtKopecks) })
      : m.rule_taken_back({ available });
  },
  'pending-until': ({ date }) => m.rule_pending_until({ date: calendarDate(date) }),
};

/** A rule that this version does not know is left out rather than shown as a code. */
export function explain(lines: readonly RuleLine[]): string[] {
  return lines.flatMap((line) => {
    const inWords = words[line.code] as ((line: RuleLine) => string) | undefined;
    return inWords ? [inWords(line)] : [];
  });
}
