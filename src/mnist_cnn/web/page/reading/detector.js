/* An image comes in, boxes in which the finder sees digits go out. (reading/detector.py) */

import { framed, longer } from "../pixels/image.js";
import { descending } from "./statistics.js";

const STRIDE = 4;
const MULTIPLE = 16;
export const CLASSES = 10;
const MARGIN = 8;
const LARGEST = 1664;
const COARSEST = 100;
const ENLARGED = [256, 20];
const [LOWEST, HIGHEST] = [9.0, 112.0];
const [SMALL, SEEN] = [15.0, 0.3];
const FLAT = 0.6;
const LARGEST_LOG = 6.0;
const CANDIDATE = 0.15;
const [MOST, KEPT] = [1500, 500];
const SAME = 0.5;
const CHANNELS = 14;

/* What may be a digit, the surest first: { box: [left, top, right, bottom], scores, seconded }. */
export async function candidates(octaves, find) {
  const all = (await atOctaves(octaves, find)).flat();
  const best = all.map(({ scores }) => Math.max(...scores));
  const order = descending(best).slice(0, MOST);
  const taken = new Set();
  const kept = [];
  for (let place = 0; place < order.length; place += 1) {
    if (taken.has(order[place]) || kept.length === KEPT) continue;
    const { box, scores } = all[order[place]];
    let seconded = 0;
    for (let after = place + 1; after < order.length; after += 1) {
      const other = order[after];
      if (taken.has(other) || overlap(box, all[other].box).union <= SAME) continue;
      taken.add(other);
      seconded = Math.max(seconded, best[other]);
    }
    kept.push({ box, scores, seconded });
  }
  return kept;
}

/* The peaks at each octave. */
async function atOctaves(octaves, find) {
  const longest = longer(octaves);
  let octave = -ENLARGED.filter((most) => longest <= most).length;
  while (longest / 2 ** octave > LARGEST) octave += 1;
  const found = [await peaksAt(octaves, octave, find)];
  if (octave === 0 && 2 * longest <= LARGEST && hasSmall(found[0])) found.push(await peaksAt(octaves, -1, find));
  while (longest / 2 ** octave > COARSEST) {
    octave += 1;
    found.push(await peaksAt(octaves, octave, find));
  }
  return found;
}

/* Whether something is so small that the image should be enlarged. */
const hasSmall = (peaks) => peaks.some(({ box, scores }) => box[3] - box[1] < SMALL && Math.max(...scores) > SEEN);

async function peaksAt(octaves, octave, find) {
  const image = octaves.at(octave);
  const more = (length) => MARGIN + MULTIPLE - 1 - ((length + 2 * MARGIN - 1) % MULTIPLE);
  const frame = { left: MARGIN, top: MARGIN, right: more(image.width), bottom: more(image.height) };
  const found = peaks(await find(framed(image, frame)));
  return found.map(({ box, scores }) => ({ box: box.map((place) => (place - MARGIN) * 2 ** octave), scores }));
}

/* Where the finder's outputs { data, width, height }, 14 for each place, are highest among their neighbours. */
export function peaks({ data, width, height }) {
  const logits = new Float32Array(width * height);
  for (let place = 0, index = 0; place < logits.length; place += 1, index += CHANNELS) {
    let most = data[index];
    for (let one = 1; one < CLASSES; one += 1) if (data[index + one] > most) most = data[index + one];
    logits[place] = most;
  }
  const [least, found] = [Math.log(CANDIDATE / (1 - CANDIDATE)), []];
  for (let row = 0, place = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1, place += 1) {
      if (logits[place] < least || !isHighest(logits, width, height, row, column)) continue;
      const peak = peakOf(data.subarray(CHANNELS * place, CHANNELS * (place + 1)), row, column);
      if (peak) found.push(peak);
    }
  }
  return found;
}

function isHighest(logits, width, height, row, column) {
  const own = logits[row * width + column];
  for (let y = Math.max(0, row - 1); y <= Math.min(height - 1, row + 1); y += 1) {
    for (let x = Math.max(0, column - 1); x <= Math.min(width - 1, column + 1); x += 1) {
      if (logits[y * width + x] > own) return false;
    }
  }
  return true;
}

/* The box and the scores of one place; null if another octave sees it better. */
function peakOf(values, row, column) {
  const [wide, high, right, down] = values.subarray(CLASSES);
  const [width, height] = [wide, high].map((size) => Math.exp(Math.min(size, LARGEST_LOG)));
  if (Math.max(height, FLAT * width) < LOWEST || height > HIGHEST) return null;
  const [x, y] = [(column + 0.5 + right) * STRIDE, (row + 0.5 + down) * STRIDE];
  const scores = Array.from(values.subarray(0, CLASSES), (logit) => 1 / (1 + Math.exp(-logit)));
  return { box: [x - width / 2, y - height / 2, x + width / 2, y + height / 2], scores };
}

/* What two boxes both cover, as a share of what either covers, and of the smaller. */
export function overlap(one, other) {
  const across = Math.max(0, Math.min(one[2], other[2]) - Math.max(one[0], other[0]));
  const down = Math.max(0, Math.min(one[3], other[3]) - Math.max(one[1], other[1]));
  const common = across * down;
  const areas = [one, other].map(([left, top, right, bottom]) => (right - left) * (bottom - top));
  const union = common / Math.max(areas[0] + areas[1] - common, 1e-6);
  return { union, within: common / Math.max(Math.min(...areas), 1e-6) };
}
