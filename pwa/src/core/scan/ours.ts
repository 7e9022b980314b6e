// Before a till's camera there are other codes too, as of payments. A card's goes first.
import { TOKEN_PREFIX } from '../card/constants';

export function isOurs(text: string): boolean {
  return text.startsWith(TOKEN_PREFIX);
}

/** A card beside another code may be sharp a few frames later. */
const FOREIGN_ALONE_MILLIS = 1_000;
/** A code that flickers is the same one still. */
const UNSEEN_AT_MOST_MILLIS = 500;

/** Tells of each card in a picture at once; of another code only when it has been alone for a while. */
export function cardsFirst(onText: (text: string) => void): (texts: string[], atMillis: number) => void {
  let foreign: string | undefined;
  let firstMillis = 0;
  let lastMillis = 0;
  return (texts, atMillis) => {
    const ours = texts.filter(isOurs);
    if (ours.length > 0) {
      foreign = undefined;
      return ours.forEach(onText);
    }
    const [other] = texts;
    if (other === undefined) return;
    if (other !== foreign || atMillis - lastMillis > UNSEEN_AT_MOST_MILLIS) {
      foreign = other;
      firstMillis = atMillis;
    }
    lastMillis = atMillis;
    if (atMillis - firstMillis >= FOREIGN_ALONE_MILLIS) onText(other);
  };
}
