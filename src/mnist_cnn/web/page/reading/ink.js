/* A grey picture comes in, how much each pixel stands out from its paper goes out. (reading/ink.py) */

import { above, asFloat, blank, blur, closed, components, cut, dilated, distances, divided, histogram } from "./image.js";
import { boundingRect, inverted, longer, mapped, meanOf, medianBlur, multiplied, otsu } from "./image.js";
import { resize, square, subtracted, weighted, withMargin } from "./image.js";
import { meanWidth } from "./pen.js";
import { withoutRuling } from "./ruling.js";
import { shrink } from "./scale.js";
import { reached, sum } from "./statistics.js";

const THUMBNAIL = 400;
const TINY = 160;
const COARSE = 80;
const WINDOWS = [1 / 16, 1 / 8, 1 / 4, 1 / 2];
const FINEST = 1 / 40;
const SKEWED = 0.9;
const LIGHTER = 32;
export const FAINTEST = 12;

/* Gives { contrast, mask, stroke, noise, light }. */
export function findInk(grey) {
  const light = inkIsLight(grey);
  return darkInk(light ? inverted(grey) : grey, light);
}

export function darkInk(dark, light) {
  let { contrast, noise } = withoutPaper(against(dark, paperOf(dark)));
  let { stroke, mask } = strokes(contrast, noise);
  mask = withoutRuling(mask, contrast);
  const outside = surroundings(mask);
  if (outside) {
    contrast = mapped(contrast, (level, index) => (outside.data[index] ? 0 : level));
    ({ stroke, mask } = strokes(contrast, noise));
    mask = withoutRuling(mask, contrast);
  }
  return { contrast, mask, stroke, noise, light };
}

function inkIsLight(grey) {
  const small = shrink(grey, TINY);
  const values = asFloat(small);
  const found = WINDOWS.filter((share) => longer(small) * share >= 3).map((share) => skewness(values, share));
  if (small !== grey) found.push(skewness(asFloat(shrink(grey, THUMBNAIL)), FINEST));
  const lopsided = found.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), found[0] ?? 0);
  return Math.abs(lopsided) > SKEWED ? lopsided > 0 : borderIsDark(small);
}

function skewness(values, share) {
  const side = Math.trunc(longer(values) * share) | 1;
  const all = subtracted(values, blur(values, side, "REFLECT"));
  const [down, across] = [all.height, all.width].map((length) => Math.floor(length / 40));
  const differences = cut(all, across, down, all.width - 2 * across, all.height - 2 * down);
  const squares = multiplied(differences, differences);
  return meanOf(multiplied(squares, differences)) / Math.max(meanOf(squares), 1e-6) ** 1.5;
}

function borderIsDark(small) {
  const limit = otsu(small);
  const border = borderOf(small);
  return border.filter((level) => level > limit).length / border.length < 0.5;
}

export function borderOf({ data, width, height }) {
  const border = [...data.subarray(0, width), ...data.subarray(width * (height - 1))];
  for (let row = 0; row < height; row += 1) border.push(data[row * width], data[(row + 1) * width - 1]);
  return border;
}

function surrounding(small) {
  const coarse = shrink(small, COARSE);
  return resize(medianBlur(coarse, longer(coarse) | 1), small.width, small.height, "LINEAR");
}

function paperOf(grey) {
  const small = shrink(grey, THUMBNAIL);
  const side = longer(small);
  const window = Math.trunc(Math.min(Math.max(3 * roughPenWidth(small), 0.08 * side), 0.5 * side)) | 1;
  const smooth = side === THUMBNAIL ? blur(small, 3) : small;
  const margin = window >> 1;
  const filled = closed(continued(smooth, margin), square(window));
  const inside = cut(filled, margin, margin, small.width, small.height);
  const paper = mapped(inside, (level) => Math.min(255, Math.max(0, level)), Uint8Array);
  return resize(paper, grey.width, grey.height, "LINEAR");
}

function continued(small, margin) {
  const edge = withMargin(small, margin, "REPLICATE");
  const mirrored = withMargin(small, margin, "REFLECT_101");
  return weighted(edge, 2, mirrored, -1, 0, { deep: true });
}

function roughPenWidth(small) {
  const tiny = shrink(small, TINY);
  const difference = subtracted(surrounding(tiny), tiny);
  return (Math.max(1, meanWidth(above(difference, otsu(difference)))) * small.width) / tiny.width;
}

function against(grey, paper) {
  const floor = mapped(paper, (level) => Math.max(level, 1));
  return inverted(divided(grey, floor, 255 - LIGHTER));
}

function withoutPaper(contrast) {
  const counts = histogram(contrast);
  let { middle, deviation } = medianAndDeviation(counts);
  const limit = otsu(contrast);
  const below = medianAndDeviation(counts.map((count, level) => (limit >= level ? count : 0)));
  const above = medianAndDeviation(counts.map((count, level) => (limit < level ? count : 0)));
  const bare = Math.abs(below.middle - LIGHTER) <= LIGHTER / 2;
  if (bare && above.middle > below.middle + 16 * Math.max(below.deviation, 1)) ({ middle, deviation } = below);
  return { contrast: less(contrast, middle), noise: 1.4826 * deviation };
}

const less = (contrast, level) => mapped(contrast, (one) => Math.max(one - level, 0));

function medianAndDeviation(counts) {
  const half = sum(counts) / 2;
  const middle = reached(counts, half);
  const deviations = new Float64Array(256);
  counts.forEach((count, level) => (deviations[Math.abs(level - middle)] += count));
  return { middle, deviation: reached(deviations, half) };
}

function strokes(contrast, noise) {
  const least = Math.max(FAINTEST, 4 * noise);
  const weights = histogram(contrast).map((count, level) => (level > least ? count * level * level : 0));
  const stroke = sum(weights.map((weight, level) => weight * level)) / Math.max(sum(weights), 1);
  if (!stroke) return { stroke: 0, mask: blank(contrast.width, contrast.height) };
  const [low, high] = [Math.max(0.25 * stroke, 3.5 * noise), Math.max(0.5 * stroke, 5 * noise)];
  return { stroke, mask: hysteresis(contrast, low, high) };
}

function hysteresis(contrast, low, high) {
  const { labels, found } = components(above(contrast, Math.floor(low)));
  const strong = new Uint8Array(found.length);
  for (let index = 0; index < labels.length; index += 1) if (contrast.data[index] > high) strong[labels[index]] = 1;
  strong[0] = 0;
  return chosen(labels, strong, contrast);
}

/* A mask of those labels that are marked. */
function chosen(labels, marks, { width, height }) {
  const mask = blank(width, height);
  for (let index = 0; index < labels.length; index += 1) mask.data[index] = marks[labels[index]];
  return mask;
}

function surroundings(mask) {
  const { left, top, width, height } = boundingRect(mask);
  if (left > 0 && top > 0 && left + width < mask.width && top + height < mask.height) return null;
  const { labels, found } = components(mask);
  const atBorder = found.map((one, label) => label > 0 && touches(one, mask));
  const inside = found.map((_, label) => label > 0 && !atBorder[label]);
  if (!atBorder.includes(true) || !inside.includes(true)) return null;
  const distance = distances(mask);
  const pen = Math.max(1, meanWidth(chosen(labels, inside, mask)));
  const deepest = new Float32Array(found.length);
  labels.forEach((label, index) => (deepest[label] = Math.max(deepest[label], distance.data[index])));
  const outside = found.map((one, label) => atBorder[label] && longer(one) > 4 * pen && deepest[label] > 2 * pen);
  return outside.includes(true) ? dilated(chosen(labels, outside, mask), square(Math.trunc(pen) + 3)) : null;
}

function touches({ left, top, width, height }, mask) {
  return left === 0 || top === 0 || left + width === mask.width || top + height === mask.height;
}
