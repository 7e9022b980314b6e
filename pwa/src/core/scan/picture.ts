// A still picture of a code: uploaded, or pasted from the clipboard.
import { within } from '../within';
import { decodePicture } from './decoder';
import { isOurs } from './ours';

/** Large enough for the densest code that fills a quarter of the picture; a phone's full photograph only if that fails. */
const SIDES_MAX_PIXELS = [1600, 4096];
const OPENS_WITHIN_MILLIS = 10_000;
/** A phone's largest photograph; what is larger is no photograph, or would take the device's memory. */
const BYTES_MAX = 30 * 1024 * 1024;

/** The text of a card's code, of another where there is no card's, or null where the picture shows none. Throws a RangeError where the file is too large; others where it is no picture that this browser opens, or the decoder failed. */
export async function readPicture(file: Blob): Promise<string | null> {
  if (file.size > BYTES_MAX) throw new RangeError('too large');
  const bitmap = await within(OPENS_WITHIN_MILLIS, 'picture', createImageBitmap(file));
  try {
    let sideBefore = 0;
    let foreign: string | null = null;
    for (const sideMax of SIDES_MAX_PIXELS) {
      const side = Math.min(sideMax, Math.max(bitmap.width, bitmap.height));
      if (side === sideBefore) break;
      const texts = await decodePicture(pixelsOf(bitmap, side), true);
      foreign ??= texts[0] ?? null;
      const ours = texts.find(isOurs);
      if (ours !== undefined) return ours;
      sideBefore = side;
    }
    return foreign;
  } finally {
    bitmap.close();
  }
}

function pixelsOf(bitmap: ImageBitmap, side: number): ImageData {
  const scale = side / Math.max(bitmap.width, bitmap.height);
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('no canvas here');
  // What is transparent in a picture is paper.
  context.fillStyle = '#fff';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}
