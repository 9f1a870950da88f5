/* An image comes in, a square of it at another size goes out, as OpenCV's warpAffine interpolates. */

import { imageOf } from "./image.js";

/* The square (side, side) whose place (x, y) is at ((x, y) − shift) / scale of the image; beyond it, its border. */
export function warped({ data, width, height }, scale, [shiftX, shiftY], side) {
  const [columns, rows] = [placesOf(width, scale, shiftX, side), placesOf(height, scale, shiftY, side)];
  const square = imageOf(side, side, new Uint8Array(side * side));
  const to = new Uint8ClampedArray(square.data.buffer); // rounds
  for (let row = 0, index = 0; row < side; row += 1) {
    const upper = rows.first[row] * width;
    const lower = rows.second[row] * width;
    for (let column = 0; column < side; column += 1, index += 1) {
      const left = columns.first[column];
      const right = columns.second[column];
      const beside = columns.share[column];
      const above = between(data[upper + left], data[upper + right], beside);
      const below = between(data[lower + left], data[lower + right], beside);
      to[index] = between(above, below, rows.share[row]);
    }
  }
  return square;
}

const between = (one, other, share) => Math.fround(one + Math.fround(share * Math.fround(other - one)));

/* For each pixel along one side, the two pixels of the image that it lies between, and how near the second it is. */
function placesOf(length, scale, shift, count) {
  const [first, second, share] = [new Int32Array(count), new Int32Array(count), new Float32Array(count)];
  const [step, start] = [Math.fround(1 / scale), Math.fround(-shift / scale)];
  for (let place = 0; place < count; place += 1) {
    const at = Math.fround(Math.fround(step * place) + start);
    const low = Math.floor(at);
    first[place] = Math.min(Math.max(low, 0), length - 1);
    second[place] = Math.min(Math.max(low + 1, 0), length - 1);
    share[place] = at - low;
  }
  return { first, second, share };
}
