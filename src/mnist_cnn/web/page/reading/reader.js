/* An image comes in, a reading goes out: every step of reading in order. (reading/reader.py) */

import { greatest, inverted, longer } from "../pixels/image.js";
import { closeAndWide, inkBox } from "./crops.js";
import { CLASSES, candidates, overlap } from "./detector.js";
import { drawingOf } from "./drawing.js";
import { alone, existence, inLine, logit, ofDigits, onPage, probabilities, sigmoid } from "./evidence.js";
import { glyph } from "./glyph.js";
import { falling, rows } from "./layout.js";
import { SIDE } from "./normalise.js";
import { octavesOf } from "./octaves.js";
import { LEAST as READ, marks, recognised, saidOf } from "./recognised_lines.js";
import { documentOf, nonDigit } from "./reading.js";
import { sheetOf } from "./sheet.js";
import { argmax, descending, mean, sum } from "./statistics.js";
import { asItIs, boxBack, levelled, turned } from "./view.js";

const MIN_CONFIDENCE = 0.5;
const BEYOND_DOUBT = 0.9;
const FAINTEST = 8;
const SHOWN = 0.5;
const [SURELY, KEPT] = [0.8, 0.05];
const HARDLY = 0.95;
const UNSEEN = 0.08;
const LEAST = 0.2;
const SMALL = 64;
const [SAME, WITHIN] = [0.35, 0.6];
const ASSURED = 2.5;
const LARGE = 0.5;
const [SEVERAL, HALF] = [3, 0.5];
const [CLEARLY, MORE] = [1.5, 1.5];
const PLAINLY = 0.75;

/* Read { grey, width, height } by { classify, find, segment, recognise, weights }; gives the document that the server answers
   with, 28×28 inputs included. */
export async function read(picture, networks, { single, minConfidence }) {
  const { made: plain, said } = await drawn(picture, networks);
  const made = plain ?? (await looked(picture, networks, single, said));
  const placed = (digit) => ({ ...digit, box: boxOf(digit.box, picture) });
  const rowsPlaced = made.rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, some]) => [name, some.map(placed)])));
  const others = made.candidates.map(placed);
  return documentOf({ rows: rowsPlaced, candidates: others }, picture, minConfidence);
}

/* The only digit `made` of a plain drawing, or of an image of MNIST's own size, if the model is sure; otherwise what it
   `said` of the latter. */
async function drawn({ grey }, { classify }) {
  const drawing = drawingOf(grey);
  const isOfItsSize = grey.width === SIDE && grey.height === SIDE && !isBlank(grey);
  const images = drawing ? [drawing.glyph.data] : isOfItsSize ? [grey.data, inverted(grey).data] : [];
  const said = await classify(images);
  const best = argmax(said.map((ten) => Math.max(...ten)));
  if (!images.length || Math.max(...said[best]) < BEYOND_DOUBT) return { said: drawing || !images.length ? null : said };
  const box = drawing ? drawing.box : [0, 0, SIDE, SIDE];
  return { made: { rows: [rowOf([{ box, image: images[best], probabilities: said[best] }])], candidates: [] } };
}

/* Find the digits of an image, and choose. */
async function looked({ grey }, networks, single, said) {
  if (isBlank(grey)) return { rows: [], candidates: [] };
  const { view, octaves, chosen } = single ? await asOne(grey, networks) : await asSeveral(grey, networks);
  const known = longer(grey) > SMALL ? LEAST : 0;
  const surely = networks.weights.classes[0] ? SURELY : SHOWN; // another model alone says which digit it is
  const kept = chosen.filter(({ exists }) => exists >= KEPT);
  const lines = single ? [] : await inLines(octaves, kept, networks);
  const made = chosen.map((one) => {
    const { box, inked, image, exists, digits: ten } = one;
    const sure = single ? sigmoid(logit(exists) + ASSURED) : exists;
    const shares = probabilities(sure, ten);
    const shown = Math.max(...shares) >= SHOWN || sure >= (single ? known : surely);
    const isKept = kept.includes(one);
    return { one, found: box, inked, shown, isKept, digit: { box: boxBack(inked, view), image, probabilities: shares } };
  });
  const digits = made.filter(({ shown }) => shown);
  const others = made.filter(({ shown, isKept }) => !shown && isKept);
  const boxes = digits.map(({ found }) => found);
  const inRows = rows(boxes).map((indices) => {
    const row = indices.map((index) => digits[index]);
    const line = lineOf(row.map(({ one }) => one), lines);
    const beside = line ? marks(line, row.map(({ inked }) => inked)) : [];
    const its = beside.map((mark) => ({ ...mark, box: boxBack(mark.box, view) }));
    const [read_, possible] = [its.filter(({ confidence }) => confidence >= READ), its.filter(({ confidence }) => confidence < READ)];
    return rowOf(row.map(({ digit }) => digit), read_, possible);
  });
  return { rows: await asPrepared(grey, inRows, networks.classify, single, said), candidates: others.map(({ digit }) => digit) };
}

/* Change candidates by what is said of the lines that they stand in, and by the whole page; gives these lines. */
async function inLines(octaves, kept, { recognise, weights }) {
  const found = await recognised(octaves, kept.map(({ box }) => box), kept.map(({ exists }) => exists), recognise);
  const lines = found.map(([row, line]) => ({ line, members: row.map((index) => kept[index]) }));
  for (const { line, members } of lines) {
    const said = members.map(({ box }) => saidOf(line, box));
    inLine(members, said, weights).forEach((become, index) => Object.assign(members[index], become));
  }
  onPage(kept.map(({ exists }) => exists), weights).forEach((exists, index) => Object.assign(kept[index], { exists }));
  return lines;
}

/* The line in which most of a row's digits stand. */
function lineOf(row, lines) {
  const common = lines.map(({ members }) => members.filter((one) => row.includes(one)).length);
  return common.some((count) => count) ? lines[argmax(common)].line : null;
}

const rowOf = (digits, itsMarks = [], possibleMarks = []) => ({ digits, marks: itsMarks, possibleMarks });

async function asOne(grey, networks) {
  const { octaves, found } = await seen(grey, networks, true);
  return { view: asItIs(grey), octaves, chosen: [likeliest(found, longer(grey))] };
}

async function asSeveral(grey, networks) {
  const first = sheetOf(grey) ?? asItIs(grey);
  const its = await seen(first.grey, networks, false);
  let [view, octaves, chosen] = [first, its.octaves, apart(its.found)];
  let best = CLEARLY * total(chosen) + MORE;
  for (const other of otherViews(first, chosen)) {
    const there = await seen(other.grey, networks, false);
    const kept = apart(there.found);
    if (isPlain(kept) && total(kept) > best) [view, octaves, chosen, best] = [other, there.octaves, kept, total(kept)];
  }
  return { view, octaves, chosen };
}

/* Find candidates, look at each closely, classify its ink, and weigh what is said of it. */
async function seen(grey, { find, segment, classify, weights }, single) {
  const octaves = octavesOf(grey);
  const found = await candidates(octaves, find);
  if (single) found.push(wholeImage(grey));
  const segmented = await segment(found.map(({ box }) => closeAndWide(octaves, box)));
  const likely = segmented.map(({ probabilities: eleven }) => single || eleven.at(-1) < HARDLY);
  const images = segmented.map(({ ink }, index) => (likely[index] ? glyph(ink).data : new Uint8Array(SIDE * SIDE)));
  const said = (await classify(images.filter((_, index) => likely[index]))).values();
  const classified = likely.map((is) => (is ? said.next().value : new Array(CLASSES).fill(1 / CLASSES)));
  const evidence = found.map((one, index) => {
    return alone(one, segmented[index].probabilities, segmented[index].marks, classified[index]);
  });
  const exist = existence(evidence, found.map(({ box }) => box), weights);
  const all = found.map(({ box, scores }, index) => {
    const witnesses = [scores, segmented[index].probabilities.slice(0, CLASSES), classified[index]];
    const [inked, digits] = [inkBox(box, segmented[index].ink), ofDigits(witnesses, weights)];
    return { box, inked, image: images[index], exists: exist[index], digits };
  });
  return { octaves, found: all };
}

/* The image itself, of which the finder says nothing. */
function wholeImage({ width, height }) {
  return { box: [0, 0, width, height], scores: new Array(CLASSES).fill(UNSEEN), seconded: 0 };
}

/* The candidates of which none is a part of a surer one, the surest first. */
function apart(found) {
  const kept = [];
  for (const index of descending(found.map(({ exists }) => exists))) {
    const overlaps = kept.map(({ box }) => overlap(box, found[index].box));
    if (!overlaps.some(({ union, within }) => union > SAME || within > WITHIN)) kept.push(found[index]);
  }
  return kept;
}

/* An image levelled if its rows fall or climb steeply, and from its other sides if it may lie on one of them. */
function* otherViews(view, chosen) {
  const kept = chosen.filter(({ exists }) => exists >= KEPT);
  const angle = kept.length < SEVERAL ? 0 : falling(kept.map(({ box }) => box));
  if (angle) yield levelled(view, angle);
  if (kept.length && mean(kept.map(({ exists }) => exists)) >= PLAINLY) return;
  for (const quarters of [1, 2, 3]) yield turned(view, quarters);
}

/* Whether most of what resembles a digit in a view is one: among words turned by a quarter some letters do. */
function isPlain(chosen) {
  const kept = chosen.map(({ exists }) => exists).filter((exists) => exists >= KEPT);
  return kept.length >= SEVERAL && mean(kept) >= PLAINLY;
}

/* How many digits there are, of those that are probably some. */
const total = (chosen) => sum(chosen.map(({ exists }) => exists).filter((exists) => exists >= HALF));

/* Which candidate is the only digit: probably one, and large. */
function likeliest(found, longest) {
  const heights = found.map(({ box }) => Math.min(Math.max(box[3] - box[1], 1), longest) / longest);
  return found[argmax(found.map(({ exists }, index) => exists * heights[index] ** LARGE))];
}

/* For an image of MNIST's own size that is not plain, also what the model says of it as it is, if it has not yet. */
async function asPrepared(grey, made, classify, single, before) {
  const digits = made.flatMap((row) => row.digits);
  if (grey.width !== SIDE || grey.height !== SIDE || digits.length > 1) return made;
  if (digits.some((digit) => Math.max(...digit.probabilities) >= BEYOND_DOUBT)) return made;
  const images = [grey.data, inverted(grey).data];
  const said = before ?? (await classify(images));
  const best = argmax(said.map((ten) => Math.max(...ten)));
  const votes = [said[best], ...digits.map((digit) => digit.probabilities)];
  const shares = said[best].map((_, digit) => mean(votes.map((ten) => ten[digit])));
  const digit = { box: [0, 0, SIDE, SIDE], image: images[best], probabilities: shares };
  return single || digits.length || nonDigit(shares) < 1 - MIN_CONFIDENCE ? [rowOf([digit])] : made;
}

const isBlank = (grey) => greatest(grey) + greatest(inverted(grey)) - 255 < FAINTEST;

/* In pixels of the original image. */
function boxOf([x, y, toX, toY], { grey, width, height }) {
  const [across, down] = [width / grey.width, height / grey.height];
  const [left, top] = [Math.max(0, Math.floor(x * across)), Math.max(0, Math.floor(y * down))];
  const [right, bottom] = [Math.min(width, Math.ceil(toX * across)), Math.min(height, Math.ceil(toY * down))];
  return { left, top, width: Math.max(1, right - left), height: Math.max(1, bottom - top) };
}
