// Where the vectors are, for what runs in Node.
import { readdirSync, readFileSync } from 'node:fs';

const folder = new URL('../../crates/card/vectors/', import.meta.url);
const read = (name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));

/** The files of verifications are numbered by their stage. */
export const stages = readdirSync(folder)
  .filter((name) => /^\d\d-.*\.json$/.test(name))
  .sort()
  .map((name) => ({ name: name.replace('.json', ''), vectors: read(name) }));

export const vectors = stages.flatMap((stage) => stage.vectors);
