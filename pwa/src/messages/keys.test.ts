// A key says in which file its words are. Each is there once, is used, and speaks English where that is promised.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

/** The prefixes with which the keys of each file begin. */
const PREFIXES: Record<string, readonly string[]> = {
  'shared/common': ['app', 'back', 'cancel', 'close', 'face', 'retry', 'support_code', 'to_start', 'undo', 'update'],
  'shared/chooser': ['chooser'],
  'shared/dates': ['date'],
  'shared/problems': ['problem'],
  'shared/rules': ['rule'],
  'member/frame': ['tab', 'store'],
  'member/card': ['card', 'chip', 'code'],
  'member/activation': ['activate', 'inside', 'install', 'no_key'],
  'member/consents': ['consent'],
  'member/profcards': ['balance', 'join', 'profcards', 'purchase', 'redeem'],
  'member/profile': ['leave', 'move', 'profile'],
  'member/loss': ['end', 'lost'],
  'member/notices': ['notice', 'notices'],
  'cashier/frame': [
    'cashier_broken',
    'cashier_clock',
    'cashier_contact',
    'cashier_language',
    'cashier_lists',
    'cashier_queue',
    'cashier_shift',
    'cashier_span',
    'cashier_title',
  ],
  'cashier/scan': ['cashier_camera', 'cashier_number', 'cashier_picture', 'cashier_scan', 'cashier_type'],
  'cashier/pairing': ['cashier_pair', 'cashier_paired', 'cashier_unpair', 'cashier_unpaired'],
  'cashier/purchase': ['cashier_amount', 'cashier_cashback', 'cashier_done', 'cashier_redeem'],
  'cashier/operations': ['cashier_ops', 'cashier_reject', 'cashier_unread'],
  'cashier/verdict': ['verdict'],
  'chair/frame': ['chair_contact', 'chair_more', 'chair_nav', 'chair_page', 'chair_unknown'],
  'chair/session': ['chair_role', 'chair_session', 'chair_signin'],
  'chair/organisation': [
    'chair_behind',
    'chair_below',
    'chair_figures',
    'chair_home',
    'chair_kind',
    'chair_task',
    'chair_tasks',
  ],
  'chair/people': ['chair_choose', 'chair_consents', 'chair_filter', 'chair_people', 'chair_row'],
  'chair/person': [
    'chair_card',
    'chair_cards',
    'chair_channel',
    'chair_consent',
    'chair_end',
    'chair_issue',
    'chair_loss',
    'chair_person',
    'chair_problem',
    'chair_revoke',
    'chair_status',
    'chair_suspend',
    'chair_transfer',
  ],
  'chair/form': ['chair_draft', 'chair_edit', 'chair_fault', 'chair_field', 'chair_form', 'chair_new'],
  'chair/print': ['chair_paper', 'chair_print', 'chair_sheet'],
};

/** The files that have an English version: the till's own words and those it shares. */
const ENGLISH = Object.keys(PREFIXES).filter(
  (file) => file.startsWith('cashier/') || ['shared/common', 'shared/problems'].includes(file),
);

const KEY = /^ {2}"([^"$]+)":/gm;
const here = new URL('./', import.meta.url);

const read = (path: string): string => readFileSync(new URL(path, here), 'utf8');
const keysOf = (locale: string, file: string): string[] =>
  [...read(`${locale}/${file}.json`).matchAll(KEY)].map(([, key]) => key as string);
const filesUnder = (folder: string): string[] => readdirSync(new URL(folder, here), { recursive: true }) as string[];

const begins = (key: string, prefix: string): boolean => key === prefix || key.startsWith(`${prefix}_`);

test.each([
  ['ru', Object.keys(PREFIXES)],
  ['en', ENGLISH],
])('the files of %s are those that are known', (locale, known) => {
  const files = filesUnder(locale).filter((file) => file.endsWith('.json'));
  expect(files.sort()).toEqual(known.map((file) => `${file}.json`).sort());
});

test('the compiler reads every file', () => {
  const { 'plugin.inlang.messageFormat': format } = JSON.parse(read('../../project.inlang/settings.json'));
  const patterns = Object.keys(PREFIXES).map((file) => `./src/messages/{locale}/${file}.json`);
  expect([...format.pathPattern].sort()).toEqual(patterns.sort());
});

test.each(Object.entries(PREFIXES))('the keys of %s say so, and those of no other file do', (file, prefixes) => {
  const keys = keysOf('ru', file);
  expect(keys.length).toBeGreaterThan(0);
  expect(keys.filter((key) => !prefixes.some((prefix) => begins(key, prefix)))).toEqual([]);
  const others = Object.entries(PREFIXES).filter(([other]) => other !== file);
  for (const [, taken] of others) expect(keys.filter((key) => taken.some((prefix) => begins(key, prefix)))).toEqual([]);
});

// One that is given twice silently gets the words that stand last.
test.each(['ru', 'en'])('no message of %s has the key of another one', (locale) => {
  const files = locale === 'en' ? ENGLISH : Object.keys(PREFIXES);
  const keys = files.flatMap((file) => keysOf(locale, file));
  expect(keys.length).toBeGreaterThan(50);
  expect(keys.filter((key, n) => keys.indexOf(key) !== n)).toEqual([]);
});

test.each(ENGLISH)('%s has the same keys in both languages', (file) => {
  expect(keysOf('en', file).sort()).toEqual(keysOf('ru', file).sort());
});

test('every message is used', () => {
  const sources = filesUnder('..').filter(
    (file) => /\.(svelte|ts)$/.test(file) && !file.endsWith('.test.ts') && !file.startsWith('messages/'),
  );
  const used = new Set(
    sources.flatMap((file) => [...read(`../${file}`).matchAll(/\bm\.(\w+)/g)].map(([, key]) => key)),
  );
  const keys = Object.keys(PREFIXES).flatMap((file) => keysOf('ru', file));
  expect(keys.filter((key) => !used.has(key))).toEqual([]);
});
