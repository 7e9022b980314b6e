// Reads codes out of a picture, with the decoder that the till has.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { repository } from './instance.mjs';

const modules = createRequire(join(repository, 'pwa/package.json'));
const { prepareZXingModule, readBarcodes } = modules('zxing-wasm/reader');

let ready;

/** Every code of the picture: its text, and where it is. */
export async function readCodes(picture) {
  ready ??= readFile(modules.resolve('zxing-wasm/reader/zxing_reader.wasm')).then(({ buffer: wasmBinary }) =>
    prepareZXingModule({ overrides: { wasmBinary }, fireImmediately: true }),
  );
  await ready;
  return readBarcodes(new Uint8Array(picture), { formats: ['QRCode'], tryHarder: true, textMode: 'Plain' });
}
