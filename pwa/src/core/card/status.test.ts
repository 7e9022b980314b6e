import { expect, test } from 'vitest';
import { fromHex, toHex } from './bytes';
import { inflate, statusAt } from './status';

test("the Token Status List draft's examples inflate", async () => {
  const oneBit = await inflate(fromHex('78dadbb918000217015d'), 100);
  expect(toHex(oneBit!)).toBe('b9a3');
  expect([0, 1, 2, 3, 15].map((index) => statusAt(oneBit!, index, 1))).toEqual([1, 0, 0, 1, 1]);
  const twoBits = await inflate(fromHex('78da3be9f2130003df0207'), 100);
  expect(toHex(twoBits!)).toBe('c944f9');
  expect([0, 1, 2, 3, 11, 12].map((index) => statusAt(twoBits!, index))).toEqual([1, 2, 0, 3, 3, null]);
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
