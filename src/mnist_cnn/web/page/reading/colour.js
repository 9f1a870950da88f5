/* An RGB picture comes in; the one grey picture in which its ink stands out most from its paper goes out.
   (reading/colour.py) */

import { asFloat, blur, greyOf, mainDirection, subtracted, transformed } from "./image.js";
import { shrink } from "./scale.js";
import { sum } from "./statistics.js";

const THUMBNAIL = 200;
const COLOURLESS = 12;

export function separate(rgb) {
  const small = shrink(rgb, THUMBNAIL);
  if (mostDifferent(small) <= COLOURLESS) return greyOf(rgb);
  const weights = direction(small);
  const dark = 255 * sum(weights.filter((weight) => weight < 0));
  return transformed(rgb, [...weights, -dark]);
}

/* The most by which the channels of a pixel differ. */
function mostDifferent({ data }) {
  let most = 0;
  for (let index = 0; index < data.length; index += 3) {
    const [r, g, b] = data.subarray(index, index + 3);
    most = Math.max(most, Math.max(r, g, b) - Math.min(r, g, b));
  }
  return most;
}

/* The weights of the three channels, absolute values summing to 1. */
function direction(small) {
  const window = Math.floor(Math.max(small.width, small.height) / 4) | 1;
  const values = asFloat(small);
  const { data } = subtracted(values, blur(values, window));
  const products = new Float64Array(9);
  for (let index = 0; index < data.length; index += 3) {
    for (let one = 0; one < 3; one += 1) {
      for (let other = 0; other < 3; other += 1) products[3 * one + other] += data[index + one] * data[index + other];
    }
  }
  const vector = mainDirection(products);
  const sign = sum(vector) >= 0 ? 1 : -1;
  const length = sum(vector.map(Math.abs));
  return vector.map((weight) => (sign * weight) / length);
}
