/* The ink of a digit comes in, the 28×28 that a classifier is shown goes out. (reading/glyph.py) */

import { blank, someAbove0 } from "../pixels/image.js";
import { SIDE, cropToInk, toMnist } from "./normalise.js";
import { widen } from "./pen.js";

const [PAPER, INK] = [0.15, 0.85];
const LEAST = 20;

/* `ink` is (h, w) float32, the probabilities of pixels being its ink. */
export function glyph(ink) {
  const levels = blank(ink.width, ink.height);
  for (let index = 0; index < levels.data.length; index += 1) levels.data[index] = levelOf(ink.data[index]);
  return someAbove0(levels) ? toMnist(widen(cropToInk(levels))) : blank(SIDE, SIDE);
}

/* In 32 bits, as there: at the edge of a level another bit would be another level. */
function levelOf(probability) {
  const share = Math.fround(Math.fround(probability - Math.fround(PAPER)) / Math.fround(INK - PAPER));
  const level = Math.trunc(Math.fround(255 * Math.min(Math.max(share, 0), 1)));
  return level < LEAST ? 0 : level;
}
