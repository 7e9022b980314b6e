// The conformance pack that the Rust crate passes too, over WebCrypto's Ed25519 and over the fallback for older browsers.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { vectors } from '../../../../tests/conformance/files.mjs';
import { deviation, hideEd25519, runVector } from '../../../../tests/conformance/vectors.mjs';
import { WARNINGS, codes } from './verify';

test('the pack has a vector for every code and warning', () => {
  const found = new Set(vectors.flatMap(({ expect: { code, warning } }) => [code, warning]));
  expect([...found].sort()).toEqual([...codes, ...WARNINGS, null].sort());
});

describe.each(['webcrypto', 'noble'])('with %s', (engine) => {
  let restore = (): void => undefined;
  beforeAll(() => {
    vi.resetModules();
    if (engine === 'noble') restore = hideEd25519();
  });
  afterAll(() => restore());

  test('this engine is the one in use', async () => {
    expect(await (await import('./ed25519')).ed25519Engine()).toBe(engine);
  });

  test.each(vectors.map((vector) => [vector.name, vector] as const))('%s', async (_name, vector) => {
    expect(deviation(vector, await runVector(await import('./index'), vector))).toBeNull();
  });
});
