/* The pieces of a row come in, and with the network's help the row's digits go out: what to join, what to cut.
   (reading/lattice.py) */

import { slices } from "./cut.js";
import { union } from "./segment.js";
import { median, sum } from "./statistics.js";

const WIDE = 0.9;
export const NARROW = 0.4;
const WIDEST = 2.5;
const FARTHEST = 0.35;
const SOME = 3;
const [JOIN, JOIN_PER_HEIGHT] = [0.7, 3];
const [CUT, CUT_PER_HEIGHT] = [1.5, 2];
const CLOSE = 2;
const LOW = 1.5;
const [BROAD, BROAD_PER_HEIGHT] = [1, 2.5];
export const SURE = 0.1;

/* Gives { row, count, apart, hypotheses }, a hypothesis { first, last, piece, cost }. */
export function latticeOf(row, wide = WIDE) {
  if (row.length === 1 && row[0].width <= wide * row[0].height) {
    return { row, count: 1, apart: [], hypotheses: [{ first: 0, last: 0, piece: row[0], cost: 0 }] };
  }
  const height = median(row.map((piece) => piece.height));
  const [primitives, together, apart] = [[], [], []];
  const spaces = row.slice(1).map((piece, index) => {
    const end = Math.max(...row.slice(0, index + 1).map((before) => before.right));
    return Math.max(0, piece.x - end) / height;
  });
  const typical = spaces.length >= SOME ? median(spaces) : 0;
  row.forEach((piece, index) => {
    const { parts, costs } = piece.width > wide * height ? slices(piece) : { parts: [piece], costs: [] };
    if (index) {
      const space = spaces[index - 1];
      together.push(space <= FARTHEST ? JOIN + JOIN_PER_HEIGHT * space : Infinity);
      apart.push(typical ? CLOSE * Math.max(0, 1 - space / typical) : 0);
    }
    primitives.push(...parts);
    together.push(...costs.map(() => 0));
    apart.push(...costs.map((cost) => CUT + CUT_PER_HEIGHT * cost));
  });
  return { row, count: primitives.length, apart, hypotheses: runs(primitives, together, height) };
}

function runs(primitives, together, height) {
  const found = [];
  for (let first = 0; first < primitives.length; first += 1) {
    for (let last = first; last < primitives.length; last += 1) {
      const joined = sum(together.slice(first, last));
      if (joined === Infinity) break;
      const piece = union(primitives.slice(first, last + 1));
      const tall = Math.max(height, piece.height);
      if (last > first && piece.width > WIDEST * tall) break;
      const low = piece.height < 0.5 * height ? LOW : 0;
      const broad = BROAD_PER_HEIGHT * Math.max(0, piece.width / tall - BROAD);
      found.push({ first, last, piece, cost: joined + low + broad });
    }
  }
  return found;
}

export function bestWay({ count, apart, hypotheses }, confidence) {
  const least = [0, ...new Array(count).fill(Infinity)];
  const way = Array.from({ length: count + 1 }, () => []);
  hypotheses.forEach((one, index) => {
    const parted = one.first ? apart[one.first - 1] : 0;
    const cost = least[one.first] + one.cost - Math.log(Math.max(confidence[index], SURE)) + parted;
    if (cost >= least[one.last + 1]) return;
    least[one.last + 1] = cost;
    way[one.last + 1] = [...way[one.first], index];
  });
  return way.at(-1);
}
