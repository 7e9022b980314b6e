import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { watchRest, type Rest } from './rest';

let page: EventTarget & { visibilityState: string };
let window: EventTarget;
let rest: Rest;
const onRest = vi.fn();
const onReturn = vi.fn();

beforeEach(() => {
  vi.useFakeTimers();
  vi.clearAllMocks();
  page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  window = new EventTarget();
  vi.stubGlobal('document', page);
  vi.stubGlobal('addEventListener', window.addEventListener.bind(window));
  rest = watchRest(onRest, onReturn);
});

afterEach(() => {
  rest.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function turn(visibilityState: string): void {
  page.visibilityState = visibilityState;
  page.dispatchEvent(new Event('visibilitychange'));
}

test('it rests five minutes after the last code, touch or key', () => {
  for (const awake of [
    rest.awake,
    () => window.dispatchEvent(new Event('keydown')),
    () => window.dispatchEvent(new Event('pointerdown')),
  ]) {
    vi.advanceTimersByTime(299_000);
    awake();
  }
  vi.advanceTimersByTime(299_000);
  expect(onRest).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1_000);
  expect(onRest).toHaveBeenCalledTimes(1);
});

test('out of sight it rests soon, not at once, and is told when it is seen again', () => {
  turn('hidden');
  vi.advanceTimersByTime(9_000);
  turn('visible');
  expect([onRest.mock.calls.length, onReturn.mock.calls.length]).toEqual([0, 1]);
  turn('hidden');
  rest.awake();
  vi.advanceTimersByTime(10_000);
  expect(onRest).toHaveBeenCalledTimes(1);
});

test('who has stopped hears nothing more', () => {
  rest.stop();
  turn('hidden');
  vi.advanceTimersByTime(600_000);
  expect(onRest).not.toHaveBeenCalled();
});
