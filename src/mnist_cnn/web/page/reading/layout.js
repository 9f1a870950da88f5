/* Boxes come in, their order of reading goes out: blocks, rows from the top, each from the left. (reading/layout.py) */

import { argmax, mean, median, ordered } from "./statistics.js";

const NEIGHBOUR = 3.0;
const SIMILAR = 1.8;
const LEVEL = 0.6;
const STEEPEST = 0.35;
const [LEANING, LYING, ALIKE] = [0.25, 1.1, 0.2];
const [WIDE, WIDER] = [0.8, 1.8];
const SAME_ROW = 0.35;
const [ACROSS, DOWN] = [1.0, 2.5];
const [UNLIKE, FAR] = [0.35, 1.0];
const FULL = 2;

/* The indices of boxes [left, top, right, bottom] as rows in the order of reading. */
export function rows(boxes) {
  if (!boxes.length) return [];
  const climb = slope(boxes);
  const level = boxes.map(([left, top, right, bottom]) => {
    const falls = (climb * (left + right)) / 2;
    return [left, top - falls, right, bottom - falls];
  });
  return blocks(level).flatMap((block) => rowsOf(level, block));
}

/* Some of the boxes as rows from the top. */
function rowsOf(boxes, block) {
  const found = [];
  for (const place of ordered(block.map((index) => boxes[index][0] + boxes[index][2]))) {
    const index = block[place];
    const common = found.map((row) => overlap(boxes[index], boxes[row.at(-1)]));
    const best = argmax(common);
    if (common[best] >= SAME_ROW) found[best].push(index);
    else found.push([index]);
  }
  return ordered(found.map((row) => middleOf(boxes, row))).map((index) => found[index]);
}

const middleOf = (boxes, row) => mean(row.map((index) => centreOf(boxes[index]).y));

/* Which boxes are read one after the other: blocks between empty strips, unless their rows go on beyond these. */
function blocks(boxes) {
  const usual = median(boxes.map(heightOf));
  const found = [];
  for (const band of parted(boxes.map(([, top, , bottom]) => [top, bottom]), [...boxes.keys()], ACROSS * usual)) {
    const [first, ...others] = parted(boxes.map(([left, , right]) => [left, right]), band, DOWN * usual);
    found.push(first);
    for (const column of others) {
      if (goOn(boxes, found.at(-1), column, usual)) found.push([...found.pop(), ...column]);
      else found.push(column);
    }
  }
  return found;
}

/* Some of the spans [from, to] in groups where at least so much between them is empty, in order. */
function parted(spans, some, least) {
  const groups = [];
  let end = -Infinity;
  for (const place of ordered(some.map((index) => spans[index][0]))) {
    const [from, to] = spans[some[place]];
    if (from - end >= least) groups.push([]);
    groups.at(-1).push(some[place]);
    end = Math.max(end, to);
  }
  return groups;
}

/* Whether the rows of one block go on in the other, as in a table; `usual` is the height of most boxes. */
function goOn(boxes, block, other, usual) {
  const both = [block, other].map((one) => ({ size: one.length, middles: rowsOf(boxes, one).map((row) => middleOf(boxes, row)) }));
  if (both.some(({ size, middles }) => middles.length < 2 || size < FULL * middles.length)) return true;
  const [fewer, more] = both.map(({ middles }) => middles).sort((one, its) => one.length - its.length);
  const away = fewer.map((middle, index) => Math.abs(middle - more[index]));
  if (fewer.length === more.length && Math.max(...away) <= FAR * usual) return true;
  return median(fewer.map((middle) => Math.min(...more.map((its) => Math.abs(middle - its))))) <= UNLIKE * usual;
}

const heightOf = ([, top, , bottom]) => bottom - top;
const centreOf = ([left, top, right, bottom]) => ({ x: (left + right) / 2, y: (top + bottom) / 2 });

/* What two boxes have in common down the image, as a share of the higher one's height; negative if apart. */
function overlap(one, other) {
  const common = Math.min(one[3], other[3]) - Math.max(one[1], other[1]);
  return common / Math.max(heightOf(one), heightOf(other), 1e-6);
}

/* By how many pixels rows fall for each pixel to the right: the median over neighbours; 0 where there are few. */
export function slope(boxes) {
  const climbs = boxes.map((box) => climbToNext(box, boxes)).filter((climb) => climb !== null);
  return climbs.length < 2 ? 0 : Math.min(Math.max(median(climbs), -STEEPEST), STEEPEST);
}

/* How much a row falls from a box to its nearest neighbour on the right; null if it has none. */
function climbToNext(box, boxes) {
  const [from, height] = [centreOf(box), heightOf(box)];
  let [nearest, climb] = [Infinity, null];
  for (const other of boxes) {
    const [to, its] = [centreOf(other), heightOf(other)];
    const [across, down] = [to.x - from.x, Math.abs(to.y - from.y)];
    const [least, most] = [Math.min(height, its), Math.max(height, its)];
    if (across <= 0 || across >= NEIGHBOUR * most || down >= LEVEL * least || most >= SIMILAR * least) continue;
    if (across < nearest) [nearest, climb] = [across, (to.y - from.y) / across];
  }
  return climb;
}

/* The angle, in radians, by which most neighbours lie lower to the right; 0 if that is unclear. */
export function falling(boxes) {
  const angles = boxes.map((box) => angleToNearest(box, boxes)).filter((angle) => angle !== null);
  if (angles.length < 2) return 0;
  const middle = median(angles);
  const apart = median(angles.map((angle) => Math.abs(angle - middle)));
  return LEANING < Math.abs(middle) && Math.abs(middle) < LYING && apart < ALIKE ? middle : 0;
}

/* By how many radians the nearest box of a similar size lies lower to the right; null if there is none. */
function angleToNearest(box, boxes) {
  const [from, size] = [centreOf(box), longerOf(box)];
  let [nearest, angle] = [Infinity, null];
  for (const other of boxes) {
    const [to, its] = [centreOf(other), longerOf(other)];
    const [across, down] = [to.x - from.x, to.y - from.y];
    const [far, least, most] = [Math.hypot(across, down), Math.min(size, its), Math.max(size, its)];
    if (far <= 0 || far >= NEIGHBOUR * most || most >= SIMILAR * least || far >= nearest) continue;
    [nearest, angle] = [far, Math.atan(down / (across || 1e-6))];
  }
  return angle;
}

const longerOf = ([left, top, right, bottom]) => Math.max(right - left, bottom - top);

/* Before which boxes of a row, of digits of this height, there is a wide gap; the row may lie on a side. */
export function wideGaps(boxes, height) {
  if (boxes.length < 2) return [];
  const gaps = boxes.slice(1).map((box, index) => gapBetween(boxes[index], box));
  const least = WIDE * height;
  const usual = gaps.length > 2 ? median(gaps) : least;
  return [...gaps.keys()].filter((index) => gaps[index] > Math.max(least, WIDER * usual)).map((index) => index + 1);
}

/* The larger of the distances of two boxes, to the side and down. */
function gapBetween(before, after) {
  const right = Math.max(after[0] - before[2], before[0] - after[2]);
  return Math.max(right, after[1] - before[3], before[1] - after[3]);
}
