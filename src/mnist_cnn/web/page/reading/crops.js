/* Boxes of an image come in, their surroundings at the size that the segmenter knows go out. (reading/crops.py) */

import { blank, boundingRect } from "../pixels/image.js";
import { warped } from "../pixels/warp.js";

const [SIDE, INNER, WIDE] = [64, 32, 12];
const [INKED, LEAST] = [0.5, 12];
const COARSEST = 0.75;

/* The surroundings (64, 64, 2) of a box [left, top, right, bottom] in pixels of the image, close up and wide. */
export function closeAndWide(octaves, box) {
  const [close, wide] = [crop(octaves, box, INNER).data, crop(octaves, box, WIDE).data];
  return Uint8Array.from({ length: 2 * close.length }, (_, index) => (index % 2 ? wide : close)[index >> 1]);
}

/* The surroundings (64, 64) of a box, whose longer side is `inner` pixels in them. */
function crop(octaves, [left, top, right, bottom], inner) {
  const { octave, scale } = octaveFor(scaleOf([left, top, right, bottom], inner));
  const middle = [(left + right) / 2, (top + bottom) / 2].map((place) => place / 2 ** octave - 0.5);
  return warped(octaves.at(octave), scale, middle.map((place) => (SIDE - 1) / 2 - scale * place), SIDE);
}

/* The octave from which something is taken that is to be `scale` times as large, and times what it is there. */
export function octaveFor(scale) {
  let octave = 0;
  for (; scale < COARSEST; octave += 1) scale *= 2;
  return { octave, scale };
}

const scaleOf = ([left, top, right, bottom], inner = INNER) => inner / Math.max(right - left, bottom - top, 1);

/* The box around the ink in the middle of the crop of a box; the box itself where there is hardly any. */
export function inkBox(box, ink) {
  const mask = blank(ink.width, ink.height);
  for (let index = 0; index < mask.data.length; index += 1) mask.data[index] = ink.data[index] > INKED ? 1 : 0;
  const { left, top, width, height } = boundingRect(mask);
  if (Math.max(width, height) < LEAST) return box;
  const [scale, half] = [scaleOf(box), ink.width / 2];
  const [x, y] = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
  const from = [x + (left - half) / scale, y + (top - half) / scale];
  return [...from, from[0] + width / scale, from[1] + height / scale];
}
