// Feeds a playing video to the decoder, one frame at a time, until it is told to stop.
import { decodePicture } from './decoder';
import { cardsFirst } from './ours';

/** The failures in a row that end the reading. One is a hiccup, and the next frame has a new decoder. */
const FAILURES_IN_A_ROW = 3;
/** A code stays before a camera for a second or more; more looks than that only warm the device. */
const LOOK_EVERY_MILLIS = 100;

/** Calls `onText` with each text that is read, until the returned function is called or the decoder fails for good. */
export function readFrames(
  video: HTMLVideoElement,
  onText: (text: string) => void,
  onFailure: (cause: unknown) => void,
): () => void {
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const see = cardsFirst((text) => !stopped && onText(text));
  let stopped = false;
  let waiting = false;
  let failures = 0;
  let lookedMillis = -Infinity;

  async function decode(pen: CanvasRenderingContext2D): Promise<void> {
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    pen.drawImage(video, 0, 0);
    waiting = true;
    try {
      const texts = await decodePicture(pen.getImageData(0, 0, canvas.width, canvas.height), false);
      failures = 0;
      see(texts, performance.now());
    } catch (cause) {
      failures += 1;
      if (failures < FAILURES_IN_A_ROW || stopped) return;
      stopped = true;
      onFailure(cause);
    } finally {
      waiting = false;
    }
  }

  const tick = (atMillis: number): void => {
    if (stopped) return;
    requestAnimationFrame(tick);
    if (
      atMillis - lookedMillis < LOOK_EVERY_MILLIS ||
      waiting ||
      !context ||
      video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA ||
      video.videoWidth === 0
    )
      return;
    lookedMillis = atMillis;
    void decode(context);
  };
  requestAnimationFrame(tick);

  return () => {
    stopped = true;
  };
}
