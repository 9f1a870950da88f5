/* Rows of boxes come in, each row's line of the image at the size that the recogniser knows goes out. (reading/text_lines.py) */

import { warpedBy } from "../pixels/perspective.js";
import { octaveFor } from "./crops.js";
import { TALL } from "./recogniser_network.js";
import { median, round } from "./statistics.js";

const DIGIT = 24;
const FLAT = 0.6;

/* The line { left, right, middle, slope, height } of a row of boxes, and of what is up to `beyond` heights beside it.
   How high and where it is, the boxes of what is surely written in it say. */
export function lineThrough(boxes, sure, slope, beyond) {
  const height = median(sure.map(([left, top, right, bottom]) => Math.max(bottom - top, FLAT * (right - left), 1)));
  const middles = sure.map(([left, top, right, bottom]) => (top + bottom) / 2 - (slope * (left + right)) / 2);
  const left = Math.min(...boxes.map(([edge]) => edge)) - beyond * height;
  const right = Math.max(...boxes.map(([, , edge]) => edge)) + beyond * height;
  return { left, right, middle: median(middles), slope, height };
}

/* Pixels of the line's image for one of the image that it is in. */
export const scaleOf = ({ height }) => DIGIT / height;

/* Pixels across of the line's image. */
export const widthOf = (line) => Math.max(1, round((line.right - line.left) * scaleOf(line)));

/* The image, 40 pixels high, of a line, level. */
export function lineImage(octaves, { left, middle, slope, height }, width) {
  const { octave, scale } = octaveFor(DIGIT / height);
  const across = -scale * (left / 2 ** octave) + scale / 2 - 0.5;
  const down = -scale * (middle / 2 ** octave) + TALL / 2 - 0.5 + (scale * (1 - slope)) / 2;
  const back = [1 / scale, 0, -across / scale, slope / scale, 1 / scale, -(slope * across + down) / scale, 0, 0, 1];
  return warpedBy(octaves.at(octave), back, width, TALL);
}
