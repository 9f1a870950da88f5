/* A picture or mask comes in, a smaller one goes out. (reading/scale.py) */

import { longer } from "../pixels/image.js";
import { byArea } from "../pixels/resize.js";
import { round } from "./statistics.js";

export function shrink(image, side) {
  const scale = side / longer(image);
  if (scale >= 1) return image;
  const [width, height] = [image.width, image.height].map((length) => Math.max(1, round(length * scale)));
  return byArea(image, width, height);
}
