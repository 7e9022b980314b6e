// Sound as phones give it: after a touch, and taken away by a lock or a call.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
// Read before any time limit runs: it brings all the words along, a file each.
import './signal';

/** As WebKit has it. */
class Sound {
  static made: Sound[] = [];
  state = 'suspended';
  resume = vi.fn(async () => void (this.state = 'running'));
  close = vi.fn(async () => void (this.state = 'closed'));
  constructor() {
    Sound.made.push(this);
  }
}

let allowSound: () => void;

beforeEach(async () => {
  vi.resetModules();
  vi.useFakeTimers();
  Sound.made = [];
  vi.stubGlobal('AudioContext', Sound);
  ({ allowSound } = await import('./signal'));
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('a sound that was interrupted goes on at the next touch', async () => {
  allowSound();
  await vi.advanceTimersByTimeAsync(0);
  const [sound] = Sound.made;
  sound!.state = 'interrupted';
  allowSound();
  await vi.advanceTimersByTimeAsync(0);
  expect(sound!.state).toBe('running');
  expect(Sound.made).toHaveLength(1);
});

test.each([
  ['never answers', () => new Promise<void>(() => undefined)],
  ['changes nothing', async () => undefined],
  ['is refused', () => Promise.reject(new DOMException('', 'InvalidStateError'))],
])('one whose going on %s is given up, and the next touch makes another', async (_, resume) => {
  allowSound();
  await vi.advanceTimersByTimeAsync(0);
  const [sound] = Sound.made;
  Object.assign(sound!, { state: 'interrupted', resume });
  allowSound();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(sound!.close).toHaveBeenCalled();
  allowSound();
  await vi.advanceTimersByTimeAsync(0);
  expect(Sound.made[1]!.state).toBe('running');
});
