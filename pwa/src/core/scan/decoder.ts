// The QR decoder behind its worker: one picture in, its text out.
import type { Decoded, Frame } from './decode.worker';

let worker: Worker | null = null;
let lastId = 0;
const waiting = new Map<number, (text: string | null) => void>();

/** Starts the decoder ahead of the first picture: its WebAssembly takes a moment to compile. */
export function warmDecoder(): Worker {
  if (worker) return worker;
  worker = new Worker(new URL('./decode.worker.ts', import.meta.url), { type: 'module' });
  worker.addEventListener('message', ({ data: { id, text } }: MessageEvent<Decoded>) => {
    waiting.get(id)?.(text);
    waiting.delete(id);
  });
  worker.addEventListener('error', () => {
    for (const answer of waiting.values()) answer(null);
    waiting.clear();
  });
  return worker;
}

/** The text of a code in the picture, or null where none can be read. The picture's pixels go to the worker for good. */
export function decodePicture(picture: ImageData): Promise<string | null> {
  const id = ++lastId;
  return new Promise((resolve) => {
    waiting.set(id, resolve);
    warmDecoder().postMessage({ id, picture } satisfies Frame, [picture.data.buffer]);
  });
}
