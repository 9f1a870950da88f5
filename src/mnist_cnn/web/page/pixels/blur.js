/* Means over squares around the pixels of an image, as OpenCV's blur gives them. */

import { imageOf } from "./image.js";

/* The mean of each channel over a square around each pixel, not rounded. */
export function meansAround(image, side) {
  const sums = sumsDown(sumsAcross(image, side), image.width * image.channels, image.height, side);
  const size = side * side;
  for (let index = 0; index < sums.length; index += 1) sums[index] /= size;
  return sums;
}

export function blurred(image, side) {
  const rounded = new Uint8ClampedArray(meansAround(image, side));
  return imageOf(image.width, image.height, new Uint8Array(rounded.buffer), image.channels);
}

function sumsAcross({ data, width, height, channels }, side) {
  const sums = new Float64Array(data.length);
  for (let row = 0; row < height; row += 1) {
    for (let channel = 0; channel < channels; channel += 1) {
      sumsOfLine(sums, data, row * width * channels + channel, channels, width, side);
    }
  }
  return sums;
}

function sumsDown(data, line, height, side) {
  const sums = new Float64Array(data.length);
  for (let column = 0; column < line; column += 1) sumsOfLine(sums, data, column, line, height, side);
  return sums;
}

/* Sums over so many places of a line; beyond its ends, what is before them in reverse. */
function sumsOfLine(sums, data, start, step, length, side) {
  const half = side >> 1;
  let sum = 0;
  for (let place = -half; place <= half; place += 1) sum += data[start + step * mirrored(place, length)];
  for (let place = 0; place < length; place += 1) {
    sums[start + step * place] = sum;
    sum += data[start + step * mirrored(place + half + 1, length)] - data[start + step * mirrored(place - half, length)];
  }
}

/* Which place is seen beyond the ends, in a mirror at the middle of the last one. */
function mirrored(place, length) {
  let inside = place;
  while (length > 1 && (inside < 0 || inside >= length)) inside = inside < 0 ? -inside : 2 * length - 2 - inside;
  return length > 1 ? inside : 0;
}
