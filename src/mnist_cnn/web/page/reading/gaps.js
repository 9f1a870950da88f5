/* Between and beside the digits of rows, the marks that belong to them. (reading/gaps.py) */

import { closeAndWide } from "./crops.js";
import { MARKS } from "./segmenter_network.js";
import { argmax, descending, median, round, sum } from "./statistics.js";

const NARROW = 0.7;
const CLOSEST = 0.06;
const BEYOND = 1.5;
const [EDGE, STEP] = [0.2, 0.25];
const [ABOVE, BELOW] = [0.1, 0.3];
const VISIBLE = 0.25;
export const LEAST = 0.35;
const POSSIBLE = 0.05;
const APART = 0.45;
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

/* The marks { text, confidence, box, after } of each row, from the left, also those that are
   hardly any; a row is the boxes of its digits' ink. */
export async function marks(octaves, rows, segment) {
  const grey = octaves.at(0);
  const places = rows.flatMap((boxes, index) => placesIn(grey, boxes).map((place) => ({ index, place })));
  const said = await segment(places.map(({ place }) => closeAndWide(octaves, place)));
  const totals = said.map(({ marks: twelve }) => sum(twelve));
  const found = rows.map(() => []);
  for (const at of descending(totals)) {
    if (totals[at] < POSSIBLE) break;
    const { index, place } = places[at];
    const [height, middle] = [place[3] - place[1], (place[0] + place[2]) / 2];
    if (found[index].some(({ box }) => Math.abs((box[0] + box[2]) / 2 - middle) < APART * height)) continue;
    const best = argmax(said[at].marks);
    const after = rows[index].filter(([left, , right]) => (left + right) / 2 < middle).length;
    found[index].push({ text: MARKS[best], confidence: totals[at], box: boxOf(MARKS[best], place), after });
  }
  return found.map((some) => some.sort((one, other) => one.box[0] + one.box[2] - other.box[0] - other.box[2]));
}

/* The places of a row where a mark may be in the middle. */
export function placesIn(grey, boxes) {
  return gapsOf(grey, boxes).filter((gap) => showsInk(grey, gap)).flatMap(placesOf);
}

/* The gaps of a row: before its digits, between them, and after. */
function gapsOf(grey, boxes) {
  const height = median(boxes.map(([, top, , bottom]) => Math.max(bottom - top, 1)));
  const middles = boxes.map(([, top, , bottom]) => (top + bottom) / 2);
  const contrasts = boxes.map((box) => contrastIn(grey, box));
  const reach = BEYOND * height;
  const [first, last] = [boxes[0], boxes.at(-1)];
  const found = [{ left: first[0] - reach, right: first[0], middle: middles[0], height, contrast: contrasts[0] }];
  for (let index = 1; index < boxes.length; index += 1) {
    const [left, right] = [boxes[index - 1][2], boxes[index][0]];
    const [before, after] = [middles[index - 1], middles[index]];
    const [one, other] = [contrasts[index - 1], contrasts[index]];
    if (right - left > 2 * reach) {
      found.push({ left, right: left + reach, middle: before, height, contrast: one });
      found.push({ left: right - reach, right, middle: after, height, contrast: other });
    } else {
      found.push({ left, right, middle: (before + after) / 2, height, contrast: Math.min(one, other) });
    }
  }
  found.push({ left: last[2], right: last[2] + reach, middle: middles.at(-1), height, contrast: contrasts.at(-1) });
  const inside = found.map((gap) => ({ ...gap, left: Math.max(0, gap.left), right: Math.min(grey.width, gap.right) }));
  return inside.filter(({ left, right }) => right - left >= CLOSEST * height);
}

/* The places in a gap. */
function placesOf({ left, right, middle, height }) {
  const [low, high] = [left + EDGE * height, right - EDGE * height];
  const count = Math.max(1, 1 + round((high - low) / (STEP * height)));
  const centres = Array.from({ length: count }, (_, index) => low + ((high - low) * index) / (count - 1));
  const [across, down] = [(NARROW * height) / 2, height / 2];
  return (count > 1 ? centres : [(low + high) / 2]).map((x) => [x - across, middle - down, x + across, middle + down]);
}

/* Whether there is anything in a gap. */
function showsInk(grey, { left, right, middle, height, contrast }) {
  const [top, bottom] = [middle - (0.5 + ABOVE) * height, middle + (0.5 + BELOW) * height];
  return contrastIn(grey, [left, top, right, bottom]) >= VISIBLE * contrast;
}

/* The range of the levels of grey in a box; 0 where it is not in the image. */
function contrastIn(grey, box) {
  const [left, top] = [box[0], box[1]].map((edge) => Math.max(0, Math.floor(edge)));
  const [right, bottom] = [Math.min(grey.width, Math.ceil(box[2])), Math.min(grey.height, Math.ceil(box[3]))];
  let [least, most] = [255, 0];
  for (let y = top; y < bottom; y += 1) {
    for (const level of grey.data.subarray(y * grey.width + left, y * grey.width + Math.max(left, right))) {
      least = Math.min(least, level);
      most = Math.max(most, level);
    }
  }
  return Math.max(0, most - least);
}

/* About where a mark is whose place is known. */
function boxOf(mark, place) {
  const middle = [(place[0] + place[2]) / 2, (place[1] + place[3]) / 2];
  return (TAKES[mark] ?? OTHERS).map((share, index) => middle[index % 2] + (place[3] - place[1]) * share);
}
