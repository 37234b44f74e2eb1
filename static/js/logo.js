// Makes a logo of any picture that the browser can read: cuts its margin off, draws it smaller, and makes the PNG
// that the server accepts. A file that it cannot read, or that fits already, is sent unchanged; the server checks it.
(() => {
  "use strict";

  const MAX_BYTES = 64 * 1024;
  const LEAST = 16;
  const MOST = 512;
  const HEIGHT = 168; // six times what the portal shows
  const NEAR = 12; // of 255: what a JPEG calls the same colour

  const input = document.querySelector("[data-logo-most] input[type=file]");
  const shown = document.querySelector("[data-logo-drawn]");
  if (!input || !window.createImageBitmap || !window.DataTransfer) return;
  input.accept = "image/*";
  document.querySelector("[data-logo-words]").hidden = false;

  function canvas(width, height) {
    return Object.assign(document.createElement("canvas"), { width, height });
  }

  function drawn(picture, [left, top, width, height], toWidth, toHeight) {
    const sheet = canvas(Math.max(LEAST, toWidth), Math.max(LEAST, toHeight));
    const pen = sheet.getContext("2d");
    pen.imageSmoothingQuality = "high";
    const [x, y] = [(sheet.width - toWidth) / 2, (sheet.height - toHeight) / 2];
    pen.drawImage(picture, left, top, width, height, Math.round(x), Math.round(y), toWidth, toHeight);
    return sheet;
  }

  // The rectangle of the picture without the margin that has the colour of its corner.
  function inside(picture) {
    const scale = Math.min(1, MOST / Math.max(picture.width, picture.height));
    const width = Math.max(1, Math.round(picture.width * scale));
    const height = Math.max(1, Math.round(picture.height * scale));
    const pen = canvas(width, height).getContext("2d", { willReadFrequently: true });
    pen.drawImage(picture, 0, 0, width, height);
    const { data } = pen.getImageData(0, 0, width, height);
    const isMargin = (at) =>
      data[at + 3] + data[3] === 0 || [0, 1, 2, 3].every((part) => Math.abs(data[at + part] - data[part]) <= NEAR);
    let [left, top, right, bottom] = [width, height, -1, -1];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (isMargin(4 * (y * width + x))) continue;
        [left, right] = [Math.min(left, x), Math.max(right, x)];
        [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
      }
    }
    if (right < 0) return [0, 0, picture.width, picture.height]; // one colour throughout
    return [left, top, right - left + 1, bottom - top + 1].map((length) => length / scale);
  }

  const asPng = (sheet) => new Promise((take) => sheet.toBlob(take, "image/png"));

  // Smaller and smaller, until the file is small enough.
  async function scaled(picture) {
    const part = inside(picture);
    const [, , width, height] = part;
    let scale = Math.min(1, HEIGHT / height, MOST / width);
    for (;;) {
      const sheet = drawn(picture, part, Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
      const png = await asPng(sheet);
      if (png.size <= MAX_BYTES || sheet.height === LEAST) return { sheet, png };
      scale *= 0.75;
    }
  }

  function fits(file, { width, height }) {
    const sides = [width, height].every((side) => side >= LEAST && side <= MOST);
    return file.type === "image/png" && file.size <= MAX_BYTES && sides;
  }

  input.addEventListener("change", async () => {
    const [file] = input.files;
    shown.hidden = true;
    if (!file) return;
    let picture;
    try {
      picture = await createImageBitmap(file);
    } catch {
      return; // no picture: the server says so
    }
    if (fits(file, picture)) return;
    const { sheet, png } = await scaled(picture);
    if (input.files[0] !== file) return; // another one was chosen meanwhile
    const files = new DataTransfer();
    files.items.add(new File([png], "logo.png", { type: "image/png" }));
    input.files = files.files;
    shown.querySelector("canvas")?.remove();
    shown.append(sheet);
    shown.hidden = false;
  });
})();
