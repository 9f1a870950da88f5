/* A photograph of a sheet that lies askew comes in; the straightened sheet goes out. (reading/sheet.py) */

import { blurred } from "../pixels/blur.js";
import { components } from "../pixels/components.js";
import { blank, imageOf } from "../pixels/image.js";
import { dilatedBySquare } from "../pixels/morphology.js";
import { perspective } from "../pixels/perspective.js";
import { otsu } from "../pixels/threshold.js";
import { shrink } from "./scale.js";
import { argmax, round } from "./statistics.js";
import { asItIs, warped } from "./view.js";

const SIDE = 320;
const [LEAST, MOST] = [0.15, 0.95];
const [INSIDE, OUTSIDE] = [0.8, 0.04];
const CONTRAST = 40;
const STRAIGHT = 0.07;
const NARROWEST = 0.4;
const BORDER = 2;

/* The view of the sheet, if its four corners are plain and it does not lie straight already; null otherwise. */
export function sheetOf(grey) {
  const small = shrink(grey, SIDE);
  const found = cornersOf(small);
  if (!found || isStraight(found)) return null;
  const times = grey.width / small.width;
  const corners = found.map((corner) => corner.map((place) => place * times));
  const [above, right, below, left] = sidesOf(corners).map(([x, y]) => Math.hypot(x, y));
  const [width, height] = [round(Math.max(above, below)), round(Math.max(left, right))];
  if (Math.min(above, below) < NARROWEST * width || Math.min(left, right) < NARROWEST * height) return null;
  const back = perspective([[0, 0], [width, 0], [width, height], [0, height]], corners);
  return warped(asItIs(grey), back, width, height);
}

const sidesOf = (corners) => corners.map(([x, y], index) => [corners[(index + 1) % 4][0] - x, corners[(index + 1) % 4][1] - y]);

/* The corners of a light sheet on a darker ground, from the upper left one clockwise; null if they are not plain. */
function cornersOf(small) {
  const soft = blurred(small, 5);
  const light = above(soft, otsu(soft));
  const { labels, areas } = components(light);
  if (areas.length < 2) return null;
  areas[0] = 0;
  const { width, height } = small;
  const corners = outermost(labels, argmax(areas), width);
  const isNear = (place, length) => place < BORDER + 1 || place > length - BORDER - 1;
  if (corners.some(([x, y]) => isNear(x, width) || isNear(y, height))) return null;
  const inside = quadrilateral(corners.map((corner) => corner.map(Math.floor)), width, height);
  const beside = invertedMask(dilatedBySquare(inside, 5));
  const area = inside.data.reduce((sum, pixel) => sum + pixel, 0);
  if (area < LEAST * width * height || area > MOST * width * height) return null;
  if (meanOf(light, inside) < INSIDE || meanOf(light, beside) > OUTSIDE) return null;
  return meanOf(soft, inside) - meanOf(soft, beside) >= CONTRAST ? corners : null;
}

function above({ data, width, height }, level) {
  const mask = blank(width, height);
  for (let index = 0; index < data.length; index += 1) mask.data[index] = data[index] > level ? 1 : 0;
  return mask;
}

/* Of the pixels with a label, the first that are outermost along the diagonals: upper left, upper right, and so on. */
function outermost(labels, label, width) {
  const best = [Infinity, -Infinity, -Infinity, Infinity];
  const corners = [];
  for (let index = 0; index < labels.length; index += 1) {
    if (labels[index] !== label) continue;
    const [x, y] = [index % width, Math.floor(index / width)];
    const [down, up] = [x + y, x - y];
    if (down < best[0]) [best[0], corners[0]] = [down, [x + 0.5, y + 0.5]];
    if (up > best[1]) [best[1], corners[1]] = [up, [x + 0.5, y + 0.5]];
    if (down > best[2]) [best[2], corners[2]] = [down, [x + 0.5, y + 0.5]];
    if (up < best[3]) [best[3], corners[3]] = [up, [x + 0.5, y + 0.5]];
  }
  return corners;
}

/* The mask of a convex quadrilateral, its corners clockwise. */
function quadrilateral(corners, width, height) {
  const mask = blank(width, height);
  const sides = sidesOf(corners);
  for (let row = 0, index = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1, index += 1) {
      let isInside = 1;
      for (let side = 0; side < 4; side += 1) {
        const [[x, y], [across, down]] = [corners[side], sides[side]];
        if (across * (row - y) - down * (column - x) < 0) isInside = 0;
      }
      mask.data[index] = isInside;
    }
  }
  return mask;
}

const invertedMask = ({ data, width, height }) => imageOf(width, height, data.map((pixel) => 1 - pixel));

/* The mean of what a mask shows. */
function meanOf({ data }, mask) {
  let [sum, count] = [0, 0];
  for (let index = 0; index < data.length; index += 1) {
    sum += data[index] * mask.data[index];
    count += mask.data[index];
  }
  return sum / count;
}

/* Whether all four sides are nearly upright or level. */
function isStraight(corners) {
  return sidesOf(corners).every((side) => {
    const [across, down] = side.map(Math.abs);
    return Math.min(across, down) <= STRAIGHT * Math.max(across, down);
  });
}
