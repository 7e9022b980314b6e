// Attacks a running server and looks at what is left: bounded in count and time, on loopback alone. Each file of `cases`
// holds one kind of attack and starts what it needs. The short form belongs to bin/test; --long repeats more.
// Usage: node tests/attack/run.mjs [--long] [CASE…]
import { readdir } from 'node:fs/promises';
import { chapter, conclude, fail } from '../e2e/lib/report.mjs';

const cases = new URL('./cases/', import.meta.url);
const args = process.argv.slice(2);
const isLong = args.includes('--long');
const wanted = args.filter((arg) => arg !== '--long');

const names = (await readdir(cases)).filter((file) => file.endsWith('.mjs')).map((file) => file.replace('.mjs', ''));
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) throw new Error(`no such case: ${unknown.join(', ')}; there are ${names.sort().join(', ')}`);

for (const name of wanted.length > 0 ? wanted : names.sort()) {
  const { title, attack } = await import(new URL(`${name}.mjs`, cases));
  chapter(title);
  try {
    await attack({ isLong });
  } catch (cause) {
    // One kind that succeeds must not hide the others.
    fail(cause);
  }
}
conclude();
