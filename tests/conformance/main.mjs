// Runs every vector through the Rust crate, the browser package and two Python libraries, and writes what came of it.
// Usage, by bin/conformance: main.mjs RUN_VECTORS PACKAGE_FOLDER PYTHON OUTPUT.md
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ENGINES, runInBrowser } from './browser.mjs';
import { draftFile, draftVectors, drafts } from './draft.mjs';
import { stages, vectors } from './files.mjs';
import { documentOf } from './table.mjs';
import { deviation } from './vectors.mjs';

const [runVectors, packageFolder, python, output] = process.argv.slice(2);
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

function jsonLines(program, args) {
  const text = execFileSync(program, args, {
    encoding: 'utf8',
    maxBuffer: MAX_OUTPUT_BYTES,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const scratch = mkdtempSync(join(tmpdir(), 'profcards-conformance-'));
const all = [...vectors, ...draftVectors];
try {
  const vectorsFile = join(scratch, 'vectors.json');
  writeFileSync(vectorsFile, JSON.stringify(vectors));
  const everything = join(scratch, 'everything.json');
  writeFileSync(everything, JSON.stringify(all.map(({ draft: _draft, ...vector }) => vector)));

  const rust = jsonLines(runVectors, [everything]);
  const browser = await runInBrowser(packageFolder, all);
  const checker = fileURLToPath(new URL('check.py', import.meta.url));
  const libraries = jsonLines(python, [checker, vectorsFile, draftFile]);

  const answers = new Map(libraries.map((answer) => [`${answer.library}: ${answer.name}`, answer]));
  const rows = all.map((vector, at) => ({
    ...vector,
    rust: rust[at].name === vector.name ? deviation(vector, rust[at]) : 'no verdict',
    browser:
      ENGINES.map((engine) => browser.found[engine][at] && `${engine}: ${browser.found[engine][at]}`)
        .filter(Boolean)
        .join('; ') || null,
    cwt: answers.get(`cwt: ${vector.name}`),
    pycose: answers.get(`pycose: ${vector.name}`),
  }));
  const draftRows = drafts.map((draft) => {
    const places = rows.filter((row) => row.draft === draft.name);
    const faults = (column) =>
      places
        .map((row) => row[column])
        .filter(Boolean)
        .join('; ') || null;
    return {
      ...draft,
      places: places.length,
      rust: faults('rust'),
      browser: faults('browser'),
      zlib: answers.get(`zlib: ${draft.name}`),
    };
  });
  const wrong = [
    ...rows.flatMap(({ name, rust: ofRust, browser: ofBrowser }) => [
      ofRust && `Rust, ${name}: ${ofRust}`,
      ofBrowser && `browser, ${name}: ${ofBrowser}`,
    ]),
    ...libraries.map(({ library, name, what, why }) => what === 'unexplained' && `${library}, ${name}: ${why}`),
  ].filter(Boolean);
  if (wrong.length > 0) throw new Error(`Not as the format says:\n${wrong.join('\n')}`);
  writeFileSync(output, documentOf(stages, rows, draftRows));
  console.error(
    `${vectors.length} vectors and ${drafts.length} lists of the draft: Rust and Chromium ${browser.version} conform`,
  );
} catch (cause) {
  console.error(cause.message);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true });
}
