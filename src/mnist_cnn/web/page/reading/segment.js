/* Ink comes in, pieces of it in rows go out: digits, parts of digits, or several that touch. (reading/segment.py)

   A piece is { x, y, mask, strength, atBorder } with what follows from them. */

import { blank, components, cut, imageOf, sumOf } from "./image.js";
import { argmin, descending, largest, least, mean, median, sum } from "./statistics.js";

const LEAST = 0.04;
const MOST = 600;

export function pieceOf(x, y, mask, strength, atBorder = false) {
  const { width, height } = mask;
  const sides = { width, height, right: x + width, bottom: y + height, size: Math.max(width, height) };
  return { x, y, mask, strength, atBorder, ...sides, flat: width > 3 * height };
}

export function piecesOf(ink) {
  const found = withoutCells(connected(ink));
  const size = usualSize(found);
  const upright = found.filter((piece) => piece.size >= 0.4 * size && !piece.flat);
  if (!upright.length) return [];
  const enough = 0.5 * Math.max(...upright.map((piece) => piece.strength));
  const large = upright.filter((piece) => piece.strength >= enough);
  const isSmall = (piece) => piece.size >= 0.08 * size && piece.strength >= enough && !large.includes(piece);
  const pieces = attached(large, found.filter(isSmall), 0.12 * size);
  const written = sum(pieces.map((piece) => sumOf(piece.mask)));
  return written >= LEAST * sumOf(ink.mask) ? pieces : [];
}

function connected({ mask, contrast }) {
  const { labels, found } = components(mask);
  const sizes = found.slice(1).map((one) => Math.max(one.width, one.height));
  const enough = Math.max(3, 0.02 * Math.min(mask.width, mask.height));
  const order = descending(sizes).slice(0, MOST).filter((index) => sizes[index] >= enough);
  const all = imageOf(mask.width, mask.height, labels);
  return order.map((index) => {
    const { left, top, width, height } = found[index + 1];
    const own = Uint8Array.from(cut(all, left, top, width, height).data, (label) => Number(label === index + 1));
    const strength = strengthOf(cut(contrast, left, top, width, height).data, own);
    const atBorder = left === 0 || top === 0 || left + width === mask.width || top + height === mask.height;
    return pieceOf(left, top, imageOf(width, height, own), strength, atBorder);
  });
}

function withoutCells(pieces) {
  const thin = pieces.filter((piece) => piece.width < 0.12 * piece.height);
  for (const one of thin) {
    const isLevel = (piece) => Math.abs(piece.y - one.y) + Math.abs(piece.bottom - one.bottom) <= 0.08 * one.height;
    const level = thin.filter(isLevel);
    const others = pieces.filter((piece) => !level.includes(piece));
    const between = others.filter((piece) => Math.min(piece.bottom, one.bottom) > Math.max(piece.y, one.y));
    const highest = Math.max(...between.map((piece) => piece.height));
    if (level.length >= 3 && between.length && highest < 0.9 * one.height) return withoutCells(others);
  }
  return pieces;
}

function strengthOf(contrast, mask) {
  let [squares, total] = [0, 0];
  contrast.forEach((level, index) => {
    if (!mask[index]) return;
    squares += level * level;
    total += level;
  });
  return squares / Math.max(total, 1);
}

function usualSize(pieces) {
  const upright = pieces.filter((piece) => !piece.flat);
  const within = upright.filter((piece) => !piece.atBorder);
  const sizes = (within.length ? within : upright).map((piece) => piece.size).sort((a, b) => a - b);
  const half = sum(sizes.map((size) => size * size)) / 2;
  let total = 0;
  return sizes.find((size) => (total += size * size) >= half) ?? 0;
}

function gap(a, b) {
  const across = Math.max(a.x - b.right, b.x - a.right, 0);
  const down = Math.max(a.y - b.bottom, b.y - a.bottom, 0);
  return Math.hypot(across, down);
}

export function union(pieces) {
  if (pieces.length === 1) return pieces[0];
  const [x, y] = [least(pieces.map((piece) => piece.x)), least(pieces.map((piece) => piece.y))];
  const [right, bottom] = [largest(pieces.map((piece) => piece.right)), largest(pieces.map((piece) => piece.bottom))];
  const mask = blank(right - x, bottom - y);
  for (const piece of pieces) {
    piece.mask.data.forEach((ink, index) => {
      const [row, column] = [Math.floor(index / piece.width), index % piece.width];
      if (ink) mask.data[(piece.y - y + row) * mask.width + piece.x - x + column] = 1;
    });
  }
  const areas = pieces.map((piece) => sumOf(piece.mask));
  const strength = sum(pieces.map((piece, index) => piece.strength * areas[index])) / sum(areas);
  return pieceOf(x, y, mask, strength, pieces.some((piece) => piece.atBorder));
}

function attached(large, small, reach) {
  const parts = large.map((piece) => [piece]);
  for (const piece of small) {
    const distances = large.map((owner) => gap(piece, owner));
    const nearest = argmin(distances);
    if (distances[nearest] <= reach) parts[nearest].push(piece);
  }
  return stacked(parts.map(union), reach);
}

function stacked(pieces, reach) {
  const done = [];
  const waiting = [...pieces];
  while (waiting.length) {
    const piece = waiting.pop();
    const other = waiting.findIndex((one) => aboveOneAnother(piece, one, reach));
    if (other < 0) done.push(piece);
    else waiting.push(union([piece, ...waiting.splice(other, 1)]));
  }
  return done;
}

function aboveOneAnother(a, b, reach) {
  const shared = Math.min(a.right, b.right) - Math.max(a.x, b.x);
  return shared >= 0.5 * Math.min(a.width, b.width) && Math.max(a.y - b.bottom, b.y - a.bottom) <= reach;
}

export function rowsOf(pieces) {
  if (pieces.length < 2) return pieces.map((piece) => [piece]);
  const rows = [];
  for (const piece of [...pieces].sort((a, b) => a.x + a.width / 2 - (b.x + b.width / 2))) {
    const levels = rows.map((row) => levelWith(row, piece));
    const nearest = levels.indexOf(Math.max(...levels));
    if (levels[nearest] >= 0.15) rows[nearest].push(piece);
    else rows.push([piece]);
  }
  const inside = pieces.some((piece) => !piece.atBorder);
  const kept = rows.map(withoutDashes).filter((row) => !(inside && row.every((piece) => piece.atBorder)));
  const middle = (row) => mean(row.map((piece) => piece.y + piece.height / 2));
  return kept.sort((a, b) => middle(a) - middle(b));
}

function levelWith(row, piece) {
  const last = row.at(-1);
  let fall = 0;
  if (row.length > 1) {
    const before = row.at(-2);
    const across = Math.max(1, last.x + last.right - before.x - before.right);
    const slope = (last.y + last.bottom - before.y - before.bottom) / across;
    fall = slope * Math.min(piece.x - last.x, 2 * last.size);
  }
  const shared = Math.min(last.bottom + fall, piece.bottom) - Math.max(last.y + fall, piece.y);
  return shared / Math.max(last.height, piece.height);
}

function withoutDashes(row) {
  const usual = median(row.map((piece) => piece.height));
  return row.filter((piece) => piece.height >= 0.3 * usual);
}

export function alternatives(pieces) {
  const wholes = neighbours(pieces).map(union);
  return wholes.sort((a, b) => prominence(b) - prominence(a)).slice(0, 3);
}

export const prominence = (piece) => piece.size * piece.strength * (piece.atBorder ? 0.3 : 1);

function neighbours(pieces) {
  let groups = [];
  for (const piece of pieces) {
    const isNear = (other) => gap(piece, other) <= 0.25 * Math.max(piece.size, other.size);
    const near = groups.filter((group) => group.some(isNear));
    groups = [...groups.filter((group) => !near.includes(group)), [piece, ...near.flat()]];
  }
  return groups;
}
