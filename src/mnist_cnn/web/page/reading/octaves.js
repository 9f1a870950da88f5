/* An image at its own size, halved and doubled. (reading/octaves.py) */

import { cut } from "../pixels/image.js";
import { byArea, byCubic } from "../pixels/resize.js";

/* Octave 0 is the image itself, 1 half of it, −1 twice its size, and so on; each is made when it is wanted first. */
export function octavesOf(grey) {
  const images = new Map([[0, grey]]);

  function at(octave) {
    if (!images.has(octave)) images.set(octave, octave > 0 ? half(at(octave - 1)) : double(at(octave + 1)));
    return images.get(octave);
  }

  return { width: grey.width, height: grey.height, at };
}

/* The mean of each 2×2 pixels. A single row or column is kept, the last of an odd number is not. */
function half(image) {
  const [width, height] = [image.width, image.height].map((length) => Math.max(1, Math.floor(length / 2)));
  const even = cut(image, 0, 0, Math.min(2 * width, image.width), Math.min(2 * height, image.height));
  return byArea(even, width, height);
}

const double = (image) => byCubic(image, 2 * image.width, 2 * image.height);
