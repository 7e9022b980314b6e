// Says of each promise whether it was kept: a line as soon as it is known, and the sum at the end.
import assert from 'node:assert/strict';

const started = Date.now();
const seconds = () => ((Date.now() - started) / 1000).toFixed(1).padStart(6);

let passed = 0;
/** What failed and why, for the end: of a long log often no more than that is read. */
const failures = [];

/** Runs one check under the words of its promise. A failure ends the story: what follows builds on it. */
export async function check(promise, run) {
  try {
    const result = await run();
    passed += 1;
    console.log(`${seconds()}  ok    ${promise}`);
    return result;
  } catch (cause) {
    failures.push({ promise, cause });
    console.log(`${seconds()}  FAIL  ${promise}`);
    throw cause;
  }
}

/** Tells of what ended a story, inside a check or outside. */
export function fail(cause) {
  if (!failures.some((failure) => failure.cause === cause)) failures.push({ promise: 'outside any check', cause });
  console.error(cause.stack ?? cause);
}

/** The sum, and the exit code with it. */
export function conclude() {
  console.log(`\n${passed} passed, ${failures.length} failed`);
  for (const { promise, cause } of failures)
    console.log(`FAIL  ${promise}\n      ${String(cause).slice(0, 600).replaceAll('\n', '\n      ')}`);
  process.exitCode = failures.length === 0 ? 0 : 1;
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
