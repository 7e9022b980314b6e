// Codes that come without a camera: a USB scanner, which types, and the clipboard.
import { TOKEN_PREFIX } from '../card/constants';
import { isOurs } from './ours';

/** A scanner's keys follow each other within milliseconds, over radio within a tenth of a second. */
const NEXT_KEY_WITHIN_MILLIS = 150;
/** In a field a person's own quick typing must not be taken for a scanner. */
const NEXT_KEY_IN_FIELD_WITHIN_MILLIS = 60;
/** A scanner without a suffix just stops. */
const OVER_AFTER_MILLIS = 300;
/** No token is shorter: less than that is somebody's typing. */
const TOKEN_LEAST_CHARS = 40;
/** A hand types no six characters that fast. A scanner that reads goods does. */
const SCANNED_LEAST_CHARS = 6;
const SCANNED_KEY_WITHIN_MILLIS = 40;

/** Tells the page that the keys just pressed were a scanner's: whoever took the first of them puts back what was there. */
export const SCANNED = 'profcards-scanned';

const SHIFTED: Record<string, string> = {
  Digit4: '$',
  Digit5: '%',
  Digit8: '*',
  Equal: '+',
  Semicolon: ':',
};
const PLAIN: Record<string, string> = {
  Space: ' ',
  Minus: '-',
  Period: '.',
  Slash: '/',
  NumpadAdd: '+',
  NumpadSubtract: '-',
  NumpadMultiply: '*',
  NumpadDivide: '/',
  NumpadDecimal: '.',
};

/** What a scanner that types as on a US keyboard leaves in a field while the layout is Russian, and what it meant. */
const RUSSIAN = 'ЙЦУКЕНГШЩЗФЫВАПРОЛДЯЧСМИТЬЖЮ.;';
const MEANT = 'QWERTYUIOPASDFGHJKLZXCVBNM:./$';

type Key = Pick<KeyboardEvent, 'code' | 'key' | 'shiftKey' | 'repeat'>;

/** The character of the QR alphabet that a scanner meant: by the key's place, for the layout may be any. */
function scannedChar({ code, key, shiftKey }: Omit<Key, 'repeat'>): string | null {
  if (shiftKey && SHIFTED[code]) return SHIFTED[code];
  if (PLAIN[code]) return PLAIN[code];
  const placed = /^(?:Key([A-Z])|(?:Digit|Numpad)([0-9]))$/.exec(code);
  if (placed) return placed[1] ?? placed[2] ?? null;
  return code === '' && key.length === 1 ? key.toUpperCase() : null;
}

/** A text that was typed into a field, as the scanner meant it. Spaces are digits of Base45: only what cannot be part of a token goes. */
export function meantText(typed: string): string {
  const text = typed.replace(/[\r\n\t]+/g, '');
  if (isOurs(text)) return text;
  const meant = [...text.toUpperCase()].map((char) => MEANT[RUSSIAN.indexOf(char)] ?? char).join('');
  return isOurs(meant) ? meant : text;
}

export interface KeystrokeReader {
  /** Whether the key belongs to a scan; it must then go nowhere else. */
  take(key: Key, atMillis: number, isInField?: boolean): boolean;
  /** Ends the scan as no key has come for a while: tells the token, or answers what looked like one. */
  pause(): string;
  /** Whether nothing of a token has been seen. */
  isIdle(): boolean;
}

/**
 * Gathers keystrokes into a token, and calls back at the scanner's Enter or Tab, or when it stops. A scan of anything else is told
 * as such: outside a field, where it would become an amount and its Enter a purchase.
 */
export function keystrokeReader(
  onText: (text: string) => void,
  onOther: () => void = () => undefined,
): KeystrokeReader {
  let text = '';
  /** How many characters have come faster than by hand. */
  let quickChars = 0;
  let lastMillis = -Infinity;

  const isScan = () => quickChars >= SCANNED_LEAST_CHARS;

  function pause(): string {
    const typed = text;
    const isOther = isScan() && !isOurs(typed);
    text = '';
    quickChars = 0;
    if (isOther) onOther();
    if (!isOurs(typed)) return '';
    if (typed.length < TOKEN_LEAST_CHARS) return typed;
    onText(typed);
    return '';
  }

  function end(): boolean {
    const isToken = isOurs(text);
    const isOther = !isToken && isScan();
    if (isToken) onText(text);
    if (isOther) onOther();
    text = '';
    quickChars = 0;
    return isToken || isOther;
  }

  function add(char: string | null): void {
    text = char === null ? '' : text + char;
    if (text.length <= TOKEN_PREFIX.length && !TOKEN_PREFIX.startsWith(text))
      text = TOKEN_PREFIX.startsWith(char ?? '?') ? char! : '';
  }

  function count({ key, repeat }: Key, gapMillis: number, isInField: boolean): void {
    if (isInField || repeat || key.length !== 1) quickChars = 0;
    else if (!isScan() && gapMillis > SCANNED_KEY_WITHIN_MILLIS) quickChars = 1;
    else quickChars += 1;
  }

  return {
    pause,
    isIdle: () => text === '',
    take(key, atMillis, isInField = false) {
      const gapMillis = atMillis - lastMillis;
      if (gapMillis > (isInField ? NEXT_KEY_IN_FIELD_WITHIN_MILLIS : NEXT_KEY_WITHIN_MILLIS)) text = '';
      if (gapMillis > NEXT_KEY_WITHIN_MILLIS) quickChars = 0;
      if (key.key === 'Shift') return isOurs(text) || isScan();
      lastMillis = atMillis;
      if (key.key === 'Enter' || key.key === 'Tab') return end();
      add(scannedChar(key));
      count(key, gapMillis, isInField);
      // Beside a field, from the prefix's digit on: it must not become a part of an amount.
      return isScan() || text.startsWith(isInField ? TOKEN_PREFIX : TOKEN_PREFIX.slice(0, -1));
    },
  };
}

/** A field, and what stood in it before a scanner began to type there. */
interface Before {
  field: HTMLInputElement | HTMLTextAreaElement;
  value: string;
  isRestored: boolean;
}

/** Listens to the whole page until the returned function is called. What a person types into a field stays there. */
export function listenForTyped(
  onText: (text: string) => void,
  onPicture: (picture: Blob) => void,
  onOther?: () => void,
): () => void {
  const reader = keystrokeReader(onText, onOther);
  let before: Before | undefined;
  let pausing: ReturnType<typeof setTimeout> | undefined;

  function pause(): void {
    const givenBack = reader.pause();
    if (givenBack !== '' && before?.isRestored) write(before.field, before.value + givenBack);
    before = undefined;
  }

  const keydown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const field = isField(event.target) ? event.target : undefined;
    if (reader.isIdle()) before = field && { field, value: field.value, isRestored: false };
    clearTimeout(pausing);
    const isTaken = reader.take(event, event.timeStamp, field !== undefined);
    pausing = setTimeout(pause, OVER_AFTER_MILLIS);
    if (!isTaken) return;
    // A space or Enter out of the token must not press the button that has the focus.
    event.preventDefault();
    event.stopPropagation();
    dispatchEvent(new Event(SCANNED));
    if (!before || before.isRestored) return;
    // The first characters went into the field before they could be known.
    before.isRestored = true;
    write(before.field, before.value);
  };
  const paste = (event: ClipboardEvent): void => {
    if (isField(event.target)) return;
    const picture = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith('image/'));
    if (picture) return onPicture(picture);
    const text = meantText(event.clipboardData?.getData('text') ?? '');
    if (text !== '') onText(text);
  };
  addEventListener('keydown', keydown, true);
  addEventListener('paste', paste);
  return () => {
    clearTimeout(pausing);
    removeEventListener('keydown', keydown, true);
    removeEventListener('paste', paste);
  };
}

/** As if it had been typed: whoever listens to the field hears of it. */
function write(field: HTMLInputElement | HTMLTextAreaElement, value: string): void {
  field.value = value;
  field.dispatchEvent(new InputEvent('input', { bubbles: true }));
}

function isField(target: EventTarget | null): target is HTMLInputElement | HTMLTextAreaElement {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
}
