/** The activation code as a person types it: Crockford's base 32, ten characters, `XXXXX-XXXXX`. */

const LENGTH = 10;
const ALPHABET = /[0-9A-HJKMNP-TV-Z]/;

/** What the eye or a Russian keyboard makes of the alphabet's letters. */
const meant: Record<string, string> = {
  O: '0', О: '0',
  I: '1', L: '1',
  А: 'A', В: 'B', С: 'C', Е: 'E', Н: 'H', К: 'K', М: 'M', Р: 'P', Т: 'T', Х: 'X', У: 'Y',
};

export function codeMask(typed: string): string {
  const characters = [...typed.toUpperCase()]
    .map((character) => meant[character] ?? character)
    .filter((character) => ALPHABET.test(character))
    .slice(0, LENGTH)
    .join('');
  return characters.length > LENGTH / 2
    ? `${characters.slice(0, LENGTH / 2)}-${characters.slice(LENGTH / 2)}`
    : characters;
}

export function isWholeCode(code: string): boolean {
  return code.length === LENGTH + 1;
}
