import { beforeEach, expect, test, vi } from 'vitest';
import { dismissToast, toast, toasts } from './toasts.svelte';

const undo = { action: { label: 'Отменить', run: () => undefined } };
const texts = () => toasts.list.map(({ text }) => text);

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('location', { pathname: '/chair/people/1' });
  for (const { id } of toasts.list) dismissToast(id);
  return () => vi.useRealTimers();
});

test('only the last act on a screen can be taken back', () => {
  toast('изменено');
  toast('приостановлено', undo);
  toast('возобновлено', undo);
  expect(texts()).toEqual(['изменено', 'возобновлено']);
});

test('an act on another screen, and what stays until it is taken, are left alone', () => {
  toast('обновление', { ...undo, stays: true });
  toast('приостановлено', undo);
  vi.stubGlobal('location', { pathname: '/chair/people/2' });
  toast('возобновлено', undo);
  expect(texts()).toEqual(['обновление', 'приостановлено', 'возобновлено']);
});

test('whoever made an offer can take it back', () => {
  const id = toast('черновик удалён', undo);
  toast('сохранено');
  dismissToast(id);
  expect(texts()).toEqual(['сохранено']);
});
