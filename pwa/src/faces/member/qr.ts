/** The QR code of a token, drawn with whole device pixels per module and its quiet zone. */
import encodeQR from 'qr';

/** ISO/IEC 18004 asks for four modules of quiet zone around the code. */
const QUIET_MODULES = 4;

export function drawQr(canvas: HTMLCanvasElement, token: string, widthPixels: number): void {
  const rows = encodeQR(token, 'raw', {
    ecc: 'low',
    encoding: 'alphanumeric',
    border: QUIET_MODULES,
  });
  const scale = Math.max(2, Math.floor((widthPixels * devicePixelRatio) / rows.length));
  canvas.width = rows.length * scale;
  canvas.height = canvas.width;
  const context = canvas.getContext('2d', { alpha: false });
  if (!context) throw new Error('no 2d context');
  context.fillStyle = '#ffffff';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = '#000000';
  for (const [y, row] of rows.entries()) {
    for (const [x, dark] of row.entries()) {
      if (dark) context.fillRect(x * scale, y * scale, scale, scale);
    }
  }
}
