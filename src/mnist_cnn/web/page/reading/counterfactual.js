/* One 28×28 comes in, a small change that makes it another digit goes out. (reading/counterfactual.py) */

import { blank } from "../pixels/image.js";
import { DIRECTIONS, stroke } from "../pixels/strokes.js";
import { SIDE } from "./normalise.js";
import { argmax, descending } from "./statistics.js";

const ENOUGH = 0.5;
const MOST = 4;
const LIKELY = 128;
export const PATCH = 5;
const STEP = 2;

/* Gives { image, probabilities, removed, added }, or null if no change of four pieces makes it `digit`. */
export async function counterfactual(classify, image, digit) {
  const chosen = [];
  let [changed, probable] = [image, 0];
  let likely = [...pieces().keys()];
  while (probable < ENOUGH) {
    if (chosen.length === MOST) return null;
    const candidates = likely.map((piece) => withPieces(changed, [piece]));
    const shares = (await classify(candidates)).map((ten) => ten[digit]);
    const best = argmax(shares);
    chosen.push(likely[best]);
    [changed, probable] = [candidates[best], shares[best]];
    if (chosen.length === 1) likely = descending(shares).slice(0, LIKELY);
  }
  for (const piece of chosen.slice(0, -1)) {
    const others = chosen.filter((other) => other !== piece);
    const rest = withPieces(image, others);
    if ((await classify([rest]))[0][digit] < ENOUGH) continue;
    chosen.splice(0, chosen.length, ...others);
    changed = rest;
  }
  const [probabilities] = await classify([changed]);
  const less = (one, other) => one.map((level, index) => Math.max(0, level - other[index]));
  return { image: changed, probabilities, removed: less(image, changed), added: less(changed, image) };
}

function withPieces(image, chosen) {
  let changed = image;
  for (const piece of chosen) {
    const { keeps, adds } = pieces()[piece];
    changed = changed.map((level, index) => Math.max(Math.min(level, keeps[index]), adds[index]));
  }
  return changed;
}

let all = null;

/* What each piece keeps of an image's ink and what it adds: squares of paper, then strokes. */
export function pieces() {
  if (all) return all;
  const places = Array.from({ length: 11 }, (_, index) => 4 + STEP * index);
  const centres = places.flatMap((row) => places.map((column) => [row, column]));
  const nothing = blank(SIDE, SIDE).data;
  const everything = nothing.map(() => 255);
  const paper = centres.map(([row, column]) => ({ keeps: patch(row, column), adds: nothing }));
  const strokes = centres.flatMap(([row, column]) => DIRECTIONS.map((one) => stroke(one, row, column, SIDE)));
  all = [...paper, ...strokes.map((adds) => ({ keeps: everything, adds }))];
  return all;
}

function patch(row, column) {
  const half = PATCH >> 1;
  const far = (index) => Math.abs(Math.floor(index / SIDE) - row) > half || Math.abs((index % SIDE) - column) > half;
  return blank(SIDE, SIDE).data.map((_, index) => (far(index) ? 255 : 0));
}
