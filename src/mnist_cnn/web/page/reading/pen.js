/* How wide is the pen, and one digit's ink as a pen of MNIST's width would have left it. (reading/pen.py) */

import { above, asFloat, cut, dilated, disc, distances, histogram, longer, magnitude } from "./image.js";
import { mapped, meanOf, resize, subtracted, sumOf, withMargin } from "./image.js";
import { shrink } from "./scale.js";
import { argmax, largest, round } from "./statistics.js";

const THINNEST = 0.08;
const WIDENED_TO = 0.1;
const BARE = 0.5;
const USUAL = 6;
const WORKING_SIDE = 80;

/* The mean width of strokes, 0 paper to 255 ink, in pixels: twice their area by the length of their outline. */
function penWidth(ink) {
  const padded = asFloat(withMargin(ink, 1, "CONSTANT"));
  const [across, down] = [padded.width - 1, padded.height - 1];
  const corner = cut(padded, 0, 0, across, down);
  const slopeAcross = subtracted(cut(padded, 1, 0, across, down), corner);
  const slopeDown = subtracted(cut(padded, 0, 1, across, down), corner);
  const outline = sumOf(magnitude(slopeAcross, slopeDown));
  return outline ? (2 * sumOf(padded)) / outline : 0;
}

/* The mean width of the strokes of a mask, 1 ink and 0 paper, in pixels; 0 if there is no ink. */
export function meanWidth(mask) {
  return Math.max(0, 4 * meanOf(distances(mask), mask) - 2);
}

export function toUsualPen(grey) {
  const counts = histogram(grey);
  const paper = argmax(counts);
  if (counts[paper] < BARE * grey.data.length) return grey;
  const difference = mapped(grey, (pixel) => Math.abs(pixel - paper));
  const mask = above(difference, Math.floor(largest(difference.data) / 2));
  const times = Math.trunc(meanWidth(mask) / USUAL);
  return times > 1 ? shrink(grey, Math.floor(longer(grey) / times)) : grey;
}

/* Give a digit drawn with a thin pen strokes as wide as MNIST's thinner ones; wider strokes stay as they are. */
export function widen(ink) {
  const width = penWidth(ink);
  const long = longer(ink);
  if (!width || width >= THINNEST * long) return ink;
  const scale = Math.max(WORKING_SIDE, (2 * long) / width) / long;
  const sized = scale === 1 ? ink : resized(ink, scale);
  const brush = Math.max(1, round((WIDENED_TO * long - width) * scale)) + 1;
  return dilated(withMargin(sized, brush, "CONSTANT"), disc(brush));
}

function resized(ink, scale) {
  const [width, height] = [ink.width, ink.height].map((side) => Math.max(1, round(side * scale)));
  return resize(ink, width, height, scale < 1 ? "AREA" : "CUBIC");
}
