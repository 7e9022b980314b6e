// Feeds a playing video to the decoder, one frame at a time, until something is read.
import type { Decoded, Frame } from './decode.worker';

let worker: Worker | null = null;

/** Starts the decoder ahead of the first frame: its WebAssembly takes a moment to compile. */
export function warmDecoder(): Worker {
  worker ??= new Worker(new URL('./decode.worker.ts', import.meta.url), { type: 'module' });
  return worker;
}

/** Calls `onText` with each text that is read, until the returned function is called. */
export function readFrames(video: HTMLVideoElement, onText: (text: string) => void): () => void {
  const decoder = warmDecoder();
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d', { willReadFrequently: true });
  let stopped = false;
  let waiting = false;

  const answer = ({ data }: MessageEvent<Decoded>): void => {
    waiting = false;
    if (stopped) return;
    if (data.text !== null) onText(data.text);
  };
  decoder.addEventListener('message', answer);

  const tick = (): void => {
    if (stopped) return;
    requestAnimationFrame(tick);
    if (waiting || !context || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || video.videoWidth === 0) return;
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    context.drawImage(video, 0, 0);
    const frame = context.getImageData(0, 0, canvas.width, canvas.height);
    waiting = true;
    decoder.postMessage({ frame } satisfies Frame, [frame.data.buffer]);
  };
  requestAnimationFrame(tick);

  return () => {
    stopped = true;
    decoder.removeEventListener('message', answer);
  };
}
