// Finds QR codes in a picture, away from the page's thread. The browser's own detector where it reads QR codes, and the
// WebAssembly decoder that is served with the app: nothing is ever loaded from elsewhere.
import wasmUrl from 'zxing-wasm/reader/zxing_reader.wasm?url';
import { within } from '../within';
import { decoderOf, type Decode } from './decode';

interface NativeDetector {
  detect(frame: ImageData): Promise<{ rawValue: string }[]>;
}
interface NativeDetectorClass {
  new (options: { formats: string[] }): NativeDetector;
  getSupportedFormats(): Promise<string[]>;
}

export interface Frame {
  id: number;
  picture: ImageData;
  /** Whether it is one picture alone: what it does not show is not shown by the next. */
  isStill: boolean;
}
export type Decoded = { id: number; texts: string[] } | { failure: string };

const FORMATS_WITHIN_MILLIS = 2_000;
/** The most codes that are read in one picture: a card beside the payment codes of a counter. */
const CODES_AT_MOST = 4;

async function nativeDecoder(): Promise<Decode | null> {
  const Detector = (globalThis as { BarcodeDetector?: NativeDetectorClass }).BarcodeDetector;
  if (!Detector) return null;
  const formats = await within(FORMATS_WITHIN_MILLIS, 'formats', Detector.getSupportedFormats());
  if (!formats.includes('qr_code')) return null;
  const detector = new Detector({ formats: ['qr_code'] });
  return async (picture) => (await detector.detect(picture)).map(({ rawValue }) => rawValue);
}

async function loadOwn(): Promise<Decode> {
  const { prepareZXingModule, readBarcodes } = await import('zxing-wasm/reader');
  await prepareZXingModule({ overrides: { locateFile: () => wasmUrl }, fireImmediately: true });
  return async (picture) => {
    const found = await readBarcodes(picture, {
      formats: ['QRCode'],
      tryHarder: true,
      maxNumberOfSymbols: CODES_AT_MOST,
      textMode: 'Plain',
    });
    return found.map(({ text }) => text);
  };
}

let loading: Promise<Decode> | undefined;

const own: Decode = async (picture) => {
  loading ??= loadOwn();
  return (await loading)(picture);
};

const reading = nativeDecoder()
  .catch(() => null)
  .then((native) => {
    // It takes a moment to compile, before the first picture comes.
    if (!native) (loading = loadOwn()).catch(() => undefined);
    return decoderOf(native, own);
  });

async function decode({ id, picture, isStill }: Frame): Promise<void> {
  try {
    postMessage({ id, texts: await (await reading)(picture, isStill) } satisfies Decoded);
  } catch (cause) {
    postMessage({ failure: String(cause) } satisfies Decoded);
  }
}

addEventListener('message', ({ data }: MessageEvent<Frame>) => void decode(data));
