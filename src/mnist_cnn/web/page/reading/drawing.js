/* A drawing of one stroke or a few that touch, on plain paper, comes in; its 28×28 goes out. (reading/drawing.py) */

import { components } from "../pixels/components.js";
import { blank, boundingRect, cut, greatest, histogram, longer } from "../pixels/image.js";
import { dilatedBySquare } from "../pixels/morphology.js";
import { SIDE, toMnist } from "./normalise.js";
import { USUAL, meanWidth, widen } from "./pen.js";
import { shrink } from "./scale.js";
import { argmax, sum } from "./statistics.js";

const PLAIN = 0.5;
const LEAST = 40;
const [INK, EDGE] = [0.5, 0.1];
const SPECK = 0.01;

/* The only connected ink on paper of one colour: { box: [left, top, right, bottom], glyph }; null for other images. */
export function drawingOf(grey) {
  const counts = histogram(grey);
  const paper = argmax(counts);
  if (counts[paper] < PLAIN * grey.data.length) return null;
  const ink = inkOn(grey, paper, counts);
  if (!ink) return null;
  const strongest = greatest(ink);
  const own = onlyPart(atLeast(ink, EDGE * strongest));
  if (!own) return null;
  const whole = fullStrength(ink, own, strongest);
  const { left, top, width, height } = boundingRect(whole);
  const levels = cut(whole, left, top, width, height);
  const long = longer(levels);
  const times = long > SIDE ? Math.trunc(meanWidth(atLeast(levels, 255 * INK)) / USUAL) : 1;
  const small = times > 1 ? shrink(levels, Math.floor(long / times)) : levels;
  return { box: [left, top, left + width, top + height], glyph: toMnist(widen(small)) };
}

/* By how much each pixel is lighter than the paper, or darker, if nothing is the other; null if there is no such ink. */
function inkOn({ data, width, height }, paper, counts) {
  const [darkest, lightest] = [counts.findIndex(Boolean), counts.findLastIndex(Boolean)];
  const [lighter, darker] = [lightest - paper, paper - darkest];
  const sign = lighter > darker ? 1 : -1;
  if (Math.max(lighter, darker) < LEAST || Math.min(lighter, darker) >= EDGE * Math.max(lighter, darker)) return null;
  const ink = blank(width, height);
  for (let index = 0; index < data.length; index += 1) ink.data[index] = Math.max(0, sign * (data[index] - paper));
  return ink;
}

function atLeast({ data, width, height }, level) {
  const mask = blank(width, height);
  for (let index = 0; index < data.length; index += 1) mask.data[index] = data[index] >= level ? 1 : 0;
  return mask;
}

/* The mask of the one part of a mask that is no dust, with its edge; null if there are more. */
function onlyPart(mask) {
  const { labels, areas } = components(mask);
  areas[0] = 0; // the paper's
  const least = SPECK * sum(areas);
  const large = areas.filter((area) => area >= least);
  if (large.length !== 1) return null;
  const [label, part] = [argmax(areas), blank(mask.width, mask.height)];
  for (let index = 0; index < labels.length; index += 1) part.data[index] = labels[index] === label ? 1 : 0;
  return dilatedBySquare(part, 3);
}

/* The ink that a mask shows, its strongest now 255. */
function fullStrength({ data, width, height }, mask, strongest) {
  const levels = blank(width, height);
  const to = new Uint8ClampedArray(levels.data.buffer); // rounds
  for (let index = 0; index < data.length; index += 1) {
    if (mask.data[index]) to[index] = Math.fround(data[index] * Math.fround(255 / strongest));
  }
  return levels;
}
