/* Decodes a file to an upright greyscale image. (reading/picture.py)

   The browser decodes it, so only formats that it can display can be read. Large images are shrunk in the same steps as there. */

import { imageOf } from "../pixels/image.js";
import { separate } from "./colour.js";
import { shrink } from "./scale.js";

const LARGEST = 100_000_000;
const WORKING_SIDE = 1600;
const [SHORTEST, SMALLEST] = [3, 8];

export class ImageError extends Error {}

/* Gives { grey, width, height }. */
export async function load(file) {
  if (!file.size) throw new ImageError("The file is empty (0 bytes): choose another file.");
  const start = new Uint8Array(await file.slice(0, 4096).arrayBuffer());
  const bitmap = await decode(file, start);
  const { width, height } = bitmap;
  try {
    checkSize(width, height);
    const pixels = pixelsOf(bitmap, start[0] === 0xff && start[1] === 0xd8);
    return { grey: separate(fromMask(pixels)), width, height };
  } finally {
    bitmap.close();
  }
}

/* Upright, with the pixel values of the file: no colour profile is applied. */
async function decode(file, start) {
  const plainly = { imageOrientation: "from-image", colorSpaceConversion: "none", premultiplyAlpha: "none" };
  try {
    return await createImageBitmap(file, plainly);
  } catch {
    throw new ImageError(`The file ${unsupported(start)}`);
  }
}

function checkSize(width, height) {
  const size = `${width.toLocaleString("en")} × ${height.toLocaleString("en")} pixels`;
  if (width * height > LARGEST) {
    throw new ImageError(`The file is too large (${size}, limit ${LARGEST / 1e6} megapixels): shrink it first.`);
  }
  if (Math.min(width, height) < SHORTEST || Math.max(width, height) < SMALLEST) {
    throw new ImageError(`The file is too small (${size}): it must be at least ${SMALLEST} × ${SHORTEST} pixels.`);
  }
}

/* RGB, at most 1600 long. A large image in bands, so that it takes little memory. */
function pixelsOf(bitmap, jpeg) {
  const { width, height } = bitmap;
  const first = jpeg ? draftOf(width, height) : 1; // Pillow lets JPEG decode to an eighth, a quarter or a half …
  const second = Math.floor(Math.ceil(Math.max(width, height) / first) / WORKING_SIDE); // … and averages blocks of that
  const steps = [first, second].filter((times) => times > 1);
  const tall = steps.length ? 32 * first * Math.max(1, second) : height;
  const bands = [];
  for (let top = 0; top < height; top += tall) {
    const band = bandOf(bitmap, top, Math.min(tall, height - top));
    bands.push(steps.reduce(reduced, band));
  }
  return onWhite(shrink(together(bands), WORKING_SIDE));
}

function draftOf(width, height) {
  const scale = WORKING_SIDE / Math.max(width, height);
  if (scale >= 1) return 1;
  const [across, down] = [width, height].map((side) => Math.floor(side / (Math.trunc(side * scale) + 1)));
  return [8, 4, 2, 1].find((times) => Math.min(across, down) >= times);
}

function bandOf(bitmap, top, height) {
  const context = new OffscreenCanvas(bitmap.width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, -top);
  return imageOf(bitmap.width, height, new Uint8Array(context.getImageData(0, 0, bitmap.width, height).data.buffer), 4);
}

/* Average blocks of pixels; those at the right and bottom edges may be smaller. */
function reduced({ data, width, height }, times) {
  const [across, down] = [Math.ceil(width / times), Math.ceil(height / times)];
  const small = imageOf(across, down, new Uint8Array(across * down * 4), 4);
  for (let row = 0, to = 0; row < down; row += 1) {
    const [top, bottom] = [row * times, Math.min(height, (row + 1) * times)];
    for (let column = 0; column < across; column += 1) {
      const [left, right] = [column * times, Math.min(width, (column + 1) * times)];
      const size = (right - left) * (bottom - top);
      for (let channel = 0; channel < 4; channel += 1, to += 1) {
        let sum = 0;
        for (let y = top; y < bottom; y += 1) {
          const end = 4 * (y * width + right);
          for (let from = 4 * (y * width + left) + channel; from < end; from += 4) sum += data[from];
        }
        small.data[to] = Math.floor(sum / size + 0.5);
      }
    }
  }
  return small;
}

function together(bands) {
  if (bands.length === 1) return bands[0];
  const [{ width, channels }] = bands;
  const data = new Uint8Array(bands.reduce((total, band) => total + band.data.length, 0));
  bands.reduce((start, band) => (data.set(band.data, start), start + band.data.length), 0);
  return imageOf(width, data.length / (width * channels), data, channels);
}

/* Put RGBA on a white background, or on black if it would then be entirely white. */
function onWhite({ data, width, height }) {
  const on = (isWhite) => {
    const rgb = new Uint8Array(width * height * 3);
    for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
      const alpha = data[from + 3];
      const rest = isWhite ? 255 - alpha : 0;
      rgb[to] = ((data[from] * alpha) / 255 | 0) + rest;
      rgb[to + 1] = ((data[from + 1] * alpha) / 255 | 0) + rest;
      rgb[to + 2] = ((data[from + 2] * alpha) / 255 | 0) + rest;
    }
    return rgb;
  };
  const flat = on(true);
  const isWhiteInk = rangeOf(data, 3, 4) >= 8 && rangeOf(flat, 0, 1) < 8;
  return imageOf(width, height, isWhiteInk ? on(false) : flat, 3);
}

/* By how much values differ, from one on, as many apart. */
function rangeOf(values, first, apart) {
  let [least, most] = [255, 0];
  for (let index = first; index < values.length; index += apart) {
    if (values[index] < least) least = values[index];
    if (values[index] > most) most = values[index];
  }
  return most - least;
}

/* Of a mask of zeros and ones the ones are white. */
function fromMask(image) {
  const { data, width, height, channels } = image;
  let most = 0;
  for (let index = 0; index < data.length && most < 2; index += 1) if (data[index] > most) most = data[index];
  return most === 1 ? imageOf(width, height, data.map((level) => 255 * level), channels) : image;
}

/* Say what a file that this browser cannot decode seems to be, by its first bytes, and what to do. */
function unsupported(start) {
  const text = String.fromCharCode(...start.subarray(0, 1024));
  const kinds = {
    HEIC: text.slice(4, 8) === "ftyp" && /^(hei[cxms]|hevc|m[is]f1)/.test(text.slice(8)),
    TIFF: /^(II\*\0|MM\0\*)/.test(text),
    "JPEG 2000": text.startsWith("\0\0\0\x0cjP"),
    PDF: text.includes("%PDF-"),
    PostScript: text.startsWith("%!PS"),
    SVG: text.includes("<svg"),
  };
  const kind = Object.keys(kinds).find((name) => kinds[name]);
  if (kind) return `is in ${kind} format, which this browser cannot decode: convert it to PNG or JPEG first.`;
  return "is not an image that this browser can decode: choose a PNG, JPEG, WebP, GIF or BMP file.";
}
