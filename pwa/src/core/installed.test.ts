import { afterEach, expect, test, vi } from 'vitest';
import { hasAppStorageApart, isInAppBrowser, isInstalled } from './installed';

afterEach(() => vi.unstubAllGlobals());

const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 16_4 like Mac OS X) AppleWebKit/605.1.15 Version/16.4 Mobile/15E148 Safari/604.1';
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

const IOS_WINDOW =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148';
const ANDROID_WINDOW =
  'Mozilla/5.0 (Linux; Android 13; SM-A525F Build/TP1A; wv) AppleWebKit/537.36 Version/4.0 Chrome/120.0.0.0 Mobile Safari/537.36';

test.each([
  ['Chrome on Android', ANDROID, {}, false],
  ['Firefox on Android', 'Mozilla/5.0 (Android 13; Mobile; rv:115.0) Gecko/115.0 Firefox/115.0', {}, false],
  ['Safari', IPHONE, {}, false],
  ['Chrome on iOS', `${IOS_WINDOW.replace(' Mobile', ' CriOS/120.0 Mobile')} Safari/604.1`, {}, false],
  ['a Mac', MAC, {}, false],
  ['the home screen’s app on iOS', IOS_WINDOW, { standalone: true }, false],
  ['a window of an app on Android', ANDROID_WINDOW, {}, true],
  ['a window of an app on iOS', IOS_WINDOW, {}, true],
  ['Telegram on Android', `${ANDROID} Telegram-Android/10.9`, {}, true],
  ['VK on iOS', `${IPHONE} VKiOSApp/8.60`, {}, true],
  ['Instagram on Android', `${ANDROID_WINDOW} Instagram 300.0`, {}, true],
  ['WhatsApp', `${IPHONE} WhatsApp/2.24`, {}, true],
])('%s', (_, userAgent, more, isInside) => {
  vi.stubGlobal('navigator', { userAgent, maxTouchPoints: 5, ...more });
  expect(isInAppBrowser()).toBe(isInside);
});

test('Telegram’s window that calls itself Safari is known by what it brings', () => {
  vi.stubGlobal('navigator', { userAgent: IPHONE, maxTouchPoints: 5 });
  vi.stubGlobal('TelegramWebviewProxy', {});
  expect(isInAppBrowser()).toBe(true);
});
