/* How steep an image is at each pixel, as OpenCV's Scharr gives it, and the kernel of its GaussianBlur. */

import { blank, paste, imageOf } from "./image.js";

/* Of a square with one more row of paper above and below: across, down, and both together, float32 each.

   Left and right, the image goes on as in a mirror in its last column. */
export function slopes(image, side) {
  const [wide, high] = [side + 2, side + 4];
  const larger = paste(blank(wide, high), imageOf(side, side, image), 1, 2);
  for (let row = 0; row < high; row += 1) {
    larger.data[row * wide] = larger.data[row * wide + 2];
    larger.data[row * wide + wide - 1] = larger.data[row * wide + wide - 3];
  }
  const [across, down, steepness] = Array.from({ length: 3 }, () => new Float32Array(side * (side + 2)));
  const { data } = larger;
  for (let row = 1, index = 0; row < high - 1; row += 1) {
    for (let at = row * wide + 1; at < row * wide + 1 + side; at += 1, index += 1) {
      const upper = at - wide;
      const lower = at + wide;
      const falling = 3 * (data[lower + 1] - data[upper - 1]);
      const climbing = 3 * (data[lower - 1] - data[upper + 1]);
      const x = falling - climbing + 10 * (data[at + 1] - data[at - 1]);
      const y = falling + climbing + 10 * (data[lower] - data[upper]);
      across[index] = x;
      down[index] = y;
      steepness[index] = Math.sqrt(x * x + y * y);
    }
  }
  return { across, down, steepness };
}

export function gaussianKernel(sigma) {
  const reach = Math.round(sigma * 8 + 1) >> 1; // as far as floats are blurred
  const shares = Array.from({ length: 2 * reach + 1 }, (_, index) => Math.exp(-((index - reach) ** 2) / (2 * sigma ** 2)));
  const total = shares.reduce((sum, share) => sum + share);
  return shares.map((share) => share / total);
}
