/* A piece of ink wide enough for several digits comes in, its slices from left to right go out. (reading/cut.py) */

import { boundingRect, cut, imageOf, mapped, resize } from "./image.js";
import { argmin, least, round } from "./statistics.js";
import { pieceOf } from "./segment.js";

const WORKING_HEIGHT = 48;
const WANDER = 0.7;
const CHEAP = 8;
const CLEFT = 4;

/* Gives { parts, costs }: the slices, and for each cut between two what ink it crosses by the piece's height. */
export function slices(piece) {
  const height = Math.min(WORKING_HEIGHT, piece.height);
  const width = Math.max(3, round((piece.width * height) / piece.height));
  const small = resize(mapped(piece.mask, (ink) => ink, Float32Array), width, height, "AREA");
  const { totals, paths } = cheapestCuts(small);
  if (!paths.length) return { parts: [piece], costs: [] };
  const edgeOf = (path) => (row) => (path[Math.floor((row * height) / piece.height)] * piece.width) / width;
  const bounds = [() => -1, ...paths.map(edgeOf), () => piece.width];
  const [parts, costs] = [[], []];
  for (let index = 0; index + 1 < bounds.length; index += 1) {
    const own = between(piece.mask, bounds[index], bounds[index + 1]);
    if (!own.data.includes(1)) continue;
    parts.push(cropped(piece, own));
    costs.push(index ? totals[index - 1] / height : 0);
  }
  return { parts, costs: costs.slice(1) };
}

/* What of a mask lies to the right of one edge, and not of another. */
function between(mask, left, right) {
  const own = imageOf(mask.width, mask.height, mask.data.slice());
  for (let row = 0; row < mask.height; row += 1) {
    const [from, to] = [left(row), right(row)];
    for (let column = 0; column < mask.width; column += 1) {
      if (!(column > from && column <= to)) own.data[row * mask.width + column] = 0;
    }
  }
  return own;
}

function cheapestCuts(ink) {
  const rows = Array.from({ length: ink.height }, (_, row) => ink.data.subarray(row * ink.width, (row + 1) * ink.width));
  const [middle, margin] = [rows.length >> 1, Math.max(1, Math.floor(rows.length / 10))];
  const above = cheapestPaths(rows.slice(0, middle + 1));
  const below = cheapestPaths(rows.slice(middle).reverse());
  const totals = Array.from(rows[middle], (own, column) => above.total[column] + below.total[column] - own);
  const cheap = minima(totals, margin).slice(0, CHEAP);
  const clefts = minima(paperAround(rows).map((paper) => -paper), margin).slice(0, CLEFT);
  const through = [...new Set([...cheap, ...clefts])].sort((a, b) => a - b);
  const paths = through.map((end) => [...followed(above.steps, end), ...followed(below.steps, end).reverse().slice(1)]);
  for (let one = 1; one < paths.length; one += 1) {
    paths[one] = paths[one].map((column, row) => Math.max(column, paths[one - 1][row]));
  }
  return { totals: through.map((column) => totals[column]), paths };
}

function paperAround(rows) {
  return Array.from(rows[0], (_, column) => {
    const top = rows.findIndex((row) => row[column] > 0.5);
    const bottom = rows.findLastIndex((row) => row[column] > 0.5);
    return top < 0 ? rows.length : top + rows.length - 1 - bottom;
  });
}

/* NumPy adds the first step in float32 and the others in float64: where two ways cost the same, that decides. */
const asideFirst = (cost) => Math.fround(cost + Math.fround(WANDER));
const aside = (cost) => cost + WANDER;

function cheapestPaths(rows) {
  let total = Float64Array.from(rows[0]);
  const steps = [new Int8Array(rows[0].length)];
  for (const row of rows.slice(1)) {
    const before = total;
    const wander = steps.length > 1 ? aside : asideFirst;
    const taken = new Int8Array(row.length);
    total = Float64Array.from(row, (own, column) => {
      const fromLeft = column ? wander(before[column - 1]) : Infinity;
      const fromRight = column + 1 < row.length ? wander(before[column + 1]) : Infinity;
      const ways = [fromLeft, before[column], fromRight];
      const best = argmin(ways);
      taken[column] = best - 1;
      return own + ways[best];
    });
    steps.push(taken);
  }
  return { total, steps };
}

function minima(totals, margin) {
  const low = [];
  for (let column = margin; column < totals.length - margin; column += 1) {
    const around = totals.slice(Math.max(0, column - margin), column + margin + 1);
    if (totals[column] === least(around)) low.push(column);
  }
  const apart = [];
  for (const column of low.sort((a, b) => totals[a] - totals[b])) {
    if (apart.every((other) => Math.abs(column - other) > margin >> 1)) apart.push(column);
  }
  return apart;
}

function followed(steps, end) {
  const path = new Array(steps.length);
  let column = end;
  for (let row = steps.length - 1; row >= 0; row -= 1) {
    path[row] = column;
    column += steps[row][column];
  }
  return path;
}

function cropped(piece, mask) {
  const { left, top, width, height } = boundingRect(mask);
  return pieceOf(piece.x + left, piece.y + top, cut(mask, left, top, width, height), piece.strength, piece.atBorder);
}
