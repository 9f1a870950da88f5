/* Ink comes in, wider ink goes out, as OpenCV's dilate gives it with a square or an ellipse. */

import { blank } from "./image.js";

/* Each pixel becomes the greatest of those in a square around it, an odd number of pixels long. */
export function dilatedBySquare(image, side) {
  const half = side >> 1;
  return dilated(image, Array.from({ length: side }, (_, index) => ({ row: index - half, from: -half, to: half })));
}

/* Each pixel becomes the greatest of those in a disc of a diameter around it. */
export const dilatedByDisc = (image, diameter) => dilated(image, discOf(diameter));

/* The rows of a disc, from and to which column each goes, its middle at 0. */
function discOf(diameter) {
  const middle = Math.floor(diameter / 2);
  return Array.from({ length: diameter }, (_, index) => {
    const row = index - middle;
    const half = middle ? Math.round(middle * Math.sqrt((middle * middle - row * row) / (middle * middle))) : 0;
    return { row, from: -half, to: Math.min(half, diameter - 1 - middle) };
  });
}

/* Ink is mostly rare: each of its pixels is spread over those around it that it is seen by. */
function dilated({ data, width, height }, runs) {
  const wider = blank(width, height);
  const to = wider.data;
  for (let y = 0, index = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, index += 1) {
      const level = data[index];
      if (!level) continue;
      for (const { row, from, to: until } of runs) {
        const line = y - row;
        if (line < 0 || line >= height) continue;
        const last = line * width + Math.min(x - from, width - 1);
        for (let at = line * width + Math.max(x - until, 0); at <= last; at += 1) if (to[at] < level) to[at] = level;
      }
    }
  }
  return wider;
}
