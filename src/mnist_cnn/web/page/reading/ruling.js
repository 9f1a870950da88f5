/* A mask of ink comes in, the same without ruled and squared lines goes out, crossed strokes whole.
   (reading/ruling.py) */

import { above, blank, boundingRect, closed, components, cut, fittedLine, fittedPolynomial, line } from "./image.js";
import { imageOf, longer, mapped, opened, polyline, square, transposed } from "./image.js";
import { shrink } from "./scale.js";
import { median, quantile, round, sum, valueOf } from "./statistics.js";

const SIDE = 64;
const WORKING_SIDE = 800;
const SLOPES = [-0.18, -0.12, -0.06, 0, 0.06, 0.12, 0.18];

/* A line is { left, right, polynomial, thickness }. */

export function withoutRuling(mask, contrast) {
  if (Math.min(mask.width, mask.height) < SIDE) return mask;
  const across = bands(mask);
  const turned = transposed(mask);
  const down = bands(turned);
  if (!across.length && !down.length) return mask;
  const all = [marked(across, mask, contrast)];
  if (down.length) {
    const { band, written } = marked(down, turned, transposed(contrast));
    all.push({ band: transposed(band), written: transposed(written) });
  }
  const band = mapped(mask, (_, index) => Number(all.some((one) => one.band.data[index])));
  const rest = mapped(mask, (ink, index) => ink & (1 - band.data[index]));
  const reach = Math.trunc(Math.max(...[...across, ...down].map((one) => one.thickness))) + 6;
  const bridges = bridged(rest, reach);
  const kept = (index) => bridges.data[index] || all.some((one) => one.written.data[index]);
  return mapped(mask, (ink, index) => rest.data[index] | (ink & band.data[index] & Number(Boolean(kept(index)))));
}

/* Where lines are, and what in them is darker than they are. */
function marked(lines, mask, contrast) {
  const [band, written] = [blank(mask.width, mask.height), blank(mask.width, mask.height)];
  for (const one of lines) {
    const on = drawn(one, mask);
    const strong = 1.35 * contrastOf(contrast, mask, on) + 8;
    on.data.forEach((drawnHere, index) => {
      if (!drawnHere) return;
      band.data[index] = 1;
      if (contrast.data[index] > strong) written.data[index] = 1;
    });
  }
  return { band, written };
}

function contrastOf(contrast, mask, band) {
  const inside = contrast.data.filter((_, index) => band.data[index] & mask.data[index]);
  return inside.length ? quantile(inside, 0.75) : 255;
}

function bands(mask) {
  if (!inkGoesFar(mask)) return [];
  const large = longer(mask) > WORKING_SIDE;
  const small = large ? above(shrink(mapped(mask, (ink) => 255 * ink), WORKING_SIDE), 48) : mask;
  const { width } = small;
  const lines = candidates(small);
  const found = lines.filter((one) => goesFar(one.left, one.right, width) || frames(one, lines, width));
  if (found.length === 1 && !spans(found[0].left, found[0].right, width)) return [];
  return found.map((one) => enlarged(one, mask.width / width));
}

function frames(one, lines, width) {
  const near = (other) => one.right - one.left >= 2.5 * Math.abs(one.polynomial[0] - other.polynomial[0]);
  const level = (other) => Math.abs(one.left - other.left) + Math.abs(one.right - other.right) <= 0.05 * width;
  return lines.some((other) => other !== one && level(other) && near(other));
}

function inkGoesFar(mask) {
  const box = boundingRect(mask);
  return box.width > 0 && box.width - 1 >= 0.35 * mask.width;
}

const goesFar = (left, right, width) => left <= 0.02 * width || right >= 0.98 * width || right - left >= 0.8 * width;
const spans = (left, right, width) => left <= 0.02 * width && right >= 0.98 * width;

function candidates(whole) {
  const { width } = whole;
  const length = Math.max(9, Math.floor(width / 25));
  const box = boundingRect(whole);
  const [left, top] = [Math.max(0, box.left - length), Math.max(0, box.top - length)];
  const right = Math.min(width, box.left + box.width + length);
  const bottom = Math.min(whole.height, box.top + box.height + length);
  const mask = cut(whole, left, top, right - left, bottom - top);
  const pieces = union(mask, SLOPES.map((slope) => opened(mask, segment(length, slope))));
  const joined = closed(pieces, square(length | 1, 1));
  if (boundingRect(joined).width < 0.35 * width) return [];
  const { labels, found } = components(joined);
  const wide = (one) => one.width >= Math.max(0.35 * width, 4 * (one.height - 6));
  const long = found.map((one, label) => ({ ...one, label })).filter((one) => one.label > 0 && wide(one));
  const ends = (one) => [left + one.left, left + one.left + one.width];
  if (long.length === 1 && !spans(...ends(long[0]), width)) return [];
  const all = imageOf(mask.width, mask.height, labels);
  const inside = ({ label, ...box }) => {
    const own = cut(all, box.left, box.top, box.width, box.height).data;
    const thin = cut(pieces, box.left, box.top, box.width, box.height);
    return mapped(thin, (piece, index) => Number(piece && own[index] === label));
  };
  return long.map((one) => fitted(inside(one), one.left + left, one.top + top)).filter(Boolean);
}

/* Where any of some masks is above 0. */
function union(like, masks) {
  return mapped(like, (_, index) => Number(masks.some((mask) => mask.data[index])));
}

function segment(length, slope) {
  const rise = round(Math.abs(slope) * length);
  const [left, right] = slope >= 0 ? [0, rise] : [rise, 0];
  return line(blank(length, rise + 1), [0, left], [length - 1, right], 1);
}

function fitted(inside, x, y) {
  const { width, height, data } = inside;
  const counts = new Float64Array(width);
  const totals = new Float64Array(width);
  for (let row = 0, index = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1, index += 1) {
      counts[column] += data[index];
      totals[column] += row * data[index];
    }
  }
  const covered = counts.filter((count) => count > 0);
  if (covered.length < 0.8 * width) return null;
  const thickness = median(covered);
  const columns = [...counts.keys()].filter((column) => counts[column] && counts[column] <= 1.5 * thickness + 1);
  const rows = columns.map((column) => totals[column] / counts[column]);
  const [dx, dy, x0, y0] = fittedLine(columns.map((column, index) => [column, rows[index]]));
  const away = columns.map((column, index) => Math.abs(rows[index] - (y0 + ((column - x0) * dy) / dx)));
  const polynomial = curve(columns.map((column) => (2 * column) / width - 1), rows, away, thickness, width);
  if (!polynomial) return null;
  const ends = (valueOf(polynomial, -1) + valueOf(polynomial, 1)) / 2;
  if (thickness > width / 15 || Math.abs(ends - polynomial[0]) > 0.03 * width) return null;
  polynomial[0] += y;
  return { left: x, right: x + width, polynomial, thickness };
}

/* The polynomial through what is near, three times over; null if too little is. */
function curve(at, rows, away, thickness, width) {
  let near = away.map((distance) => distance <= thickness + 0.02 * width);
  let polynomial = null;
  for (let time = 0; time < 3; time += 1) {
    if (sum(near.map(Number)) < 0.35 * width) return null;
    const these = (_, index) => near[index];
    polynomial = fittedPolynomial(at.filter(these), rows.filter(these), 3);
    const distances = rows.map((row, index) => Math.abs(row - valueOf(polynomial, at[index])));
    const limit = Math.max(1, 2.5 * median(distances));
    near = distances.map((distance) => distance <= limit);
  }
  return polynomial;
}

function enlarged({ left, right, polynomial, thickness }, times) {
  const larger = polynomial.map((factor) => factor * times);
  return { left: left * times, right: right * times, polynomial: larger, thickness: thickness * times };
}

function drawn(one, mask) {
  const at = Array.from({ length: 64 }, (_, index) => -1.06 + (2.12 * index) / 63);
  const x = (place) => ((place + 1) / 2) * (one.right - one.left) + one.left;
  const points = at.map((place) => [round(x(place)), round(valueOf(one.polynomial, place))]);
  return polyline(blank(mask.width, mask.height), points, 1, Math.ceil(one.thickness) + 2);
}

function bridged(rest, reach) {
  const slants = [-1, -0.5, 0, 0.5, 1];
  return union(rest, slants.map((slant) => closed(rest, transposed(segment(reach, slant)))));
}
