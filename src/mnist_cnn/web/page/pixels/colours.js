/* RGB comes in, one channel goes out, as OpenCV computes it. */

import { imageOf } from "./image.js";

const [RED, GREEN, BLUE, ONE] = [9798, 19235, 3735, 32768]; // what the channels count for in lightness

export function greyOf({ data, width, height }) {
  const grey = imageOf(width, height, new Uint8Array(width * height));
  for (let index = 0, from = 0; from < data.length; index += 1, from += 3) {
    grey.data[index] = (data[from] * RED + data[from + 1] * GREEN + data[from + 2] * BLUE + ONE / 2) / ONE;
  }
  return grey;
}

/* The channels by their weights, and a constant. */
export function weighed({ data, width, height }, weights) {
  const grey = imageOf(width, height, new Uint8Array(width * height));
  const to = new Uint8ClampedArray(grey.data.buffer); // rounds
  const [red, green, blue, constant] = Float32Array.from(weights);
  for (let index = 0, from = 0; from < data.length; index += 1, from += 3) {
    const two = Math.fround(Math.fround(red * data[from]) + Math.fround(green * data[from + 1]));
    to[index] = Math.fround(Math.fround(two + Math.fround(blue * data[from + 2])) + constant);
  }
  return grey;
}
