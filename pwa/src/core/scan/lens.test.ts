import { expect, test } from 'vitest';
import { betterLens } from './lens';

const named = (...labels: string[]) => labels.map((label, i) => ({ deviceId: String(i), label }));

const ANDROID = named(
  'camera2 1, facing front',
  'camera2 3, facing back',
  'camera2 0, facing back',
  'camera2 2, facing back',
);
const IPHONE = named('Front Camera', 'Back Ultra Wide Camera', 'Back Camera', 'Back Telephoto Camera');
const RUSSIAN = named('Фронтальная камера', 'Задняя сверхширокоугольная камера', 'Задняя камера');

test.each([
  ['camera2 3, facing back', ANDROID, 'camera2 0, facing back'],
  ['camera2 0, facing back', ANDROID, undefined],
  ['camera2 1, facing front', ANDROID, undefined],
  ['Back Ultra Wide Camera', IPHONE, 'Back Camera'],
  ['Back Camera', IPHONE, undefined],
  ['Задняя сверхширокоугольная камера', RUSSIAN, 'Задняя камера'],
  ['Back Ultra Wide Camera', named('Back Ultra Wide Camera', 'Front Camera'), undefined],
  ['Logitech C270', named('Logitech C270', 'Integrated Camera'), undefined],
  ['', named('', ''), undefined],
])('instead of «%s»', (handedOut, cameras, better) => {
  expect(betterLens(handedOut, cameras)?.label).toBe(better);
});
