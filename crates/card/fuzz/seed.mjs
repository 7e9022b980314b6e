// Fills the corpora from the vectors: node crates/card/fuzz/seed.mjs
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

const vectorsFolder = new URL('../vectors/', import.meta.url);
const files = readdirSync(vectorsFolder).filter((name) => /^\d.*\.json$/.test(name));
const vectors = files.flatMap((name) => JSON.parse(readFileSync(new URL(name, vectorsFolder), 'utf8')));
const corpora = {
  decode_verify: vectors.map(({ token }) => token),
  load_lists: vectors.flatMap(({ trustList, statusLists }) => [trustList ?? '', ...statusLists]).map((hex) => Buffer.from(hex, 'hex')),
};
for (const [target, seeds] of Object.entries(corpora)) {
  const folder = new URL(`corpus/${target}/`, import.meta.url);
  mkdirSync(folder, { recursive: true });
  seeds.forEach((seed, number) => writeFileSync(new URL(`seed-${number}`, folder), seed));
}
