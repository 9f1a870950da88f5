/* Boxes of an image come in, their surroundings at the size that the segmenter knows go out. (reading/crops.py) */

import { warped } from "../pixels/warp.js";

const [SIDE, INNER] = [64, 32];
const COARSEST = 0.75;

/* The surroundings (64, 64) of a box [left, top, right, bottom] in pixels of the image; its longer side is 32. */
export function crop(octaves, [left, top, right, bottom]) {
  let scale = INNER / Math.max(right - left, bottom - top, 1);
  let octave = 0;
  for (; scale < COARSEST; octave += 1) scale *= 2;
  const middle = [(left + right) / 2, (top + bottom) / 2].map((place) => place / 2 ** octave - 0.5);
  return warped(octaves.at(octave), scale, middle.map((place) => (SIDE - 1) / 2 - scale * place), SIDE);
}
