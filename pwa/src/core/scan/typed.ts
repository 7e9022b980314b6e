// Codes that come without a camera: a USB scanner, which types, and the clipboard.
import { TOKEN_PREFIX } from '../card/constants';

const NEXT_KEY_WITHIN_MILLIS = 150;

const SHIFTED: Record<string, string> = {
  Digit4: '$', Digit5: '%', Digit8: '*', Equal: '+', Semicolon: ':',
};
const PLAIN: Record<string, string> = {
  Space: ' ', Minus: '-', Period: '.', Slash: '/',
  NumpadAdd: '+', NumpadSubtract: '-', NumpadMultiply: '*', NumpadDivide: '/', NumpadDecimal: '.',
};

type Key = Pick<KeyboardEvent, 'code' | 'key' | 'shiftKey'>;

/**
 * The character of the QR alphabet that a scanner meant. By the key's place, for a scanner types as on a US keyboard
 * while the till's layout may be Russian.
 */
function scannedChar({ code, key, shiftKey }: Key): string | null {
  if (shiftKey && SHIFTED[code]) return SHIFTED[code];
  if (PLAIN[code]) return PLAIN[code];
  const placed = /^(?:Key([A-Z])|(?:Digit|Numpad)([0-9]))$/.exec(code);
  if (placed) return placed[1] ?? placed[2] ?? null;
  return code === '' && key.length === 1 ? key.toUpperCase() : null;
}

/** Gathers keystrokes into a token; says of each whether it belongs to one, and calls back at the scanner's Enter. */
export function keystrokeReader(onText: (text: string) => void): (key: Key, atMillis: number) => boolean {
  let text = '';
  let lastMillis = 0;
  return (key, atMillis) => {
    if (atMillis - lastMillis > NEXT_KEY_WITHIN_MILLIS) text = '';
    const inToken = text.startsWith(TOKEN_PREFIX);
    if (key.key === 'Shift') return inToken;
    lastMillis = atMillis;
    if (key.key === 'Enter') {
      if (inToken) onText(text);
      text = '';
      return inToken;
    }
    const char = scannedChar(key);
    text = char === null ? '' : text + char;
    if (text.length <= TOKEN_PREFIX.length && !TOKEN_PREFIX.startsWith(text)) text = TOKEN_PREFIX.startsWith(char ?? '?') ? char! : '';
    // From the prefix's digit on: it must not become a part of an amount.
    return text.startsWith(TOKEN_PREFIX) || text === TOKEN_PREFIX.slice(0, -1);
  };
}

/** Listens to the whole page until the returned function is called. Whatever is typed into a field stays there. */
export function listenForTyped(onText: (text: string) => void, onPicture: (picture: Blob) => void): () => void {
  const read = keystrokeReader(onText);
  const keydown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.altKey || event.metaKey || isField(event.target)) return;
    if (!read(event, event.timeStamp)) return;
    // A space or Enter out of the token must not press the button that has the focus.
    event.preventDefault();
    event.stopPropagation();
  };
  const paste = (event: ClipboardEvent): void => {
    if (isField(event.target)) return;
    const picture = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith('image/'));
    if (picture) return onPicture(picture);
    const text = withoutLineEnd(event.clipboardData?.getData('text') ?? '');
    if (text !== '') onText(text);
  };
  addEventListener('keydown', keydown, true);
  addEventListener('paste', paste);
  return () => {
    removeEventListener('keydown', keydown, true);
    removeEventListener('paste', paste);
  };
}

/** Spaces are digits of Base45, so only what cannot be part of a token goes. */
export function withoutLineEnd(text: string): string {
  return text.replace(/[\r\n\t]+/g, '');
}

function isField(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;
}
