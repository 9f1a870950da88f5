/* One digit's ink becomes 28×28 as MNIST has it. (reading/normalise.py) */

import { blank, boundingRect, cut, longer, paste, someAbove0 } from "../pixels/image.js";
import { byArea, byCubic } from "../pixels/resize.js";
import { round } from "./statistics.js";

const BOX = 20;
export const SIDE = 28;
const CENTRE = 14;

export function toMnist(ink) {
  return someAbove0(ink) ? centreByMass(fitIntoBox(cropToInk(ink))) : blank(SIDE, SIDE);
}

export function cropToInk(ink) {
  const { left, top, width, height } = boundingRect(ink);
  return cut(ink, left, top, width, height);
}

const fitIntoBox = (ink) => resized(ink, BOX / longer(ink));

/* At another scale: areas are averaged where it is smaller, curves interpolated where it is larger. */
export function resized(ink, scale) {
  const [width, height] = [ink.width, ink.height].map((side) => Math.max(1, round(side * scale)));
  return (scale < 1 ? byArea : byCubic)(ink, width, height);
}

function centreByMass(ink) {
  const { data, width, height } = ink;
  let [mass, down, across] = [0, 0, 0];
  for (let row = 0, index = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1, index += 1) {
      mass += data[index];
      down += data[index] * row;
      across += data[index] * column;
    }
  }
  const top = offset(mass ? down / mass : height / 2, height);
  const left = offset(mass ? across / mass : width / 2, width);
  return paste(blank(SIDE, SIDE), ink, left, top);
}

function offset(centre, length) {
  return Math.min(Math.max(round(CENTRE - centre), 0), SIDE - length);
}
