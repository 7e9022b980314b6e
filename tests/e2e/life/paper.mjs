// Cards on paper: chosen in the list, printed eight on a page, measured and read back from the printed page.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readCodes } from '../lib/reader.mjs';
import { assertReads, chapter, check, plain } from '../lib/report.mjs';

const DOTS_TO_THE_INCH = 300;
const SYMBOL_MILLIMETRES = 35;
const TOLERANCE_MILLIMETRES = 0.5;
const ON_A_PAGE = 8;
const CHOSEN = 10;

export async function paperStory(instance, chair) {
  chapter('Cards on paper');
  await check('people are chosen in the list, one by one or all without a phone', () => choosesPeople(chair));
  const pages = await check('their cards stand eight on an A4 page, as the screen shows before', () => prints(chair));
  const found = await check('every code on the printed pages is read back, 35 mm wide', () => readsBack(pages));
  await check('each of them is a paper card that verifies', () => verifies(instance, found));
}

async function choosesPeople(chair) {
  await chair.link('Люди').click();
  await chair.at('people-search').fill('');
  await chair.at('person-row').first().waitFor();
  await chair.at('choose-people').click();
  await chair.at('choose-all').click();
  await chair.reads(chair.page.getByRole('status'), 'Выбрано');
  await chair.shoot('chair-choose');
  await chair.button('Отмена').click();
  await chair.at('choose-people').click();
  const boxes = chair.page.getByRole('checkbox', { disabled: false });
  for (let at = 0; at < CHOSEN; at += 1) await boxes.nth(at).check();
  await chair.reads(chair.page.getByRole('status'), `Выбрано ${CHOSEN} человек`);
}

/** The printed pages as pictures, as a printer makes them. */
async function prints(chair) {
  await chair.at('print-chosen').click();
  const shown = chair.at('paper-page');
  await shown.nth(1).waitFor();
  assert.equal(await shown.count(), Math.ceil(CHOSEN / ON_A_PAGE));
  assertReads(await chair.page.getByRole('main').innerText(), `${CHOSEN} карт.`, 'в масштабе 100 %');
  await chair.shoot('chair-paper-cards');
  const pdf = await chair.page.pdf({ preferCSSPageSize: true, printBackground: true });
  const folder = await mkdtemp(join(tmpdir(), 'profcards-paper-'));
  try {
    await writeFile(join(folder, 'cards.pdf'), pdf);
    await promisify(execFile)('pdftoppm', ['-r', String(DOTS_TO_THE_INCH), '-png', 'cards.pdf', 'page'], {
      cwd: folder,
    });
    const names = (await readdir(folder)).filter((name) => name.endsWith('.png')).sort();
    assert.equal(names.length, Math.ceil(CHOSEN / ON_A_PAGE), 'pages of the print');
    return await Promise.all(names.map((name) => readFile(join(folder, name))));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function readsBack(pages) {
  const found = [];
  for (const page of pages) found.push(await readCodes(page));
  assert.deepEqual(
    found.map(({ length }) => length),
    [ON_A_PAGE, CHOSEN - ON_A_PAGE],
  );
  const codes = found.flat();
  for (const { position } of codes) {
    const { topLeft, topRight, bottomLeft } = position;
    for (const corner of [topRight, bottomLeft]) {
      const millimetres = (Math.hypot(corner.x - topLeft.x, corner.y - topLeft.y) / DOTS_TO_THE_INCH) * 25.4;
      const isWide = Math.abs(millimetres - SYMBOL_MILLIMETRES) <= TOLERANCE_MILLIMETRES;
      assert.ok(isWide, `a code is ${millimetres.toFixed(2)} mm wide`);
    }
  }
  assert.equal(new Set(codes.map(({ text }) => text)).size, CHOSEN, 'a card stands twice');
  return codes.map(({ text }) => text);
}

async function verifies(instance, tokens) {
  const { options } = await instance.publishedLists();
  for (const token of tokens) {
    const line = await instance.run('card', 'verify', token, ...options);
    const verdict = JSON.parse(line);
    assert.equal(verdict.accepted, true, line);
    assert.equal(verdict.class, 'paper');
    assert.ok(plain(verdict.name).length > 0);
  }
}
