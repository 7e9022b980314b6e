// A long list at an office: in a low window, by keyboard, on paper, while people are renamed; and what lies over it when the page is
// loaded anew.
import assert from 'node:assert/strict';
import { PHONE, WIDE } from '../lib/browser.mjs';
import { until } from '../lib/instance.mjs';
import { chapter, check } from '../lib/report.mjs';
import { countsPeople, signsIn } from './chair.mjs';

const [LOGIN, ORGANISATION] = ['lipetsk', 'Липецкая областная организация'];
const WITHIN_MILLIS = 10_000;
/** Two phones on their sides, a split screen, 1280×1024 at four times the size; and letters twice as large as usual. */
const LOW = [
  { width: 667, height: 375 },
  { width: 740, height: 360 },
  { width: 360, height: 300 },
  { width: 320, height: 256 },
  { width: 1280, height: 400, letters: '32px' },
];

export async function listStory(stage, instance) {
  chapter('A long list');
  const office = await stage.person('office', { isPhone: false });
  await office.open('/chair');
  await signsIn(office, LOGIN, ORGANISATION);
  await check('after a reload with a dialog open the first way back leads back', () => goesBack(office));
  await check('in a low window the list has room for rows, and the wheel leads back to what is above it', () =>
    fitsLowWindows(office),
  );
  await check('at the usual sizes nothing scrolls but the list', () => fitsUsualWindows(office));
  await check('who scrolls with the wheel goes on by keyboard from there', () => keepsFocus(office));
  await check('who stands last is renamed while the list is read: everybody is listed, once', () =>
    listsAll(office, instance),
  );
  await check('on paper are all rows that were read, and whether there are more', () => prints(office));
  await office.context.close();
}

async function opensList(office) {
  await office.link('Главная').click();
  await office.reads(office.page.locator('h1'), ORGANISATION);
  await office.link('Люди').click();
  await office.at('person-row').first().waitFor();
}

/** The part of the list that scrolls. */
const list = (office) => office.page.getByRole('group', { name: 'Люди' });

/** The rows of the list that are whole in the window. */
const rowsInSight = (office) =>
  list(office).evaluate((viewport) => {
    const { top, bottom } = viewport.getBoundingClientRect();
    return [...viewport.querySelectorAll('[data-testid=person-row]')]
      .map((row) => row.getBoundingClientRect())
      .filter((row) => row.top >= Math.max(top, 0) && row.bottom <= Math.min(bottom, innerHeight)).length;
  });

const isInSight = (locator) =>
  locator.evaluate((element) => {
    const { top, bottom } = element.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  });

async function goesBack(office) {
  await opensList(office);
  await office.at('more-filters').click();
  await office.sheet().waitFor();
  await office.page.reload();
  await office.at('person-row').first().waitFor();
  await office.page.goBack();
  await office.reads(office.page.locator('h1'), ORGANISATION);
}

async function fitsLowWindows(office) {
  for (const { letters = '', ...viewport } of LOW) {
    await office.page.setViewportSize(viewport);
    await office.page.evaluate((size) => (document.documentElement.style.fontSize = size), letters);
    await opensList(office);
    const { x, width } = await list(office).boundingBox();
    await office.page.mouse.move(x + width / 2, viewport.height - 100);
    const size = `${viewport.width}×${viewport.height}`;
    await until(`two rows in sight: ${size}`, WITHIN_MILLIS, async () => {
      await office.page.mouse.wheel(0, 60);
      return (await rowsInSight(office)) >= 2;
    });
    const title = office.page.locator('h1');
    await until(`the heading again: ${size}`, WITHIN_MILLIS, async () => {
      await office.page.mouse.wheel(0, -400);
      return isInSight(title);
    });
  }
  await office.page.evaluate(() => (document.documentElement.style.fontSize = ''));
}

async function fitsUsualWindows(office) {
  for (const viewport of [PHONE, WIDE]) {
    await office.page.setViewportSize(viewport);
    await opensList(office);
    const overhang = await office.page
      .locator('section.people')
      .evaluate((section) => section.scrollHeight - section.clientHeight);
    assert.equal(overhang, 0);
  }
}

async function keepsFocus(office) {
  const { page } = office;
  const focused = () => page.evaluate(() => document.activeElement?.closest('[role=group], tr, li, body')?.tagName);
  const scrolled = () => list(office).evaluate((viewport) => viewport.scrollTop);
  for (const [viewport, row] of [
    [PHONE, 'LI'],
    [WIDE, 'TR'],
  ]) {
    await page.setViewportSize(viewport);
    await opensList(office);
    await office.at('person-row').nth(1).focus();
    await page.keyboard.press('ArrowDown');
    assert.equal(await focused(), row);
    const { x, y } = await list(office).boundingBox();
    await page.mouse.move(x + 50, y + 150);
    await page.mouse.wheel(0, 3_000);
    await until('the list has the focus', WITHIN_MILLIS, async () => (await focused()) === 'DIV');
    assert.ok(await list(office).evaluate((viewport) => viewport === document.activeElement));
    await page.keyboard.press('ArrowDown');
    assert.equal(await focused(), row);
    assert.ok((await scrolled()) > 2_000, 'the focus is in a row that is in sight');
    // The row that has the focus scrolls away again.
    await page.keyboard.press('Home');
    await until('the top', WITHIN_MILLIS, async () => (await scrolled()) === 0);
    await page.keyboard.press('PageDown');
    await until('a page further', WITHIN_MILLIS, async () => (await scrolled()) > 0);
    // The end of what has been read: where more comes, it lies further.
    await until('the end', WITHIN_MILLIS, async () => {
      await page.keyboard.press('End');
      return (await scrolled()) > 3_000;
    });
    await page.keyboard.press('/');
    assert.equal(await page.evaluate(() => document.activeElement?.dataset.testid), 'people-search');
  }
}

/** Scrolls until there is nobody more. */
const scrollsToEnd = (office) =>
  until('the last of the list', WITHIN_MILLIS, async () => {
    await list(office).evaluate((viewport) => viewport.scrollTo(0, viewport.scrollHeight));
    return office.page.evaluate(() => {
      const row = [...document.querySelectorAll('[aria-posinset]')].at(-1);
      return row !== undefined && row.ariaPosInSet === row.ariaSetSize;
    });
  });

async function listsAll(office, instance) {
  await office.page.setViewportSize(PHONE);
  await office.open('/chair');
  const answered = office.page.waitForResponse((response) => /\/members\?/.test(response.url()));
  await office.link('Люди').click();
  const { items } = await (await answered).json();
  await office.at('person-row').first().waitFor();
  const last = items.at(-1);
  await instance.sql(`
    update person set last_name = 'Абаева', search_name = 'абаева ' || search_name
    where id = (select person_id from membership where id = '${last.id}')`);
  await scrollsToEnd(office);
  const everybody = Number(
    await instance.sql(`
    select count(*) from registration r join organisation o on o.id = r.organisation_id
    join membership m on m.id = r.membership_id
    where r.valid_to is null and m.status in ('active', 'suspended')
      and o.path ^@ (select path from organisation where short_name = '${ORGANISATION}')`),
  );
  assert.equal(await countsPeople(office), everybody);
  await list(office).evaluate((viewport) => viewport.scrollTo(0, 0));
  await office.reads(office.at('person-row'), 'Абаева');
}

async function prints(office) {
  const { page } = office;
  await page.setViewportSize(WIDE);
  await office.open('/chair/people');
  await office.at('person-row').first().waitFor();
  const printed = async () => {
    await office.page.evaluate(() =>
      addEventListener('beforeprint', () => {
        window.printedRows = document.querySelectorAll('[data-testid=person-row]').length;
      }),
    );
    await office.page.pdf();
    return office.page.evaluate(() => window.printedRows);
  };
  const more = office.page.getByText('прокрутите список до конца');
  assert.equal(await more.isVisible(), false);
  assert.equal(await printed(), 100);
  await office.page.emulateMedia({ media: 'print' });
  assert.equal(await more.isVisible(), true);
  await office.page.emulateMedia({ media: null });
  await office.page.setViewportSize(PHONE);
  await scrollsToEnd(office);
  const everybody = await countsPeople(office);
  assert.equal(await printed(), everybody);
  await office.page.emulateMedia({ media: 'print' });
  assert.equal(await more.count(), 0);
  await office.page.emulateMedia({ media: null });
}
