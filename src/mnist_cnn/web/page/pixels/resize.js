/* An image comes in, the same in another size goes out, as OpenCV's INTER_AREA and INTER_CUBIC give it.

   Areas are the same to the bit: what OpenCV computes in 32 bits is rounded to 32 bits here as well. Of the curves, one
   pixel in some thousands is rounded to the other side, depending on the processor that OpenCV was made for. */

import { imageOf } from "./image.js";

const STEEP = -0.75; // of the cubic curve, as in OpenCV
const LEAST = 1e-3; // the least part of a pixel that counts

/* A smaller image of any number of channels: each pixel is the mean of the area that it covers. */
export function byArea(image, width, height) {
  const [across, down] = [1 / (width / image.width), 1 / (height / image.height)];
  return Number.isInteger(across) && Number.isInteger(down)
    ? meansOfBlocks(image, across, down)
    : meansOfAreas(image, partsOf(image.width, width, across), partsOf(image.height, height, down), width, height);
}

/* Storing rounds to the nearest whole number, from the middle to the even one, and limits to 0 to 255. */
const rounding = ({ buffer }) => new Uint8ClampedArray(buffer);

function meansOfBlocks({ data, width, height, channels }, across, down) {
  const small = imageOf(width / across, height / down, new Uint8Array(data.length / across / down), channels);
  const [to, share, line] = [rounding(small.data), Math.fround(1 / (across * down)), width * channels];
  const quarter = across === 2 && down === 2; // OpenCV rounds this one's middle up
  for (let row = 0, index = 0; row < small.height; row += 1) {
    for (let column = 0; column < small.width; column += 1) {
      const start = row * down * line + column * across * channels;
      for (let channel = 0; channel < channels; channel += 1, index += 1) {
        let sum = 0;
        for (let y = 0, from = start + channel; y < down; y += 1, from += line) {
          for (let x = 0; x < across; x += 1) sum += data[from + x * channels];
        }
        to[index] = quarter ? (sum + 2) >> 2 : Math.fround(sum * share);
      }
    }
  }
  return small;
}

/* Which pixels, and what shares of them, make each pixel along one side of a smaller image. */
function partsOf(length, count, scale) {
  const [from, to, share] = [[], [], []];
  const add = (one, other, part) => (from.push(one), to.push(other), share.push(Math.fround(part)));
  for (let place = 0; place < count; place += 1) {
    const [start, end] = [place * scale, place * scale + scale];
    const size = Math.min(scale, length - start);
    const last = Math.min(Math.floor(end), length - 1);
    const first = Math.min(Math.ceil(start), last);
    if (first - start > LEAST) add(first - 1, place, (first - start) / size);
    for (let pixel = first; pixel < last; pixel += 1) add(pixel, place, 1 / size);
    if (end - last > LEAST) add(last, place, Math.min(end - last, 1, size) / size);
  }
  return { from: Int32Array.from(from), to: Int32Array.from(to), share: Float32Array.from(share) };
}

function meansOfAreas({ data, width: wide, channels }, columns, rows, width, height) {
  const [line, sums] = [new Float32Array(width * channels), new Float32Array(width * channels)];
  const small = imageOf(width, height, new Uint8Array(width * height * channels), channels);
  const to = rounding(small.data);
  let [source, target] = [-1, 0];
  for (let part = 0; part < rows.from.length; part += 1) {
    if (rows.from[part] !== source) {
      source = rows.from[part];
      line.fill(0);
      addParts(line, data, source * wide * channels, columns, channels);
    }
    if (rows.to[part] !== target) {
      to.set(sums, target * sums.length);
      sums.fill(0);
      target = rows.to[part];
    }
    const share = rows.share[part];
    for (let index = 0; index < line.length; index += 1) sums[index] += Math.fround(share * line[index]);
  }
  to.set(sums, target * sums.length);
  return small;
}

function addParts(line, data, start, { from, to, share }, channels) {
  for (let part = 0; part < from.length; part += 1) {
    const weight = share[part];
    const end = start + (from[part] + 1) * channels;
    for (let source = end - channels, target = to[part] * channels; source < end; source += 1, target += 1) {
      line[target] += Math.fround(weight * data[source]);
    }
  }
}

/* An image of one channel along cubic curves through its pixels (Keys, "Cubic convolution interpolation", 1981). */
export function byCubic({ data, width, height }, across, down) {
  const [columns, rows] = [curvesOf(width, across), curvesOf(height, down)];
  const large = imageOf(across, down, new Uint8Array(across * down));
  const to = rounding(large.data);
  const lines = Array.from({ length: 4 }, () => ({ source: -1, values: new Float64Array(across) }));
  const lineOf = (source) => {
    const line = lines[source % 4]; // those of a curve are neighbours, so that each has another place
    if (line.source !== source) sample(line.values, data, source * width, columns);
    line.source = source;
    return line.values;
  };
  for (let row = 0, index = 0; row < down; row += 1) {
    const [one, two, three, four] = [0, 1, 2, 3].map((tap) => lineOf(rows.from[4 * row + tap]));
    const [a, b, c, d] = rows.weights.subarray(4 * row, 4 * row + 4);
    for (let column = 0; column < across; column += 1, index += 1) {
      to[index] = one[column] * a + two[column] * b + three[column] * c + four[column] * d;
    }
  }
  return large;
}

function sample(line, data, start, { from, weights }) {
  for (let place = 0, tap = 0; place < line.length; place += 1, tap += 4) {
    line[place] =
      data[start + from[tap]] * weights[tap] +
      data[start + from[tap + 1]] * weights[tap + 1] +
      data[start + from[tap + 2]] * weights[tap + 2] +
      data[start + from[tap + 3]] * weights[tap + 3];
  }
}

/* For each pixel along one side, the four pixels that its curve goes through, and their weights. */
function curvesOf(length, count) {
  const [from, weights] = [new Int32Array(4 * count), new Float64Array(4 * count)];
  for (let place = 0; place < count; place += 1) {
    const at = ((place + 0.5) * length) / count - 0.5;
    const first = Math.floor(at);
    for (let tap = 0; tap < 4; tap += 1) {
      from[4 * place + tap] = Math.min(Math.max(first + tap - 1, 0), length - 1);
      weights[4 * place + tap] = curve(Math.abs(at - first - tap + 1));
    }
  }
  return { from, weights };
}

/* What a pixel at a distance up to 2 counts. */
function curve(far) {
  if (far <= 1) return ((STEEP + 2) * far - (STEEP + 3)) * far * far + 1;
  return ((STEEP * far - 5 * STEEP) * far + 8 * STEEP) * far - 4 * STEEP;
}
