// The till's camera: a canvas whose stream the page gets instead of a device. It shows what is held before it, pixel by
// pixel and a little askew, so that the till's own decoder has to read it.

/** Runs in the page before the app does. */
export function cameraScript() {
  if (!navigator.mediaDevices) return;
  const WIDTH = 1280;
  const HEIGHT = 720;
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const context = canvas.getContext('2d');
  let picture;

  function paint() {
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = '#5b5853';
    context.fillRect(0, 0, WIDTH, HEIGHT);
    if (!picture) return;
    const scale = (HEIGHT * 0.96) / picture.height;
    context.translate(WIDTH / 2, HEIGHT / 2);
    context.rotate(0.03);
    context.scale(scale, scale);
    context.drawImage(picture, -picture.width / 2, -picture.height / 2);
  }

  let painting;
  navigator.mediaDevices.getUserMedia = async () => {
    painting ??= setInterval(paint, 60);
    return canvas.captureStream(20);
  };

  window.heldBeforeCamera = {
    async png(base64) {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      picture = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    },
    async code(rows) {
      const MODULE = 8;
      const drawn = new OffscreenCanvas(rows.length * MODULE, rows.length * MODULE);
      const pen = drawn.getContext('2d');
      pen.fillStyle = '#fff';
      pen.fillRect(0, 0, drawn.width, drawn.height);
      pen.fillStyle = '#000';
      rows.forEach((row, y) => row.forEach((dark, x) => dark && pen.fillRect(x * MODULE, y * MODULE, MODULE, MODULE)));
      picture = drawn;
    },
    nothing() {
      picture = undefined;
    },
  };
}

export const holdPicture = (page, png) =>
  page.evaluate((base64) => window.heldBeforeCamera.png(base64), png.toString('base64'));

export const holdCode = (page, rows) => page.evaluate((drawn) => window.heldBeforeCamera.code(drawn), rows);

export const holdNothing = (page) => page.evaluate(() => window.heldBeforeCamera.nothing());
