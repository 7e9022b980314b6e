/** A date as it is typed into a field, digit by digit, and the day that is meant. */
const digitsOf = (typed: string) => typed.replace(/\D/g, '');

/** `12031985` → «12.03.1985», as far as it goes. What is longer than a date stays as it is. */
export function dateMask(typed: string): string {
  const day = typed.trim().replace(/^(\d{4})-(\d{2})-(\d{2})$/, '$3.$2.$1');
  // A dot ends its group: «1.2.1985» is the first of February.
  const digits = digitsOf(day.replace(/^(\d)\D/, '0$1.').replace(/^(\d{2}\D*)(\d)\D/, '$10$2.'));
  if (digits.length > 8) return typed;
  return [digits.slice(0, 2), digits.slice(2, 4), digits.slice(4)].filter((g) => g !== '').join('.');
}

/** «12.03.1985» → `1985-03-12`, or undefined when there is no such day. */
export function parseTypedDate(typed: string): string | undefined {
  const digits = digitsOf(typed);
  if (digits.length !== 8) return undefined;
  const [day, month, year] = [digits.slice(0, 2), digits.slice(2, 4), digits.slice(4)];
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  const exists = date.getUTCDate() === Number(day) && date.getUTCMonth() === Number(month) - 1;
  return exists && Number(year) >= 1900 ? `${year}-${month}-${day}` : undefined;
}
