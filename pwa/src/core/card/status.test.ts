import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { fromHex } from './bytes';
import { inflate, statusAt } from './status';

interface DraftsList {
  name: string;
  bits: number;
  lst: string;
  entries: number;
  marked: [number, number][];
}

const draftsLists = JSON.parse(
  readFileSync(new URL('../../../../crates/card/vectors/token-status-list.json', import.meta.url), 'utf8'),
) as DraftsList[];

test.each(draftsLists)("the Token Status List draft's $name", async ({ bits, lst, entries, marked }) => {
  const packed = await inflate(fromHex(lst), 4 << 20);
  expect(packed?.length).toBe((entries * bits) / 8);
  const found: [number, number][] = [];
  for (let index = 0; index < entries; index++) {
    const status = statusAt(packed!, index, bits);
    if (status) found.push([index, status]);
  }
  expect(found).toEqual(marked);
  expect(statusAt(packed!, entries, bits)).toBeNull();
});

test('a stream that grows beyond the cap, is cut or is followed by something, is refused', async () => {
  const packed = new Blob([new Uint8Array(200_000)]).stream().pipeThrough(new CompressionStream('deflate'));
  const bomb = new Uint8Array(await new Response(packed).arrayBuffer());
  expect(bomb.length).toBeLessThan(1000);
  expect(await inflate(bomb, 100_000)).toBeNull();
  expect((await inflate(bomb, 200_000))?.length).toBe(200_000);
  expect(await inflate(bomb.slice(0, -5), 200_000)).toBeNull();
  expect(await inflate(new Uint8Array([...bomb, 0]), 200_000)).toBeNull();
});
