/* How wide is the pen, and one digit's ink as a pen of MNIST's width would have left it. (reading/pen.py) */

import { distances } from "../pixels/distances.js";
import { longer, padded } from "../pixels/image.js";
import { dilatedByDisc } from "../pixels/morphology.js";
import { resized } from "./normalise.js";
import { round } from "./statistics.js";

const THINNEST = 0.08;
const WIDENED_TO = 0.1;
export const USUAL = 6;
const WORKING_SIDE = 80;

/* The mean width of strokes, 0 paper to 255 ink, in pixels: twice their area by the length of their outline. */
function penWidth(ink) {
  const { data, width, height } = padded(ink, 1);
  let [area, outline] = [0, 0];
  for (let row = 0; row < height - 1; row += 1) {
    for (let index = row * width; index < (row + 1) * width - 1; index += 1) {
      area += data[index];
      const across = data[index + 1] - data[index];
      const down = data[index + width] - data[index];
      outline += Math.fround(Math.sqrt(across * across + down * down));
    }
  }
  return outline ? (2 * area) / outline : 0;
}

/* The mean width of the strokes of a mask, 1 ink and 0 paper as beyond it, in pixels; 0 if there is no ink. */
export function meanWidth(tight) {
  const mask = padded(tight, 1);
  const far = distances(mask);
  let [sum, count] = [0, 0];
  for (let index = 0; index < far.length; index += 1) {
    sum += far[index];
    count += mask.data[index];
  }
  return count ? Math.max(0, (4 * sum) / count - 2) : 0;
}

/* Give a digit drawn with a thin pen strokes as wide as MNIST's thinner ones; wider strokes stay as they are. */
export function widen(ink) {
  const width = penWidth(ink);
  const long = longer(ink);
  if (!width || width >= THINNEST * long) return ink;
  const scale = Math.max(WORKING_SIDE, (2 * long) / width) / long;
  const brush = Math.max(1, round((WIDENED_TO * long - width) * scale)) + 1;
  return dilatedByDisc(padded(resized(ink, scale), brush), brush);
}
