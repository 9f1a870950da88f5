/* An image that its ink fills comes in; its ink, found with a margin around it, goes out. (reading/margin.py) */

import { above, boundingRect, histogram, inverted, longer, mapped, otsu, withMargin } from "./image.js";
import { borderOf, darkInk } from "./ink.js";
import { meanWidth } from "./pen.js";
import { shrink } from "./scale.js";
import { mean, reached, sum } from "./statistics.js";

const LONGEST = 160;
const NEAR = 0.08;
const WIDE = 0.05;
const BACKGROUND = 0.6;
const LIGHTEST = 0.9;

/* Gives { grey, ink, margin } for each polarity in which ink fills the image. */
export function inksWithMargin(grey) {
  const small = shrink(grey, LONGEST);
  const margin = longer(small) >> 1;
  const light = above(small, otsu(small));
  const kinds = [
    [small, mapped(light, (one) => 1 - one)],
    [inverted(small), light],
  ];
  return kinds.filter(([, ink]) => fills(ink)).map(([dark, ink]) => {
    const counts = histogram({ data: dark.data.filter((_, index) => !ink.data[index]) });
    const padded = withMargin(dark, margin, "CONSTANT", reached(counts, LIGHTEST * sum(counts)));
    return { grey: small, ink: darkInk(padded, dark !== small), margin };
  });
}

function fills(ink) {
  const { left, top, width, height } = boundingRect(ink);
  if (!nearAll(ink, left, top, left + width, top + height)) return false;
  return mean(borderOf(ink)) <= BACKGROUND && meanWidth(ink) >= WIDE * longer(ink);
}

/* Whether a box comes near to all four borders of an image. */
export function nearAll(image, left, top, right, bottom) {
  const reach = Math.max(1, Math.trunc(NEAR * longer(image)));
  return Math.max(left, top, image.width - right, image.height - bottom) <= reach;
}
