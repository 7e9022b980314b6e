/**
 * How names, phones and e-mail addresses that people type and paste are read: what is accepted is kept in
 * one form, and what is wrong is refused, never made to fit. The rules are the server's (src/base/texts.rs,
 * src/registry/members/names.rs); `tests/it/data/typed.json` is the table of both.
 */

import type { FieldCode } from '../api/codes';

const LATIN = 'AaBCcEeËëHKkMOoPpTXxYy';
const CYRILLIC = 'АаВСсЕеЁёНКкМОоРрТХхУу';
const SMALL_LATIN = 'abcehkmoptxyë';
const SMALL_CYRILLIC = 'авсенкмортхуе';

const CYRILLIC_LETTER = '\u0400-\u0481\u048a-\u052f';
const LATIN_LETTER = 'A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff';
const HAS_CYRILLIC = new RegExp(`[${CYRILLIC_LETTER}]`);
const HAS_LATIN = new RegExp(`[${LATIN_LETTER}]`);
const NAME = new RegExp(`^[${CYRILLIC_LETTER}${LATIN_LETTER}][${CYRILLIC_LETTER}${LATIN_LETTER}\\-' .()]*$`);
const MAX_NAME_CHARACTERS = 100;

/** Composed (NFC), without what cannot be seen, spaces trimmed and single, typographic hyphens and apostrophes plain. */
export function tidy(typed: string): string {
  return typed
    .replace(/\p{White_Space}/gu, ' ')
    .replace(/[\p{Cc}\p{Cf}\p{Co}\p{Default_Ignorable_Code_Point}]/gu, '')
    .normalize('NFC')
    .replace(/[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]/g, '-')
    .replace(/[’‘‛ʼʻ`´′＇]/g, "'")
    .trim()
    .replace(/ +/g, ' ');
}

/** What was read, or the code of the reason why it cannot be what it should. */
export type Reading = { kept: string; fault?: never } | { fault: FieldCode; kept?: never };

const fault = (code: FieldCode): Reading => ({ fault: code });

export function readName(typed: string): Reading {
  const joined = withPalochka(withoutStress(tidy(typed))).replace(/ *- */g, '-');
  if (joined === '') return fault('required');
  if (joined.length > MAX_NAME_CHARACTERS) return fault('too-long');
  if (!NAME.test(joined)) return fault('name-invalid');
  const kept = inOneScript(joined);
  return kept === undefined ? fault('name-mixed') : { kept };
}

/** Words within a name that are small in it. */
const SMALL_WORDS = ['оглы', 'кызы', 'гызы', 'улы', 'уулу', 'фон', 'де', 'да', 'ла', 'ван', 'дер', 'ибн', 'бен'];

/** A name typed in small letters as it is written; a word with any capital stays as it was typed. */
export function withCapitals(typed: string): string {
  const isAlone = (word: string) => typed.trim() === word;
  return typed.replace(/[\p{L}\p{M}'’]+/gu, (word) => {
    if (word !== word.toLowerCase() || (SMALL_WORDS.includes(word) && !isAlone(word))) return word;
    return word.replace(/^\p{L}(['’]\p{L})?/u, (initial) => initial.toUpperCase());
  });
}

/** What people write into the field where there is none, in search form. */
const NO_MIDDLE_NAME = ['', 'нет', 'нет отчества', 'без отчества', 'отсутствует', 'не имеет'];

/** A middle name; empty also where it was said in words, or by a dash, that there is none. */
export function readMiddleName(typed: string): Reading {
  const isNone = NO_MIDDLE_NAME.includes(searchForm(typed).replace(/\.+$/, ''));
  return isNone ? { kept: '' } : readName(typed);
}

const PALOCHKA = '\u04c0';
const CONSONANTS = 'гкптхцчш';
const VOWELS = 'аеёиоуыэюя';
const WITHIN = new RegExp(
  `([${CONSONANTS}${CONSONANTS.toUpperCase()}])[Il1](?=[${VOWELS}${VOWELS.toUpperCase()}])`,
  'g',
);
const AT_THE_BEGINNING = /(^|[ -])[Il1](?=[аиуэАИУЭ])/g;
/** Among capitals it may be the Ukrainian letter. */
const UKRAINIAN = new RegExp(
  `([${CONSONANTS}])\u0406(?=[${VOWELS}${VOWELS.toUpperCase()}])|([${CONSONANTS.toUpperCase()}])\u0406(?=[${VOWELS}])`,
  'g',
);

/**
 * The palochka of Caucasian names, which no keyboard of theirs has, where something that looks like it was typed: between
 * a consonant and a vowel, or before a vowel that begins a word.
 */
function withPalochka(name: string): string {
  return name
    .replace(/\u04cf/g, PALOCHKA)
    .replace(WITHIN, `$1${PALOCHKA}`)
    .replace(AT_THE_BEGINNING, `$1${PALOCHKA}`)
    .replace(UKRAINIAN, `$1$2${PALOCHKA}`);
}

/** A name in which letters of another script slipped in, mended; nothing where they look like nothing else. */
function inOneScript(name: string): string | undefined {
  if (!(HAS_CYRILLIC.test(name) && HAS_LATIN.test(name))) return name;
  const cyrillic = withLetters(name, LATIN, CYRILLIC);
  if (!HAS_LATIN.test(cyrillic)) return cyrillic;
  const latin = withLetters(name, CYRILLIC, LATIN);
  return HAS_CYRILLIC.test(latin) ? undefined : latin;
}

function withLetters(text: string, from: string, to: string): string {
  return text.replace(/./gu, (letter) => to[from.indexOf(letter)] ?? letter);
}

/** Marks of stress are no part of a name; neither where Unicode has a letter with the mark in it. */
function withoutStress(text: string): string {
  const bare = text.replace(/[\u0300\u0301]/g, '');
  return withLetters(bare, '\u0400\u0450\u040d\u045d', 'ЕеИи').normalize('NFC');
}

/** The form in which names are searched and matched. */
export function searchForm(text: string): string {
  const small = withPalochka(withoutStress(tidy(text))).toLowerCase();
  const folded = withLetters(small, SMALL_LATIN, SMALL_CYRILLIC);
  return folded.replace(/ё/g, 'е').replace(/-/g, ' ').trim().replace(/ +/g, ' ');
}

/** A phone number of Russia or Kazakhstan as `+7` and ten digits. */
export function readPhone(typed: string): Reading {
  const text = tidy(typed);
  const hasCountry = text.startsWith('+');
  const rest = hasCountry ? text.slice(1) : text;
  if (!/^[\d\-(). ]*$/.test(rest)) return fault('phone-invalid');
  const digits = rest.replace(/\D/g, '');
  if (hasCountry && digits !== '' && !digits.startsWith('7')) return fault('phone-foreign');
  // In «8 912 …» the 8 stands alone; in «(812) 345-…» it begins the code of a city.
  const firstGroup = /\d+/.exec(rest)?.[0].length ?? 0;
  const hasPrefix = /^[78]/.test(digits) && (hasCountry || firstGroup === 1 || digits.length === 11);
  const national = hasPrefix ? digits.slice(1) : digits;
  // Russia's codes begin with 3, 4, 8 or 9, Kazakhstan's with 6 or 7. No code is 88… or 89…: a country's 8 has slipped in.
  const isWhole = /^(?!8[89])[346789]\d{9}$/.test(national);
  const isKept = isWhole && (hasPrefix || canStandAlone(national, firstGroup));
  return isKept ? { kept: `+7${national}` } : fault('phone-invalid');
}

/** Whether ten digits without a country can be nothing else than a whole number; else a digit may be missing. */
function canStandAlone(digits: string, firstGroup: number): boolean {
  const isBare = firstGroup === digits.length;
  return /^[349]/.test(digits) || (digits.startsWith('8') && !(isBare && /^8[3489]/.test(digits)));
}

/** `+79123456789` → «+7 912 345-67-89»; what is no such number stays as it is. */
export function shownPhone(kept: string): string {
  return kept.replace(/^\+7(\d{3})(\d{3})(\d{2})(\d{2})$/, '+7 $1 $2-$3-$4');
}

/** What was typed, in the shown form once it is a whole number, and untouched before. */
export function tidyPhone(typed: string): string {
  return shownPhone(readPhone(typed).kept ?? typed);
}

const MAILBOX = /^(?=.{1,64}@)[A-Za-z0-9_\-+']+(\.[A-Za-z0-9_\-+']+)*@/;
const HOST_LABEL = new RegExp(`^(?=.{1,63}$)[A-Za-z0-9${CYRILLIC_LETTER}]+(-+[A-Za-z0-9${CYRILLIC_LETTER}]+)*$`);
const MAX_EMAIL_CHARACTERS = 254;

export function readEmail(typed: string): Reading {
  const text = tidy(typed);
  const host = text.replace(MAILBOX, '');
  const labels = host.split('.');
  const top = labels.at(-1) ?? '';
  const isOne =
    host !== text &&
    [...text].length <= MAX_EMAIL_CHARACTERS &&
    labels.length > 1 &&
    labels.every((label) => HOST_LABEL.test(label)) &&
    /^(?!\d+$).{2,}$/u.test(top) &&
    !(HAS_CYRILLIC.test(host) && HAS_LATIN.test(host));
  return isOne ? { kept: text } : fault('email-invalid');
}

/** A link to write to an address, which carries nothing but the address, whatever stands in the register. */
export function mailtoHref(email: string): string {
  return `mailto:${email.split('@').map(encodeURIComponent).join('@')}`;
}
