/* A piece of ink comes in, the 28×28 that a network is shown goes out. (reading/glyph.py) */

import { blank, cut, dilated, multiplied, someAbove0, square, weighted, withMargin } from "./image.js";
import { SIDE, cropToInk, toMnist } from "./normalise.js";
import { widen } from "./pen.js";

export function glyph(piece, ink) {
  const cropped = opacity(piece, ink);
  return someAbove0(cropped) ? toMnist(widen(cropToInk(cropped))) : blank(SIDE, SIDE);
}

function opacity(piece, { contrast, noise }) {
  const grown = dilated(withMargin(piece.mask, 1, "CONSTANT"), square(3));
  const [top, left] = [piece.y - 1, piece.x - 1];
  const [from, start] = [Math.max(top, 0), Math.max(left, 0)];
  const height = Math.min(top + grown.height, contrast.height) - from;
  const width = Math.min(left + grown.width, contrast.width) - start;
  const mask = cut(grown, start - left, from - top, width, height);
  const soft = Math.min(1, SIDE / piece.size);
  const bottom = Math.max(2.5 * noise, 0.3 * piece.strength * (1 - soft));
  const full = Math.max(piece.strength * (0.65 + 0.35 * soft), bottom + 1);
  const gain = 255 / (full - bottom);
  const levels = weighted(cut(contrast, start, from, width, height), gain, mask, 0, -bottom * gain);
  return multiplied(levels, mask);
}
