// The QR decoder behind its worker: one picture in, the texts of its codes out. A worker that fails is thrown away, and the next picture
// starts another: what it had loaded may be what is broken.
import type { Decoded, Frame } from './decode.worker';

/** The first picture also waits for the WebAssembly, which may come over a slow network. */
const DECODED_WITHIN_MILLIS = 30_000;

/** Not "no code in the picture": the decoder itself did not work. */
export class DecoderFailed extends Error {}

interface Waiting {
  done: (texts: string[]) => void;
  fail: (cause: DecoderFailed) => void;
}

let worker: Worker | null = null;
let lastId = 0;
const waiting = new Map<number, Waiting>();

/** Starts the decoder ahead of the first picture: its WebAssembly takes a moment to compile. */
export function warmDecoder(): Worker {
  if (worker) return worker;
  const started = new Worker(new URL('./decode.worker.ts', import.meta.url), { type: 'module' });
  started.addEventListener('message', ({ data }: MessageEvent<Decoded>) => {
    if ('failure' in data) return giveUp(started, data.failure);
    waiting.get(data.id)?.done(data.texts);
  });
  started.addEventListener('error', ({ message }) => giveUp(started, message));
  worker = started;
  return started;
}

function giveUp(broken: Worker, reason: string): void {
  broken.terminate();
  if (broken !== worker) return;
  worker = null;
  for (const { fail } of waiting.values()) fail(new DecoderFailed(reason));
}

/** The texts of the codes in the picture; none where none can be read. The picture's pixels go to the worker for good. */
export async function decodePicture(picture: ImageData, isStill: boolean): Promise<string[]> {
  const id = ++lastId;
  const decoder = warmDecoder();
  const timer = setTimeout(() => giveUp(decoder, 'no answer'), DECODED_WITHIN_MILLIS);
  try {
    return await new Promise<string[]>((done, fail) => {
      waiting.set(id, { done, fail });
      decoder.postMessage({ id, picture, isStill } satisfies Frame, [picture.data.buffer]);
    });
  } finally {
    clearTimeout(timer);
    waiting.delete(id);
  }
}
