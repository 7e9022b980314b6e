// A till is open all day: its pictures are looked at as often as a person needs, and no more.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { decodePicture } from './decoder';
import { readFrames } from './frames';

vi.mock('./decoder', () => ({ decodePicture: vi.fn(async () => []) }));

const FRAMES_PER_SECOND = 60;

let draw: FrameRequestCallback | undefined;

beforeEach(() => {
  const pen = { drawImage: () => undefined, getImageData: () => ({}) };
  vi.stubGlobal('document', { createElement: () => ({ getContext: () => pen }) });
  vi.stubGlobal('HTMLMediaElement', { HAVE_CURRENT_DATA: 2 });
  vi.stubGlobal('requestAnimationFrame', (run: FrameRequestCallback) => void (draw = run));
});

afterEach(() => vi.unstubAllGlobals());

async function pass(seconds: number): Promise<void> {
  for (let frame = 0; frame < seconds * FRAMES_PER_SECOND; frame += 1) {
    draw?.((frame * 1_000) / FRAMES_PER_SECOND);
    await Promise.resolve();
    await Promise.resolve();
  }
}

test('of sixty pictures a second at most ten are decoded, until it is told to stop', async () => {
  const stop = readFrames({ readyState: 4, videoWidth: 1280, videoHeight: 720 } as HTMLVideoElement, vi.fn(), vi.fn());
  await pass(10);
  const looks = vi.mocked(decodePicture).mock.calls.length;
  expect(looks).toBeGreaterThan(80);
  expect(looks).toBeLessThanOrEqual(100);
  stop();
  await pass(1);
  expect(vi.mocked(decodePicture)).toHaveBeenCalledTimes(looks);
});
