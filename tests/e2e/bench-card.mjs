// How long a member waits for the code without a network: the app opened anew on a page whose processor is slowed down four times,
// from the start of the navigation to the frame in which the first code is painted.
import { makeInstance } from './lib/instance.mjs';
import { openBrowser } from './lib/browser.mjs';
import { quantiles, row } from './lib/figures.mjs';
import { activate, openCode } from './story/member.mjs';

const SLOWDOWN = 4;
const WARM_UP = 2;
const MEASURED = 20;
const GOAL_MILLIS = 300;

/** Runs in the page before the app does. */
function notePaint() {
  window.codePaintedAtMillis = new Promise((painted) => {
    new MutationObserver((_, observer) => {
      if (!document.querySelector('[data-testid="qr"][data-shown-at]')) return;
      observer.disconnect();
      requestAnimationFrame(() => setTimeout(() => painted(performance.now())));
    }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-shown-at'] });
  });
}

async function openedAfterMillis(context) {
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send('Emulation.setCPUThrottlingRate', { rate: SLOWDOWN });
  await page.goto('/card/code', { waitUntil: 'commit' });
  const millis = await page.evaluate(() => window.codePaintedAtMillis);
  await page.close();
  return millis;
}

const instance = await makeInstance();
try {
  await instance.start();
  const stage = await openBrowser(instance.url);
  try {
    const { code, birthDate } = await instance.freshEntries();
    const phone = await stage.person('phone');
    await phone.context.addInitScript(notePaint);
    await activate(phone, code, birthDate, { joins: true });
    await openCode(phone);
    await phone.installed();
    await phone.offline();
    await phone.page.close();
    const measured = [];
    for (let at = 0; at < WARM_UP + MEASURED; at++) measured.push(await openedAfterMillis(phone.context));
    const { median, p95 } = quantiles(measured.slice(WARM_UP));
    console.log(row('offline, app opened anew to code painted', 'median, ms', 'p95, ms', 'goal, ms'));
    console.log(row('---', '---:', '---:', '---:'));
    console.log(row(`processor slowed ${SLOWDOWN}×, ${MEASURED} times`, median.toFixed(0), p95.toFixed(0), GOAL_MILLIS));
  } finally {
    await stage.close();
  }
} finally {
  await instance.stop();
  await instance.remove();
}
