// Fails the build when it uses a function of the web that is younger than the oldest browsers promised (browsers.mjs), unless it
// is declared below with what happens without it. A declaration that nothing needs any more fails as well.
import { parse } from 'acorn';
import { full } from 'acorn-walk';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import postcss from 'postcss';
import { youngCss, youngGlobals, youngMembers, youngStatics } from './browsers.mjs';

const declared = {
  BarcodeDetector: 'looked for; the decoder that is served with the app reads everywhere',
  '.getCapabilities': 'optional call; no torch and no zoom without it',
  '.canShare': 'optional call; the file is downloaded',
  '.share': 'where it can be; the file is downloaded',
  '.sync': 'optional; without background sync the outbox goes when the app is open',
  '.vibrate': 'optional call; a verdict is seen and heard',
  '.wakeLock': 'looked for; the screen then sleeps as it likes',
  '.release': 'of a wake lock that was got',
  '@page': 'the browser’s own margins; whoever prints chooses A4 and none',
  'cursor: default': 'a phone has no pointer',
  'cursor: pointer': 'a phone has no pointer',
  'cursor: progress': 'a phone has no pointer',
  resize: 'the field stays as large as it is',
  size: 'as with @page',
  'text-wrap': 'lines break less evenly',
};

/** Names of our own data and of the libraries', which the web uses too since. */
const named = ['.bytes', '.capture', '.content', '.role', '.install', '.when', '.take()', '.grow()'];

const globals = youngGlobals();
const statics = youngStatics();
const members = youngMembers();

/** What the script uses of the too young, each once. */
function* youngInScript(source) {
  const found = new Set();
  full(parse(source, { ecmaVersion: 'latest', sourceType: 'module' }), (node) => {
    if (node.type === 'NewExpression' && node.callee.type === 'Identifier' && globals.has(node.callee.name))
      found.add(node.callee.name);
    if (node.type === 'CallExpression' && node.callee.type === 'Identifier' && globals.has(node.callee.name))
      found.add(node.callee.name);
    if (node.type === 'CallExpression' && members.language.has(node.callee.property?.name))
      found.add(`.${node.callee.property.name}()`);
    if (node.type !== 'MemberExpression' || node.computed || node.property.type !== 'Identifier') return;
    const { name } = node.property;
    const owner = node.object.type === 'Identifier' ? node.object.name : '';
    if (globals.has(name) && ['globalThis', 'window', 'self'].includes(owner)) found.add(name);
    if (statics.has(`${owner}.${name}`)) found.add(`${owner}.${name}`);
    else if (members.web.has(name)) found.add(`.${name}`);
  });
  yield* found;
}

function* youngInSheet(source) {
  const found = new Set();
  const note = (isYoung, what) => isYoung && found.add(what);
  // An answer of `false` would end the walk.
  postcss.parse(source).walk((node) => {
    if (node.type === 'atrule') note(youngCss.atRule(node.name), `@${node.name}`);
    if (node.type === 'rule') {
      for (const [, name] of node.selector.matchAll(/::?([a-z-]+)/g)) note(youngCss.selector(name), `:${name}`);
      if (node.parent.type === 'rule') note(youngCss.selector('nesting'), 'nesting');
    }
    if (node.type !== 'decl' || node.prop.startsWith('--')) return;
    if (youngCss.property(node.prop)) {
      note(!hasPrefixedTwin(node), node.prop);
      return;
    }
    note(youngCss.keyword(node.prop, node.value), `${node.prop}: ${node.value}`);
    for (const [, name] of node.value.matchAll(/([a-z-]+)\(/g)) note(youngCss.function(name), `${name}()`);
    for (const [, unit] of node.value.matchAll(/\d([a-z]+)/g)) note(youngCss.unit(unit), unit);
  });
  yield* found;
}

const hasPrefixedTwin = ({ parent, prop }) => parent.nodes.some((other) => other.prop === `-webkit-${prop}`);

/** What a component gives its elements by `style:`, which is a text in the script. */
function* youngInComponent(source) {
  for (const [, name] of source.matchAll(/style:([a-z-]+)/g)) if (youngCss.property(name)) yield name;
}

const READERS = { js: youngInScript, css: youngInSheet, svelte: youngInComponent };

const undeclared = [];
const used = new Set();
const pwa = join(dirname(fileURLToPath(import.meta.url)), '..');
const filesIn = (folder, kinds) =>
  readdirSync(join(pwa, folder), { recursive: true })
    .filter((name) => kinds.test(name))
    .map((name) => join(folder, name));
const files = [...filesIn('dist', /\.(js|css)$/), ...filesIn('src', /\.svelte$/)];
for (const file of files) {
  for (const name of READERS[file.split('.').at(-1)](readFileSync(join(pwa, file), 'utf8'))) {
    if (name in declared || named.includes(name)) used.add(name);
    else undeclared.push(`${name}  in ${file}`);
  }
}
const unused = [...Object.keys(declared), ...named].filter((name) => !used.has(name));
for (const name of undeclared) console.error(`YOUNG ${name}`);
for (const name of unused) console.error(`declared and not used: ${name}`);
if (undeclared.length + unused.length > 0) process.exit(1);
console.log(
  `ok   browsers: ${files.length} files run in the oldest ones promised, ${used.size} young functions have their fallbacks`,
);
