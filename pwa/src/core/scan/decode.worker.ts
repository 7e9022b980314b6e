// Finds a QR code in a picture, away from the page's thread. The browser's own detector where it reads QR codes,
// otherwise the WebAssembly decoder that is served with the app: nothing is ever loaded from elsewhere.
import wasmUrl from 'zxing-wasm/reader/zxing_reader.wasm?url';

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
}
export type Decoded = { id: number; text: string | null } | { failure: string };

type Decode = (frame: ImageData) => Promise<string | null>;

async function nativeDecoder(): Promise<Decode | null> {
  const Detector = (globalThis as { BarcodeDetector?: NativeDetectorClass }).BarcodeDetector;
  const formats = (await Detector?.getSupportedFormats().catch(() => [])) ?? [];
  if (!Detector || !formats.includes('qr_code')) return null;
  const detector = new Detector({ formats: ['qr_code'] });
  return async (frame) => (await detector.detect(frame))[0]?.rawValue ?? null;
}

async function wasmDecoder(): Promise<Decode> {
  const { prepareZXingModule, readBarcodes } = await import('zxing-wasm/reader');
  await prepareZXingModule({ overrides: { locateFile: () => wasmUrl }, fireImmediately: true });
  return async (frame) => {
    const found = await readBarcodes(frame, { formats: ['QRCode'], tryHarder: true, maxNumberOfSymbols: 1, textMode: 'Plain' });
    return found[0]?.text ?? null;
  };
}

let decoder = nativeDecoder().catch(() => null).then((native) => (native ? orWasm(native) : wasmDecoder()));

/** The browser's detector may be there and not work, as where the system's part of it is missing. */
function orWasm(native: Decode): Decode {
  return (frame) => native(frame).catch(async (cause: unknown) => {
    console.warn('detector', cause);
    decoder = wasmDecoder();
    return (await decoder)(frame);
  });
}

addEventListener('message', async ({ data: { id, picture } }: MessageEvent<Frame>) => {
  try {
    postMessage({ id, text: await (await decoder)(picture) } satisfies Decoded);
  } catch (cause) {
    postMessage({ failure: String(cause) } satisfies Decoded);
  }
});
