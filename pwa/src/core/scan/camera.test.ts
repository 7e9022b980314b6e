// One camera over a visit, against a device that can be unplugged.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

class Track extends EventTarget {
  settings: Record<string, unknown> = { deviceId: 'back' };
  getSettings = () => this.settings;
  getCapabilities = () => ({ torch: true, zoom: { min: 1, max: 4, step: 0.1 } });
  applyConstraints = async ({ advanced }: { advanced: object[] }) => void Object.assign(this.settings, ...advanced);
  stop = vi.fn();
}

let tracks: Track[];

beforeEach(() => {
  vi.resetModules();
  tracks = [];
  vi.stubGlobal('localStorage', { getItem: () => null });
  vi.stubGlobal('navigator', {
    mediaDevices: {
      getUserMedia: async () => {
        const track = new Track();
        tracks.push(track);
        return { getVideoTracks: () => [track], getTracks: () => [track] };
      },
    },
  });
});

afterEach(() => vi.unstubAllGlobals());

test('the screens of a visit share a stream, and after the camera was unplugged they get another', async () => {
  const { openCamera, whenLost } = await import('./camera');
  const camera = await openCamera();
  expect(await openCamera()).toBe(camera);
  const lost = vi.fn();
  whenLost(camera, lost);
  tracks[0]!.dispatchEvent(new Event('ended'));
  expect(lost).toHaveBeenCalledOnce();
  expect(await openCamera()).not.toBe(camera);
  expect(tracks).toHaveLength(2);
});

test('the lamp and the zoom are told as the device has them', async () => {
  const { openCamera, setTorch, setZoom, settingsOf } = await import('./camera');
  const camera = await openCamera();
  expect(settingsOf(camera)).toEqual({ torch: false, zoom: 1 });
  await setTorch(camera, true);
  await setZoom(camera, 2.5);
  expect(settingsOf(await openCamera())).toEqual({ torch: true, zoom: 2.5 });
});
