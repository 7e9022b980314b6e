import { expect, test, vi } from 'vitest';
import type { Camera } from './camera';
import { pictureWatch } from './watch';

function scene() {
  const track = { muted: false, readyState: 'live' };
  const screen = { paused: false, currentTime: 0, play: vi.fn(async () => undefined) };
  const onSilent = vi.fn();
  const camera = { stream: { getVideoTracks: () => [track] } } as unknown as Camera;
  const look = pictureWatch(camera, screen, onSilent);
  let atMillis = 0;
  const pass = (seconds: number, moving: boolean) => {
    for (let i = 0; i < seconds; i += 1) {
      if (moving) screen.currentTime += 1;
      look((atMillis += 1_000));
    }
  };
  return { track, screen, onSilent, pass };
}

test('a camera that gives pictures is left alone', () => {
  const { onSilent, pass, screen } = scene();
  pass(600, true);
  expect([onSilent.mock.calls.length, screen.play.mock.calls.length]).toEqual([0, 0]);
});

test.each<[string, (of: ReturnType<typeof scene>) => void, boolean]>([
  ['stands still', () => undefined, false],
  ['is muted, though its clock runs on', ({ track }) => (track.muted = true), true],
  ['has ended without a word', ({ track }) => (track.readyState = 'ended'), true],
  ['is paused by the system', ({ screen }) => (screen.paused = true), true],
])('one that %s is told after six seconds, once', (_, happen, moving) => {
  const it = scene();
  it.pass(10, true);
  happen(it);
  it.pass(5, moving);
  expect(it.onSilent).not.toHaveBeenCalled();
  expect(it.screen.play).toHaveBeenCalled();
  it.pass(30, moving);
  expect(it.onSilent.mock.calls).toEqual([[true]]);
});

test('one that comes back in time was only slow', () => {
  const { onSilent, pass } = scene();
  pass(4, false);
  pass(4, true);
  pass(4, false);
  expect(onSilent).not.toHaveBeenCalled();
});

test('one that never gave a picture is told, too', () => {
  const { onSilent, pass } = scene();
  pass(8, false);
  expect(onSilent.mock.calls).toEqual([[false]]);
});
