/* What leads from one plane to another in perspective, as OpenCV's getPerspectiveTransform and warpPerspective have it.

   A matrix (3, 3) is nine numbers, row by row. */

import { imageOf } from "./image.js";

/* The matrix that leads four points to four others; points are [x, y]. */
export function perspective(from, to) {
  const rows = from.flatMap(([x, y], index) => {
    const [u, v] = to[index];
    return [[x, y, 1, 0, 0, 0, -x * u, -y * u, u], [0, 0, 0, x, y, 1, -x * v, -y * v, v]];
  });
  return [...solved(rows), 1];
}

/* The solution of linear equations: rows of factors, and last what they sum to. By Gauss, the greatest factor first. */
function solved(rows) {
  for (let one = 0; one < rows.length; one += 1) {
    const rest = rows.slice(one).map((row) => Math.abs(row[one]));
    const best = one + rest.indexOf(Math.max(...rest));
    [rows[one], rows[best]] = [rows[best], rows[one]];
    for (let other = 0; other < rows.length; other += 1) {
      const times = other === one ? 0 : rows[other][one] / rows[one][one];
      rows[other] = rows[other].map((value, place) => value - times * rows[one][place]);
    }
  }
  return rows.map((row, index) => row.at(-1) / row[index]);
}

export const times = (one, other) => one.map((_, place) => {
  const [row, column] = [place - (place % 3), place % 3];
  return one[row] * other[column] + one[row + 1] * other[column + 3] + one[row + 2] * other[column + 6];
});

export function moved([x, y], [a, b, c, d, e, f, g, h, i]) {
  const depth = g * x + h * y + i;
  return [(a * x + b * y + c) / depth, (d * x + e * y + f) / depth];
}

/* An image of another size, each pixel (x, y) of which is where `back` leads it to; beyond the image, its border is. */
export function warpedBy({ data, width: wide, height: high }, back, width, height) {
  const image = imageOf(width, height, new Uint8Array(width * height));
  const to = new Uint8ClampedArray(image.data.buffer); // rounds
  const [a, b, c, d, e, f, g, h, i] = back;
  for (let row = 0, index = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1, index += 1) {
      const depth = g * column + h * row + i;
      const x = (a * column + b * row + c) / depth;
      const y = (d * column + e * row + f) / depth;
      const left = Math.floor(x);
      const top = Math.floor(y);
      const one = Math.min(Math.max(left, 0), wide - 1);
      const other = Math.min(Math.max(left + 1, 0), wide - 1);
      const upper = Math.min(Math.max(top, 0), high - 1) * wide;
      const lower = Math.min(Math.max(top + 1, 0), high - 1) * wide;
      const above = data[upper + one] + (x - left) * (data[upper + other] - data[upper + one]);
      const below = data[lower + one] + (x - left) * (data[lower + other] - data[lower + one]);
      to[index] = above + (y - top) * (below - above);
    }
  }
  return image;
}
