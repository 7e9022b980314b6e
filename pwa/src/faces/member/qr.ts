/** The QR code of a token with its quiet zone, one pixel of the canvas a module: the style sheet makes the pixels large and sharp. */
import encodeQR from 'qr';

/** ISO/IEC 18004 asks for four modules of quiet zone around the code. */
const QUIET_MODULES = 4;

export function drawQr(canvas: HTMLCanvasElement, token: string): void {
  const rows = encodeQR(token, 'raw', {
    ecc: 'low',
    encoding: 'alphanumeric',
    border: QUIET_MODULES,
  });
  canvas.width = rows.length;
  canvas.height = rows.length;
  const context = canvas.getContext('2d', { alpha: false });
  if (!context) throw new Error('no 2d context');
  const picture = context.createImageData(rows.length, rows.length);
  // A pixel is one number: all ones is white, its opacity alone (the last byte in memory) is black.
  const pixels = new Uint32Array(picture.data.buffer).fill(0xffffffff);
  rows.forEach((row, y) => row.forEach((dark, x) => dark && (pixels[y * row.length + x] = 0xff000000)));
  context.putImageData(picture, 0, 0);
}
