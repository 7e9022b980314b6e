/** A date as it is typed into a field, digit by digit, the day that is meant, and what is wrong where none is. */
import { m } from '../messages/generated/messages.js';

const digitsOf = (typed: string) => typed.replace(/\D/g, '');

/** `12031985` → «12.03.1985», as far as it goes. What is longer than a date stays as it is. */
export function dateMask(typed: string): string {
  const day = typed.trim().replace(/^(\d{4})-(\d{2})-(\d{2})$/, '$3.$2.$1');
  // A dot ends its group: «1.2.1985» is the first of February.
  const digits = digitsOf(day.replace(/^(\d)\D/, '0$1.').replace(/^(\d{2}\D*)(\d)\D/, '$10$2.'));
  if (digits.length > 8) return typed;
  return [digits.slice(0, 2), digits.slice(2, 4), digits.slice(4)].filter((g) => g !== '').join('.');
}

/** The earliest year that a form takes. */
const FIRST_YEAR = 1900;

/** The eight digits as `1985-03-12`, or undefined when the calendar has no such day. */
function calendarDay(digits: string): string | undefined {
  const [day, month, year] = [digits.slice(0, 2), digits.slice(2, 4), digits.slice(4)];
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  const exists = date.getUTCDate() === Number(day) && date.getUTCMonth() === Number(month) - 1;
  return exists ? `${year}-${month}-${day}` : undefined;
}

/** «12.03.1985» → `1985-03-12`, or undefined when there is no such day. */
export function parseTypedDate(typed: string): string | undefined {
  const digits = digitsOf(typed);
  if (digits.length !== 8) return undefined;
  return Number(digits.slice(4)) >= FIRST_YEAR ? calendarDay(digits) : undefined;
}

/** Why a date is not taken, and so what to do: it is unfinished, no calendar has it, or it cannot be the one that is meant. */
export function dateFaultWord(typed: string): string {
  const digits = digitsOf(typed);
  if (digits.length >= 4 && digits.length < 8) return m.date_without_year();
  if (digits.length !== 8 || !calendarDay(digits)) return m.date_none();
  return m.date_out_of_range();
}
