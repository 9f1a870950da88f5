/* Rows of digits become lines of text, and what the recogniser says of them: of each digit, and of marks between them.
   (reading/recognised_lines.py) */

import { rows, slope } from "./layout.js";
import { MARK, STRIDE } from "./recogniser_network.js";
import { MARKS } from "./segmenter_network.js";
import { argmax, descending, sum } from "./statistics.js";
import { lineImage, lineThrough, scaleOf, widthOf } from "./text_lines.js";

const BEYOND = 1.5;
const LIKELY = 0.2;
const CONTEXT = 4.0;
const NEAR = 1.0;
export const LEAST = 0.5;
const POSSIBLE = 0.05;
const SAID = 0.6;
const [APART, LIKE] = [0.33, 0.8];
const [TAKEN, TALL] = [0.18, 0.3];
const TALLER = "/()%";
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

/* The rows of boxes, of which some may be digits, as [indices, { where, columns }]: what the recogniser says of each.
   The surer ones say how high and where a line is. */
export async function recognised(octaves, boxes, exists, recognise) {
  const climb = slope(boxes);
  const found = [];
  for (const row of rows(boxes)) {
    const surest = Math.max(...row.map((index) => exists[index]));
    if (surest < LIKELY) continue;
    const sure = row.filter((index) => exists[index] >= surest / 2).map((index) => boxes[index]);
    const where = lineThrough(row.map((index) => boxes[index]), sure, climb, CONTEXT);
    const width = Math.min(WIDEST, Math.ceil(widthOf(where) / STRIDE) * STRIDE);
    found.push([row, { where, columns: await recognise(lineImage(octaves, where, width)) }]);
  }
  return found;
}

/* What is said of a box: the highest probability of each class near its middle. */
export function saidOf({ where, columns }, [left, , right]) {
  const middle = (((left + right) / 2 - where.left) * scaleOf(where)) / STRIDE;
  const away = columns.map((_, column) => Math.abs(column + 0.5 - middle));
  const reach = Math.max(NEAR, Math.min(...away));
  const near = columns.filter((_, column) => away[column] <= reach);
  return near[0].map((_, kind) => Math.max(...near.map((shares) => shares[kind])));
}

/* The marks { text, confidence, box, after } of a line, from the left, also those that are hardly any; of its digits
   the boxes of their ink are given. */
export function marks({ where, columns }, boxes) {
  const middles = boxes.map(([left, , right]) => (left + right) / 2);
  const places = columns.map((_, column) => where.left + ((column + 0.5) * STRIDE) / scaleOf(where));
  const away = places.map((place) => Math.min(...middles.map((middle) => Math.abs(place - middle))) / where.height);
  const sums = columns.map((shares, column) => {
    const place = places[column];
    const isNear = boxes.some(([left, , right]) => {
      return place > left - BEYOND * where.height && place < right + BEYOND * where.height;
    });
    return isNear && away[column] > TAKEN ? sum(shares.slice(MARK)) : 0;
  });
  const found = [];
  for (const column of descending(sums)) {
    const confidence = calibrated(sums[column]);
    if (confidence < POSSIBLE) break;
    const [place, text] = [places[column], MARKS[argmax(columns[column].slice(MARK))]];
    if (TALLER.includes(text) && away[column] <= TALL) continue;
    const apart = (one) => (one.text === text ? LIKE : APART) * where.height;
    if (found.some((one) => Math.abs(place - one.place) < apart(one))) continue;
    const after = middles.filter((middle) => middle < place).length;
    found.push({ text, confidence, box: boxOf(text, where, place), after, place });
  }
  return found.sort((one, other) => one.place - other.place).map(({ place, ...mark }) => mark);
}

/* How probable a mark is of which the recogniser says this. */
function calibrated(said) {
  return (said * (1 - SAID)) / (said * (1 - SAID) + (1 - said) * SAID);
}

/* About where a mark is that is at `place` along a line. */
function boxOf(text, { middle, slope, height }, place) {
  const around = TAKES[text] ?? OTHERS;
  return around.map((edge, side) => (side % 2 ? middle + slope * place : place) + height * edge);
}
