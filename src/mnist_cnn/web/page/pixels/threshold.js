/* The level that parts the pixels of an image best into two kinds, as OpenCV's THRESH_OTSU finds it (Otsu, "A threshold
   selection method from gray-level histograms", 1979): what is above it is of the lighter kind. */

import { histogram } from "./image.js";

export function otsu(image) {
  const [counts, total] = [histogram(image), image.data.length];
  const mean = counts.reduce((sum, count, level) => sum + count * level, 0) / total;
  let [darker, darkerMean, best, found] = [0, 0, 0, 0];
  for (let level = 0; level < 256; level += 1) {
    const share = counts[level] / total;
    darkerMean *= darker;
    darker += share;
    const lighter = 1 - darker;
    if (Math.min(darker, lighter) < EPSILON || Math.max(darker, lighter) > 1 - EPSILON) continue;
    darkerMean = (darkerMean + level * share) / darker;
    const apart = darker * lighter * (darkerMean - (mean - darker * darkerMean) / lighter) ** 2;
    if (apart > best) [best, found] = [apart, level];
  }
  return found;
}

const EPSILON = 2 ** -23;
