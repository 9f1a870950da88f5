/* One digit's ink becomes 28×28 as MNIST has it. (reading/normalise.py) */

import { blank, boundingRect, cut, longer, paste, resize, someAbove0 } from "./image.js";
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

function fitIntoBox(ink) {
  const scale = BOX / longer(ink);
  const [width, height] = [ink.width, ink.height].map((side) => Math.max(1, round(side * scale)));
  return resize(ink, width, height, scale < 1 ? "AREA" : "CUBIC");
}

function centreByMass(ink) {
  const { data, width, height } = ink;
  let [mass, down, across] = [0, 0, 0];
  data.forEach((level, index) => {
    mass += level;
    down += level * Math.floor(index / width);
    across += level * (index % width);
  });
  const top = offset(mass ? down / mass : height / 2, height);
  const left = offset(mass ? across / mass : width / 2, width);
  return paste(blank(SIDE, SIDE), ink, left, top);
}

function offset(centre, length) {
  return Math.min(Math.max(round(CENTRE - centre), 0), SIDE - length);
}
