// Which of two decoders is believed. The browser's own is quick and easy on the battery, but may be there and hang, throw, claim
// formats that it does not read, or find nothing for ever; the one that is served with the app is slower and the same everywhere.
import { within } from '../within';

/** The texts of all the codes in a picture. */
export type Decode = (picture: ImageData) => Promise<string[]>;

export type Read = (picture: ImageData, isStill: boolean) => Promise<string[]>;

const ANSWERS_WITHIN_MILLIS = 2_000;
/** Of the pictures in which the browser's decoder sees nothing, every so many are looked at again. */
const SECOND_LOOK_EVERY = 5;
/** A code may lie at the edge of what either can read: only one that misses more than that is worse. */
const MISSES_FORGIVEN = 1;

/** Also what throws before it promises is refused, and what never answers. */
async function look(native: Decode, picture: ImageData): Promise<string[]> {
  return within(ANSWERS_WITHIN_MILLIS, 'detector', native(picture));
}

/** `native`: none where the browser has no decoder of its own. `own` loads the app's decoder at its first picture. */
export function decoderOf(native: Decode | null, own: Decode): Read {
  let trusted = native;
  let blanks = 0;
  let misses = 0;

  function distrust(cause: unknown): void {
    console.warn('detector', cause);
    trusted = null;
  }

  return async (picture, isStill) => {
    if (!trusted) return own(picture);
    const seen = await look(trusted, picture).catch(distrust);
    if (!seen) return own(picture);
    if (seen.length > 0) return seen;
    blanks += 1;
    // A still picture has no next one.
    if (!isStill && blanks % SECOND_LOOK_EVERY !== 0) return [];
    const found = await own(picture).catch(() => []);
    if (found.length > 0) misses += 1;
    if (misses > MISSES_FORGIVEN) distrust('it misses codes');
    return found;
  };
}
