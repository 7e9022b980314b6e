// Fails the build when a face's first load outgrows its budget (gzip, JS and CSS together).
// The member's face is in the entry, so its first load is what index.html loads; the other two count what
// they load beyond that. Wasm is reported and not counted: it loads after the first screen.
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist');
const manifest = JSON.parse(readFileSync(join(dist, '.vite', 'manifest.json'), 'utf8'));

const ENTRY = 'index.html';
const faces = {
  member: { root: ENTRY, budgetKib: 60 },
  cashier: { root: 'src/faces/cashier/Cashier.svelte', budgetKib: 40 },
  chair: { root: 'src/faces/chair/Chair.svelte', budgetKib: 90 },
};

/** The files of a chunk and of all that it imports statically. */
function filesOf(key, seen = new Set()) {
  const chunk = manifest[key];
  if (!chunk) throw new Error(`${key} is not in the build's manifest`);
  if (seen.has(key)) return [];
  seen.add(key);
  const own = [chunk.file, ...(chunk.css ?? [])];
  return [...own, ...(chunk.imports ?? []).flatMap((imported) => filesOf(imported, seen))];
}

const gzipped = (file) => gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;

const memberFiles = new Set(filesOf(faces.member.root));
let failed = false;
for (const [name, { root, budgetKib }] of Object.entries(faces)) {
  const isMember = name === 'member';
  const files = isMember ? memberFiles : new Set(filesOf(root).filter((file) => !memberFiles.has(file)));
  const bytes = [...files].reduce((sum, file) => sum + gzipped(file), 0);
  const fits = bytes <= budgetKib * 1024;
  failed ||= !fits;
  const scope = isMember ? 'first load' : "beyond the member's";
  console.log(`${fits ? 'ok  ' : 'OVER'} ${name}: ${kib(bytes)} of ${budgetKib} KiB ${scope}, ${files.size} files`);
}

for (const file of readdirSync(join(dist, 'assets')).filter((name) => name.endsWith('.wasm'))) {
  console.log(`     ${file}: ${kib(statSync(join(dist, 'assets', file)).size)} uncompressed, not counted`);
}
if (failed) process.exit(1);
