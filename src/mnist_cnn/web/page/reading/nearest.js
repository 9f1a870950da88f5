/* One 28×28 comes in, those of a thousand training digits that resemble it most go out. (reading/nearest.py) */

import { gaussianBlur, imageOf, magnitude, mapped, resize, scharr } from "./image.js";
import { SIDE } from "./normalise.js";
import { descending, sum } from "./statistics.js";

const DIRECTIONS = Array.from({ length: 8 }, (_, index) => (index * Math.PI) / 4);
const CELL = 4;
const BLUR = 1.2;
const ROW = SIDE + 2 * CELL;

/* The digits of a sheet, (280, n × 28), a row for each digit: { images, features }. */
export function indexOf(sheet) {
  const each = sheet.width / SIDE;
  const images = Array.from({ length: 10 * each }, (_, index) => {
    const [top, left] = [Math.floor(index / each) * SIDE, (index % each) * SIDE];
    return imageOf(SIDE, SIDE, new Uint8Array(SIDE * SIDE)).data.map((_, pixel) => {
      return sheet.data[(top + Math.floor(pixel / SIDE)) * sheet.width + left + (pixel % SIDE)];
    });
  });
  return { images, features: outlines(images) };
}

/* The most alike first: { digit, image, similarity }. */
export function nearest(image, { images, features }, count = 3) {
  if (!image.some(Boolean)) return [];
  const [own] = outlines([image]);
  const similarities = features.map((feature) => sum(feature.map((value, index) => value * own[index])));
  const digitOf = (index) => Math.floor(index / (images.length / 10));
  const most = descending(similarities).slice(0, count);
  return most.map((one) => ({ digit: digitOf(one), image: images[one], similarity: similarities[one] }));
}

/* How much outline runs in which of eight directions, in each of 7×7 places: 392 numbers of length 1 each. */
function outlines(images) {
  const column = new Float32Array(images.length * ROW * SIDE);
  images.forEach((image, index) => column.set(image, (index * ROW + CELL) * SIDE));
  const tall = imageOf(SIDE, images.length * ROW, column);
  const [across, down] = [scharr(tall, 1, 0), scharr(tall, 0, 1)];
  const slope = magnitude(across, down);
  const spread = DIRECTIONS.map((angle) => {
    const [x, y] = [Math.cos(angle), Math.sin(angle)];
    const facing = mapped(slope, (steep, index) => {
      return Math.max(across.data[index] * x + down.data[index] * y, 0) ** 2 / (steep + 0.1);
    });
    return resize(gaussianBlur(facing, BLUR), SIDE / CELL, tall.height / CELL, "AREA").data;
  });
  const [cells, start] = [(SIDE / CELL) ** 2, SIDE / CELL];
  return images.map((_, index) => {
    const from = index * (ROW / CELL) * start + start;
    const own = spread.flatMap((one) => Array.from(one.subarray(from, from + cells), Math.sqrt));
    const length = Math.max(Math.hypot(...own), 1e-6);
    return own.map((value) => value / length);
  });
}
