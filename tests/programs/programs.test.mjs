// Each program that a script or a test starts is one that it asks for: a machine with Debian, git and a Rust toolchain has
// few of them. bin/programs says which package brings what.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { askedBy, readScript, startedBy } from './shell.mjs';
import { startedIn } from './sources.mjs';

const repository = new URL('../..', import.meta.url).pathname;
const read = (path) => readFileSync(join(repository, path), 'utf8');

// Functions of bin/lib.sh and bin/test that start what follows them and this many words.
const PREFIXES = { quietly: 0, stage: 1, step: 1, want_package: 1 };

// Who runs the sources of a folder, and so must ask for what they start. Tests inside `src` start the program itself alone.
const RUN_BY = [
  ['src/', ['bin/up', 'bin/test']],
  ['tests/it/', ['bin/test']],
  ['tests/e2e/bench-', ['bin/bench-browser']],
  ['tests/e2e/lib/webkit.mjs', ['bin/test']],
  ['tests/e2e/lib/', ['bin/test', 'bin/bench-browser']],
  ['tests/e2e/', ['bin/test']],
  ['tests/attack/', ['bin/test']],
  ['tests/conformance/', ['bin/conformance']],
  ['pwa/', ['bin/test']],
];

/** Program → package. */
function readTable(text) {
  const lines = text.split('\n').filter((line) => line && !line.startsWith('#'));
  return new Map(
    lines.flatMap((line) => {
      const [brought, ...programs] = line.trim().split(/\s+/);
      return programs.map((program) => [program, brought]);
    }),
  );
}

/** All that a script starts and asks for, with those functions of `library` that it calls. */
function survey(script, library) {
  const found = { started: new Set(), asked: new Set() };
  const visited = new Set();
  const visit = (part, names = startedBy(part, PREFIXES)) => {
    if (visited.has(part)) return;
    visited.add(part);
    for (const name of askedBy(part)) found.asked.add(name);
    for (const name of names) {
      const called = library.functions.get(name);
      if (called) visit(called);
      else found.started.add(name);
    }
    // A function may be called by a name that is made of pieces.
    if (part !== library) for (const own of part.functions.values()) visit(own);
  };
  visit(library);
  visit(script);
  for (const name of script.functions.keys()) found.started.delete(name);
  return found;
}

/** What is wrong with a script that starts these programs and asks for those, in words. */
function complaints(path, found, table) {
  const unknown = [...found.asked].filter((name) => !table.has(name));
  return [
    ...unknown.map((name) => `${path} asks for ${name}, which bin/programs does not know`),
    ...startComplaints(path, found, table),
  ];
}

function startComplaints(path, { started, asked }, table) {
  return [...started]
    .map(programName)
    .filter((name) => name !== undefined)
    .flatMap((name) => {
      const brought = table.get(name);
      if (brought === undefined) return [`${path} starts ${name}, which bin/programs does not know`];
      return ['base', 'optional'].includes(brought) || asked.has(name)
        ? []
        : [`${path} starts ${name} and does not ask for it: want ${name}`];
    });
}

/** Nothing for what is named by a variable, and for the repository's own files. */
function programName(word) {
  const [, name] = /^(?:\/(?:usr\/)?s?bin\/)?([^/]+)$/.exec(word) ?? [];
  return name?.includes('$') ? undefined : name;
}

const table = readTable(read('bin/programs'));
// This folder speaks of programs that it does not start.
const files = execFileSync('git', ['ls-files', '--', '.', ':!tests/programs'], { cwd: repository, encoding: 'utf8' })
  .trim()
  .split('\n');
const library = readScript(read('bin/lib.sh'));

const judge = (text, lib = library) => complaints('it', survey(readScript(text), lib), table);
const unasked = (name) => [`it starts ${name} and does not ask for it: want ${name}`];
const unknown = (name) => [`it starts ${name}, which bin/programs does not know`];

test('each script of the repository asks for what it starts', () => {
  const scripts = files.filter((path) => /^(bin|\.ci)\/[\w-]+$/.test(path) && read(path).startsWith('#!'));
  assert.ok(scripts.length >= 10, scripts.join());
  assert.deepEqual(
    scripts.flatMap((path) => complaints(path, survey(readScript(read(path)), library), table)),
    [],
  );
});

test('each script asks for what the programs and tests that it runs start', () => {
  const surveys = new Map();
  const found = files
    .filter((path) => /\.(mjs|ts|rs)$/.test(path))
    .flatMap((path) => {
      const started = startedIn(read(path), path.endsWith('.rs') ? 'rs' : 'mjs');
      if (started.size === 0) return [];
      const [, runners] =
        RUN_BY.find(([folder]) => path.startsWith(folder)) ??
        assert.fail(`${path} starts programs: say in RUN_BY who runs it`);
      return runners.flatMap((runner) => {
        if (!surveys.has(runner)) surveys.set(runner, survey(readScript(read(runner)), library));
        return startComplaints(`${path}, run by ${runner},`, { started, asked: surveys.get(runner).asked }, table);
      });
    });
  assert.deepEqual(found, []);
});

test('what is asked for may be started, by the script or by the function that it calls', () => {
  assert.deepEqual(judge('psql --version'), unasked('psql'));
  assert.deepEqual(judge('want psql\npsql --version'), []);
  const lib = readScript(
    'want() { true; }\nwant_database() {\n  want psql\n}\nlook() { psql --version; }\nbuild() { npm ci; }',
  );
  assert.deepEqual(judge('look', lib), unasked('psql'));
  assert.deepEqual(judge('want_database\nlook', lib), []);
  assert.deepEqual(judge('want frobnicate'), ['it asks for frobnicate, which bin/programs does not know']);
});

test('a program is found wherever a script can start one', () => {
  const places = [
    'frobnicate --help',
    '/usr/bin/frobnicate',
    'true && frobnicate',
    'echo one | frobnicate',
    'if ! frobnicate; then exit; fi',
    'LANG=C frobnicate',
    'x=$(frobnicate)',
    'x=${1:-$(frobnicate)}',
    'echo "one $(frobnicate "two") three"',
    'diff <(frobnicate) file',
    'work() {\n  local one\n  frobnicate\n}',
    'case $1 in\none | two) frobnicate ;;\nesac',
    'while frobnicate; do true; done',
    'cat <<END >file\nnothing\nEND\nfrobnicate',
    '(cd folder && frobnicate)',
    'exec sudo -n env A=b frobnicate',
    'find . -print0 | xargs -0 frobnicate',
    'find . -exec frobnicate {} +',
    "trap 'frobnicate' EXIT",
    "sh -c 'frobnicate'",
    'quietly frobnicate',
    'run=(frobnicate --fast)\n"${run[@]}"',
  ];
  for (const text of places) assert.deepEqual(judge(text), unknown('frobnicate'), text);
});

test('what only looks like a program is none', () => {
  const places = [
    '# frobnicate',
    'echo frobnicate; echo "a; frobnicate"',
    "printf '%s\\n' 'a\nfrobnicate'",
    'cat <<END\nfrobnicate\nEND',
    'frobnicate() { true; }\nfrobnicate',
    'case frobnicate in\nfrobnicate) true ;;\nesac',
    'frobnicate=1; words=(frobnicate); echo "${words[@]}" >frobnicate',
    '[[ frobnicate < b ]] && true',
  ];
  for (const text of places) assert.deepEqual(judge(text), [], text);
});

test('programs are found in JavaScript and Rust', () => {
  const found = (source, kind) => [...startedIn(source, kind)];
  assert.deepEqual(
    found("spawn('one', []); promisify(execFile)('two', []); run(process.env.X ?? '/usr/bin/three')", 'mjs'),
    ['one', 'two', 'three'],
  );
  assert.deepEqual(
    found("const player = 'one';\nexecFile(player, []); spawn(process.execPath); // spawn('two')", 'mjs'),
    ['one'],
  );
  assert.throws(() => found("import { exec } from 'node:child_process';", 'mjs'), /execFile/);
  assert.deepEqual(
    found('let a = Command::new("one");\nlet program = Path::new("two"); Command::new(program);', 'rs'),
    ['one', 'two'],
  );
});
