import { afterEach, expect, test, vi } from 'vitest';
import { readPicture } from './picture';

afterEach(() => vi.unstubAllGlobals());

const MEGABYTE = 1024 * 1024;
const picture = (size: number) => ({ size }) as Blob;

test('a file that is larger than any photograph is not even opened', async () => {
  const open = vi.fn(() => Promise.reject(new Error('no picture')));
  vi.stubGlobal('createImageBitmap', open);
  await expect(readPicture(picture(31 * MEGABYTE))).rejects.toThrow(RangeError);
  expect(open).not.toHaveBeenCalled();
  await expect(readPicture(picture(29 * MEGABYTE))).rejects.toThrow('no picture');
});
