import { afterEach, expect, test, vi } from 'vitest';
import { hasAppStorageApart, isInstalled } from './installed';

afterEach(() => vi.unstubAllGlobals());

const IPHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 16_4 like Mac OS X) AppleWebKit/605.1.15 Version/16.4 Mobile/15E148 Safari/604.1';
const MAC = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.0 Safari/605.1.15';
const ANDROID = 'Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 Chrome/109.0.0.0 Mobile Safari/537.36';

test.each([
  ['an iPhone', IPHONE, 5, true],
  ['an iPad that calls itself a Mac', MAC, 5, true],
  ['a Mac', MAC, 0, false],
  ['an Android phone', ANDROID, 5, false],
])('%s', (_, userAgent, maxTouchPoints, isApart) => {
  vi.stubGlobal('navigator', { userAgent, maxTouchPoints });
  expect(hasAppStorageApart()).toBe(isApart);
});

test('an app of the home screen knows itself by either sign, and a browser without both is none', () => {
  vi.stubGlobal('navigator', { standalone: true });
  expect(isInstalled()).toBe(true);
  vi.stubGlobal('navigator', {});
  vi.stubGlobal('matchMedia', () => ({ matches: true }));
  expect(isInstalled()).toBe(true);
  vi.stubGlobal('matchMedia', undefined);
  expect(isInstalled()).toBe(false);
});
