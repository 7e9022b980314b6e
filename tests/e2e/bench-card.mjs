// How long a member waits for the card and for the code without a network: the app opened anew on a page whose processor is slowed
// down four times, from the start of the navigation to the frame in which it is painted. An empty page, opened in turns
// with them, says how much of that is the browser's own.
import { makeInstance } from './lib/instance.mjs';
import { openBrowser } from './lib/browser.mjs';
import { quantiles, row, SLOWDOWN, slowDown } from './lib/figures.mjs';
import { activate, openCode } from './story/member.mjs';

const WARM_UP = 2;
const MEASURED = 20;

const CASES = [
  { name: 'an empty page', url: 'data:text/html,<p>.</p>', awaited: 'p' },
  { name: 'the card', url: '/card', awaited: '[data-testid="card"]' },
  { name: 'the card, from the app’s own start', url: '/', awaited: '[data-testid="card"]' },
  { name: 'the code', url: '/card/code', awaited: '[data-testid="qr"][data-shown-at]' },
];

/** Runs in the page before the app does. */
function notePaint(cases) {
  const { awaited } = cases.find(({ url }) => url === location.href || url === location.pathname) ?? {};
  if (!awaited) return;
  window.paintedAtMillis = new Promise((painted) => {
    const observer = new MutationObserver(look);
    function look() {
      if (!document.querySelector(awaited)) return;
      observer.disconnect();
      requestAnimationFrame(() => setTimeout(() => painted(performance.now())));
    }
    observer.observe(document, {
      subtree: true,
      childList: true,
      attributes: true,
      attributeFilter: ['data-shown-at'],
    });
  });
}

async function paintedAfterMillis(context, url) {
  const page = await context.newPage();
  await slowDown(page);
  await page.goto(url, { waitUntil: 'commit' });
  const millis = await page.evaluate(() => window.paintedAtMillis);
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
    await phone.context.addInitScript(notePaint, CASES);
    await activate(phone, code, birthDate, { joins: true });
    await openCode(phone);
    await phone.installed();
    await phone.offline();
    await phone.page.close();
    const measured = CASES.map(() => []);
    for (let round = 0; round < WARM_UP + MEASURED; round++) {
      for (const [at, { url }] of CASES.entries()) measured[at].push(await paintedAfterMillis(phone.context, url));
    }
    const figures = measured.map((millis) => quantiles(millis.slice(WARM_UP)));
    console.log(
      row(
        `processor slowed ${SLOWDOWN}×, no network, opened anew and painted`,
        'median, ms',
        'p95, ms',
        '÷ empty page',
      ),
    );
    console.log(row('---', '---:', '---:', '---:'));
    for (const [at, { median, p95 }] of figures.entries()) {
      console.log(row(CASES[at].name, median.toFixed(0), p95.toFixed(0), (median / figures[0].median).toFixed(1)));
    }
  } finally {
    await stage.close();
  }
} finally {
  await instance.stop();
  await instance.remove();
}
