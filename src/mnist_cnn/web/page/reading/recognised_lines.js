/* Rows of digits become lines of text, and what the recogniser says of them: of each digit, and of marks between them.
   (reading/recognised_lines.py) */

import { MARKS } from "./segmenter_network.js";
import { argmax, descending, sum } from "./statistics.js";
import { lineImage, lineThrough, scaleOf, widthOf } from "./text_lines.js";

const [STRIDE, MARK] = [4, 12];
const BEYOND = 1.5;
const CONTEXT = 4.0;
export const LEAST = 0.35;
const POSSIBLE = 0.05;
const APART = 0.33;
const TAKEN = 0.18;
const WIDEST = 8192;
const TAKES = {
  ".": [-0.1, 0.3, 0.1, 0.5],
  ",": [-0.12, 0.3, 0.12, 0.65],
  ":": [-0.1, -0.2, 0.1, 0.5],
  "(": [-0.2, -0.6, 0.2, 0.6],
  ")": [-0.2, -0.6, 0.2, 0.6],
  "/": [-0.3, -0.6, 0.3, 0.6],
  "%": [-0.4, -0.5, 0.4, 0.5],
};
const OTHERS = [-0.3, -0.3, 0.3, 0.3];

/* The line { where, columns } of a row of boxes, which climbs or falls by `slope`, as the recogniser sees it. */
export async function recognised(octaves, boxes, slope, recognise) {
  const where = lineThrough(boxes, slope, CONTEXT);
  const width = Math.min(WIDEST, Math.ceil(widthOf(where) / STRIDE) * STRIDE);
  return { where, columns: await recognise(lineImage(octaves, where, width)) };
}

/* The marks { text, confidence, box, after } of a line, from the left, also those that are hardly any; of its digits
   the boxes of their ink are given. */
export function marks({ where, columns }, boxes) {
  const middles = boxes.map(([left, , right]) => (left + right) / 2);
  const places = columns.map((_, column) => where.left + ((column + 0.5) * STRIDE) / scaleOf(where));
  const sums = columns.map((shares, column) => {
    const place = places[column];
    const isTaken = middles.some((middle) => Math.abs(place - middle) <= TAKEN * where.height);
    const isNear = boxes.some(([left, , right]) => {
      return place > left - BEYOND * where.height && place < right + BEYOND * where.height;
    });
    return isNear && !isTaken ? sum(shares.slice(MARK)) : 0;
  });
  const found = [];
  for (const column of descending(sums)) {
    if (sums[column] < POSSIBLE) break;
    const place = places[column];
    if (found.some((one) => Math.abs(place - one.place) < APART * where.height)) continue;
    const text = MARKS[argmax(columns[column].slice(MARK))];
    const after = middles.filter((middle) => middle < place).length;
    found.push({ text, confidence: sums[column], box: boxOf(text, where, place), after, place });
  }
  return found.sort((one, other) => one.place - other.place).map(({ place, ...mark }) => mark);
}

/* About where a mark is that is at `place` along a line. */
function boxOf(text, { middle, slope, height }, place) {
  const around = TAKES[text] ?? OTHERS;
  return around.map((edge, side) => (side % 2 ? middle + slope * place : place) + height * edge);
}
