/**
 * The language of the texts. Russian, unless a face has its texts in another one and somebody chose that there; the choice is kept
 * on the device. A message that is not translated yet stays Russian.
 */
import { keepChoice, readChoice } from './local';
import { baseLocale, isLocale, overwriteGetLocale, type Locale } from '../messages/generated/runtime.js';

const CHOICE_KEY = 'locale';

let current = $state<Locale>(baseLocale);
overwriteGetLocale(() => current);

export const locale = {
  get current(): Locale {
    return current;
  },
};

/** Takes the device's choice, for as long as a face that offers one is shown: until the returned function is called. */
export function offerLocales(): () => void {
  const chosen = readChoice(CHOICE_KEY);
  speak(isLocale(chosen) ? chosen : baseLocale);
  return () => speak(baseLocale);
}

export function chooseLocale(chosen: Locale): void {
  keepChoice(CHOICE_KEY, chosen);
  speak(chosen);
}

function speak(next: Locale): void {
  current = next;
  document.documentElement.lang = next;
}
