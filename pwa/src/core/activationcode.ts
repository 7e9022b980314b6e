/** The activation code as a person types it: Crockford's base 32, ten characters, `XXXXX-XXXXX`. */

const LENGTH = 10;
const ALPHABET = /[0-9A-HJKMNP-TV-Z]/;

/** What the eye or a Russian keyboard makes of the alphabet's letters. */
const meant: Record<string, string> = {
  O: '0',
  О: '0',
  I: '1',
  L: '1',
  А: 'A',
  В: 'B',
  С: 'C',
  Е: 'E',
  Н: 'H',
  К: 'K',
  М: 'M',
  Р: 'P',
  Т: 'T',
  Х: 'X',
  У: 'Y',
};

/** What is longer than a code, and holds none, stays as it is: cut to fit it would be a code that nobody was given. */
export function codeMask(typed: string): string {
  const characters = charactersOf(codeWithin(typed));
  if (characters.length > LENGTH) return typed;
  return characters.length > LENGTH / 2
    ? `${characters.slice(0, LENGTH / 2)}-${characters.slice(LENGTH / 2)}`
    : characters;
}

function charactersOf(text: string): string {
  return [...text.toUpperCase()]
    .map((character) => meant[character] ?? character)
    .filter((character) => ALPHABET.test(character))
    .join('');
}

/** What was pasted may be the sheet's link, whose code follows `#`, or words around a code. */
function codeWithin(text: string): string {
  const afterHash = text.slice(text.lastIndexOf('#') + 1);
  const words = afterHash.replace(/\p{Pd}/gu, '-').split(/[^\p{L}\p{N}-]+/u);
  const codes = words.filter((word) => /^.{5}-.{5}$/u.test(word) && charactersOf(word).length === LENGTH);
  return codes.length === 1 ? codes[0]! : afterHash;
}

export function isWholeCode(code: string): boolean {
  return charactersOf(code).length === LENGTH && codeMask(code) === code;
}
