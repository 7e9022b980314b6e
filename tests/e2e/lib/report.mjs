// Says of each promise whether it was kept: a line as soon as it is known, and the sum at the end.
import assert from 'node:assert/strict';

const started = Date.now();
const seconds = () => ((Date.now() - started) / 1000).toFixed(1).padStart(6);

export const sum = { passed: 0, failed: 0 };

/** Runs one check under the words of its promise. A failure ends the story: what follows builds on it. */
export async function check(promise, run) {
  try {
    const result = await run();
    sum.passed += 1;
    console.log(`${seconds()}  ok    ${promise}`);
    return result;
  } catch (cause) {
    sum.failed += 1;
    console.log(`${seconds()}  FAIL  ${promise}`);
    cause.isCounted = true;
    throw cause;
  }
}

export function chapter(title) {
  console.log(`\n${title}`);
}

/** No-break spaces are what a person does not see. */
export const plain = (text) => text.replace(/\s+/g, ' ').trim();

export function assertReads(text, ...expected) {
  for (const part of expected) {
    assert.ok(plain(text).includes(plain(part)), `«${part}» is missing in «${plain(text)}»`);
  }
}
