/* One 28×28 comes in, those of a thousand training digits that resemble it most go out. (reading/nearest.py) */

import { cut } from "../pixels/image.js";
import { gaussianKernel, slopes } from "../pixels/outline.js";
import { SIDE } from "./normalise.js";
import { descending } from "./statistics.js";

const DIRECTIONS = Array.from({ length: 8 }, (_, index) => (index * Math.PI) / 4);
const CELL = 4;
const BLUR = 1.2;
const CELLS = SIDE / CELL;
const FRAMED = SIDE + 2; // rows: outlines reach one beyond the image

/* The digits of a sheet, (280, n × 28), a row for each digit: { images, features }. */
export function indexOf(sheet) {
  const each = sheet.width / SIDE;
  const images = Array.from({ length: 10 * each }, (_, index) => {
    return cut(sheet, (index % each) * SIDE, Math.floor(index / each) * SIDE, SIDE, SIDE).data;
  });
  return { images, features: images.map(outlines) };
}

/* The most alike first: { digit, image, similarity }. */
export function nearest(image, { images, features }, count = 3) {
  if (!image.some(Boolean)) return [];
  const own = outlines(image);
  const similarities = features.map((feature) => product(feature, own));
  const digitOf = (index) => Math.floor(index / (images.length / 10));
  const most = descending(similarities).slice(0, count);
  return most.map((one) => ({ digit: digitOf(one), image: images[one], similarity: similarities[one] }));
}

function product(one, other) {
  let sum = 0;
  for (let index = 0; index < one.length; index += 1) sum += one[index] * other[index];
  return sum;
}

/* How much outline runs in which of eight directions, in each of 7×7 places: 392 numbers of length 1. */
function outlines(image) {
  const { across, down, steepness } = slopes(image, SIDE);
  const facing = new Float32Array(across.length);
  const features = new Float32Array(DIRECTIONS.length * CELLS * CELLS);
  DIRECTIONS.forEach((angle, direction) => {
    const [x, y] = [Math.cos(angle), Math.sin(angle)];
    for (let index = 0; index < facing.length; index += 1) {
      const outward = Math.max(across[index] * x + down[index] * y, 0);
      facing[index] = (outward * outward) / (steepness[index] + 0.1);
    }
    addPlaces(features.subarray(direction * CELLS * CELLS), facing);
  });
  return ofLengthOne(features);
}

function ofLengthOne(features) {
  const length = Math.max(Math.sqrt(product(features, features)), 1e-6);
  return features.map((value) => value / length);
}

/* Blurring and averaging are sums along rows and along columns, which these weights are of: a place by a pixel. */
const ACROSS = placeWeights(SIDE, 0, true);
const DOWN = placeWeights(FRAMED, 1, false);

/* The root of the blurred mean of `facing` in each place. */
function addPlaces(features, facing) {
  const rows = new Float64Array(FRAMED * CELLS);
  for (let row = 0; row < FRAMED; row += 1) {
    for (let place = 0; place < CELLS; place += 1) {
      const weights = ACROSS[place];
      let sum = 0;
      for (let column = weights.first; column < weights.end; column += 1) sum += weights.of[column] * facing[row * SIDE + column];
      rows[row * CELLS + place] = sum;
    }
  }
  for (let place = 0; place < CELLS; place += 1) {
    const weights = DOWN[place];
    for (let column = 0; column < CELLS; column += 1) {
      let sum = 0;
      for (let row = weights.first; row < weights.end; row += 1) sum += weights.of[row] * rows[row * CELLS + column];
      features[place * CELLS + column] = Math.sqrt(sum);
    }
  }
}

/* `before` pixels lie before the first place; beyond the ends are those before them in reverse, or nothing. */
function placeWeights(length, before, mirrored) {
  const kernel = gaussianKernel(BLUR);
  const reach = kernel.length >> 1;
  return Array.from({ length: CELLS }, (_, place) => {
    const of = new Float64Array(length);
    for (let pixel = before + CELL * place; pixel < before + CELL * (place + 1); pixel += 1) {
      kernel.forEach((share, tap) => {
        let seen = pixel + tap - reach;
        if (mirrored && seen < 0) seen = -seen;
        if (mirrored && seen >= length) seen = 2 * length - 2 - seen;
        if (seen >= 0 && seen < length) of[seen] += share / CELL;
      });
    }
    return { of, first: of.findIndex(Boolean), end: of.findLastIndex(Boolean) + 1 };
  });
}
