/** Where this page is open: an app of the home screen, with a memory of its own or not, or a window inside another app. */

/** Not in the DOM's types: iOS alone has it. */
interface WithStandalone {
  standalone?: boolean;
}

export function isInstalled(): boolean {
  if ((navigator as WithStandalone).standalone === true) return true;
  return typeof matchMedia === 'function' && matchMedia('(display-mode: standalone)').matches;
}

/** iOS and iPadOS keep what a browser stores apart from what the home screen's app stores. */
export function hasAppStorageApart(): boolean {
  const { userAgent, maxTouchPoints } = navigator;
  // An iPad says that it is a Mac; no Mac has a touch screen.
  return /iPhone|iPad|iPod/.test(userAgent) || (/Macintosh/.test(userAgent) && maxTouchPoints > 1);
}

/** Messengers and networks that name themselves, or open every link in a window of their own. */
const NAMED =
  /Telegram|VKAndroidApp|VKiOS|com\.vk\.|OKApp|OdnoklassnikiMobile|WhatsApp|Viber|Instagram|FBA[NV]\/|FB_IAB|MicroMessenger/i;

/** A window of a messenger or another app: what is kept in it is out of reach, or gone, as soon as the app is closed. */
export function isInAppBrowser(): boolean {
  const { userAgent } = navigator;
  if (NAMED.test(userAgent) || 'TelegramWebviewProxy' in globalThis) return true;
  if (/Android/.test(userAgent)) return /; wv\)/.test(userAgent);
  // A browser of iOS says whose it is; an app's window, and the home screen's app, say nothing.
  return /iPhone|iPad|iPod/.test(userAgent) && !/Safari\//.test(userAgent) && !isInstalled();
}
