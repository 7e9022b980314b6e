/**
 * How figures, dates and numbers are written for a person, whatever the browser's language. Figures
 * are written alike in every language, as on the receipt; months and spans are words of the texts' own.
 */
import { getLocale, type Locale } from '../messages/generated/runtime.js';

const LOCALE = 'ru-RU';
const WORDS_LOCALES: Record<Locale, string> = { ru: LOCALE, en: 'en-GB' };
const NBSP = '\u00a0';
const MINUS = '\u2212';

export interface MoneyStyle {
  /** Whether a «+» stands before what is not negative. */
  signed?: boolean;
  /** Whether «,00» is left out. */
  short?: boolean;
}

/** 123450 → «1 234,50 ₽», with no-break spaces. */
export function money(kopecks: number, style: MoneyStyle = {}): string {
  if (!Number.isSafeInteger(kopecks)) throw new RangeError(`not whole kopecks: ${kopecks}`);
  const absolute = Math.abs(kopecks);
  const roubles = String(Math.floor(absolute / 100)).replace(/\B(?=(\d{3})+$)/g, NBSP);
  const rest = absolute % 100;
  const fraction = style.short && rest === 0 ? '' : `,${String(rest).padStart(2, '0')}`;
  const sign = kopecks < 0 ? MINUS : style.signed ? '+' : '';
  return `${sign}${roubles}${fraction}${NBSP}₽`;
}

/** 300 → «3 %», 250 → «2,5 %». */
export function percent(basisPoints: number): string {
  const figure = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 2 });
  return `${figure.format(basisPoints / 100)}${NBSP}%`;
}

/** 12345 → «12 345». */
export function count(value: number): string {
  return new Intl.NumberFormat(LOCALE).format(value);
}

const dayMonths = new Map<Locale, Intl.DateTimeFormat>();
const monthYear = onFirstUse(() => new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'long', year: 'numeric' }));
const hourMinute = onFirstUse(() => new Intl.DateTimeFormat(LOCALE, { hour: '2-digit', minute: '2-digit' }));
const relative = onFirstUse(() => new Intl.RelativeTimeFormat(LOCALE, { numeric: 'auto' }));

/** On a slow phone a formatter takes ten milliseconds and more to make, which the card would wait for. */
function onFirstUse<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

/** A calendar date has no time zone: `2026-11-22` is that day wherever the phone is. */
function localDay(isoDate: string): Date {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(isoDate);
  if (!match) throw new RangeError(`not a date: ${isoDate}`);
  return new Date(Number(match[1]), Number(match[2]) - 1, Number(match[3]));
}

function fromSeconds(seconds: number): Date {
  return new Date(seconds * 1000);
}

/** «22 ноября», «22 November». */
function dayMonth(date: Date): string {
  const locale = getLocale();
  let format = dayMonths.get(locale);
  if (!format)
    dayMonths.set(locale, (format = new Intl.DateTimeFormat(WORDS_LOCALES[locale], { day: 'numeric', month: 'long' })));
  return format.format(date).replaceAll(' ', NBSP);
}

function longDate(date: Date): string {
  return `${dayMonth(date)}${NBSP}${date.getFullYear()}`;
}

/** `2026-11-22` → «22 ноября 2026». */
export function calendarDate(isoDate: string): string {
  return longDate(localDay(isoDate));
}

/** `2026-11-22` → «22.11.2026». */
export function shortDate(isoDate: string): string {
  return isoDate.split('-').reverse().join('.');
}

/** `2015-09-01` → «сентября 2015», as it follows «с». */
export function monthOf(isoDate: string): string {
  const parts = monthYear().formatToParts(localDay(isoDate));
  const month = parts.find((part) => part.type === 'month')?.value ?? '';
  return `${month}${NBSP}${isoDate.slice(0, 4)}`;
}

/**
 * The calendar day where this device is, `2026-11-22`, as people there date what they write. Nowhere in Russia is
 * it later than in Kamchatka, and the register takes no later day.
 */
export function dayHere(seconds: number): string {
  const day = (zone: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat('sv-SE', zone).format(seconds * 1000);
  const [here, latest] = [day({}), day({ timeZone: 'Asia/Kamchatka' })];
  return here < latest ? here : latest;
}

/** Unix seconds → «22 ноября 2026». */
export function dateOf(seconds: number): string {
  return longDate(fromSeconds(seconds));
}

/** Unix seconds → «22.11.2026». */
export function shortDateOf(seconds: number): string {
  return fromSeconds(seconds).toLocaleDateString(LOCALE);
}

/** Unix seconds → «14:05». */
export function timeOf(seconds: number): string {
  return hourMinute().format(fromSeconds(seconds));
}

/** «14:05» today, «21 ноября, 14:05» this year, with the year beyond. */
export function momentOf(seconds: number, nowSeconds: number): string {
  const [date, now] = [fromSeconds(seconds), fromSeconds(nowSeconds)];
  if (date.toDateString() === now.toDateString()) return timeOf(seconds);
  const sameYear = date.getFullYear() === now.getFullYear();
  const day = sameYear ? dayMonth(date) : longDate(date);
  return `${day}, ${timeOf(seconds)}`;
}

const steps: [unit: Intl.RelativeTimeFormatUnit, seconds: number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** «3 минуты назад»; older than a week it is a date. */
export function ago(seconds: number, nowSeconds: number): string {
  const difference = seconds - nowSeconds;
  if (Math.abs(difference) >= 7 * 86_400) return dateOf(seconds);
  for (const [unit, length] of steps) {
    if (Math.abs(difference) >= length) return relative().format(Math.trunc(difference / length), unit);
  }
  return relative().format(0, 'second');
}

/** «Иванова Мария Петровна» → «Иванова М. П.» */
export function shortName(fullName: string): string {
  const [last = '', ...given] = fullName.split(/\s+/);
  return [last, ...given.map((name) => `${name.charAt(0)}.`)].join(NBSP);
}

/** `480123456786` → «4801 2345 6786». */
export function cardNumber(number: string): string {
  return number.replace(/(\d{4})(?=\d)/g, `$1${NBSP}`);
}
