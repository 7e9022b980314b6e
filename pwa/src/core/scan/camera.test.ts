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
  vi.stubGlobal('localStorage', { getItem: () => null, setItem: () => undefined });
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

/** As WebKit has it: an error of a class of its own, which is no DOMException. */
class OverconstrainedError {
  readonly name = 'OverconstrainedError';
  readonly constraint = 'deviceId';
}

test('the camera that was chosen last time and is gone is replaced by another, in every engine', async () => {
  const { keepChoice } = await import('../local');
  keepChoice('scan.camera', 'gone');
  const working = navigator.mediaDevices.getUserMedia;
  const asked: unknown[] = [];
  navigator.mediaDevices.getUserMedia = async (constraints) => {
    const { video } = constraints as { video: MediaTrackConstraints };
    asked.push(video.deviceId ?? video.facingMode);
    if (video.deviceId) throw new OverconstrainedError();
    return working(constraints);
  };
  const { openCamera } = await import('./camera');
  expect((await openCamera()).deviceId).toBe('back');
  expect(asked).toEqual([{ exact: 'gone' }, 'environment']);
});

test.each([
  [new DOMException('', 'NotAllowedError'), 'denied'],
  [new DOMException('', 'NotReadableError'), 'busy'],
  [new OverconstrainedError(), 'none'],
  [new TypeError('no'), 'unsupported'],
  [null, 'unsupported'],
])('%s has a reason in words', async (cause, failure) => {
  const { cameraFailure } = await import('./camera');
  expect(cameraFailure(cause)).toBe(failure);
});

test('an opening that never ends does not hold up the next one', async () => {
  const working = navigator.mediaDevices.getUserMedia;
  navigator.mediaDevices.getUserMedia = () => new Promise(() => undefined);
  const { openCamera, reopenCamera } = await import('./camera');
  void openCamera();
  navigator.mediaDevices.getUserMedia = working;
  expect((await reopenCamera()).deviceId).toBe('back');
});

test('of several lenses the main one is taken, and the one that was handed out is let go', async () => {
  const working = navigator.mediaDevices.getUserMedia;
  const asked: unknown[] = [];
  navigator.mediaDevices.getUserMedia = async (constraints) => {
    const { video } = constraints as { video: MediaTrackConstraints };
    asked.push(video.deviceId ?? video.facingMode);
    const stream = await working(constraints);
    return Object.assign(stream, {
      getVideoTracks: () => [Object.assign(tracks.at(-1)!, { label: 'camera2 2, facing back' })],
    });
  };
  navigator.mediaDevices.enumerateDevices = async () =>
    [2, 0].map((id) => ({
      kind: 'videoinput',
      deviceId: `lens-${id}`,
      label: `camera2 ${id}, facing back`,
    })) as MediaDeviceInfo[];
  const { openCamera } = await import('./camera');
  await openCamera();
  expect(asked).toEqual(['environment', { exact: 'lens-0' }]);
  expect(tracks.map(({ stop }) => stop.mock.calls.length)).toEqual([1, 0]);
});

test('one that no screen shows is closed after minutes, unless it is wanted again', async () => {
  const { leaveCamera, openCamera } = await import('./camera');
  vi.useFakeTimers();
  const camera = await openCamera();
  leaveCamera();
  await vi.advanceTimersByTimeAsync(299_000);
  expect(await openCamera()).toBe(camera);
  await vi.advanceTimersByTimeAsync(299_000);
  leaveCamera();
  await vi.advanceTimersByTimeAsync(300_000);
  expect(tracks[0]!.stop).toHaveBeenCalledOnce();
  vi.useRealTimers();
});
