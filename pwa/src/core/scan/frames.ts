// Feeds a playing video to the decoder, one frame at a time, until it is told to stop.
import { decodePicture } from './decoder';

/** Calls `onText` with each text that is read, until the returned function is called. */
export function readFrames(video: HTMLVideoElement, onText: (text: string) => void): () => void {
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d', { willReadFrequently: true });
  let stopped = false;
  let waiting = false;

  async function decode(pen: CanvasRenderingContext2D): Promise<void> {
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    pen.drawImage(video, 0, 0);
    waiting = true;
    const text = await decodePicture(pen.getImageData(0, 0, canvas.width, canvas.height));
    waiting = false;
    if (text !== null && !stopped) onText(text);
  }

  const tick = (): void => {
    if (stopped) return;
    requestAnimationFrame(tick);
    if (waiting || !context || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || video.videoWidth === 0) return;
    void decode(context);
  };
  requestAnimationFrame(tick);

  return () => {
    stopped = true;
  };
}
