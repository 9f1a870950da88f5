/* An RGB picture comes in; the one grey picture in which its ink stands out most from its paper goes out.
   (reading/colour.py) */

import { meansAround } from "../pixels/blur.js";
import { greyOf, weighed } from "../pixels/colours.js";
import { longer } from "../pixels/image.js";
import { shrink } from "./scale.js";
import { mainDirection, sum } from "./statistics.js";

const THUMBNAIL = 200;
const COLOURLESS = 12;

export function separate(rgb) {
  if (isGrey(rgb)) return greyOf(rgb); // as is seen without a thumbnail
  const small = shrink(rgb, THUMBNAIL);
  if (mostDifferent(small) <= COLOURLESS) return greyOf(rgb);
  const weights = direction(small);
  const dark = 255 * sum(weights.filter((weight) => weight < 0));
  return weighed(rgb, [...weights, -dark]);
}

function isGrey({ data }) {
  for (let index = 0; index < data.length; index += 3) {
    if (data[index] !== data[index + 1] || data[index] !== data[index + 2]) return false;
  }
  return true;
}

/* The most by which the channels of a pixel differ. */
function mostDifferent({ data }) {
  let most = 0;
  for (let index = 0; index < data.length; index += 3) {
    const range = Math.max(data[index], data[index + 1], data[index + 2]) - Math.min(data[index], data[index + 1], data[index + 2]);
    if (range > most) most = range;
  }
  return most;
}

/* The weights of the three channels, absolute values summing to 1. */
function direction(small) {
  const means = meansAround(small, Math.floor(longer(small) / 4) | 1);
  const differences = Float64Array.from(small.data, (level, index) => level - means[index]);
  const products = [[0, 0, 0], [0, 0, 0], [0, 0, 0]];
  for (let index = 0; index < differences.length; index += 3) {
    for (let one = 0; one < 3; one += 1) {
      for (let other = 0; other < 3; other += 1) products[one][other] += differences[index + one] * differences[index + other];
    }
  }
  const vector = mainDirection(products);
  const sign = sum(vector) >= 0 ? 1 : -1;
  const length = sum(vector.map(Math.abs));
  return vector.map((weight) => (sign * weight) / length);
}
