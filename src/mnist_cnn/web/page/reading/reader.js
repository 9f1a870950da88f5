/* An image comes in, a reading goes out: every step of reading in order. (reading/reader.py, reading/reading.py) */

import { glyph } from "./glyph.js";
import { inverted } from "./image.js";
import { FAINTEST, findInk } from "./ink.js";
import { NARROW, SURE, bestWay, latticeOf } from "./lattice.js";
import { looks } from "./looks.js";
import { inksWithMargin, nearAll } from "./margin.js";
import { SIDE } from "./normalise.js";
import { toUsualPen } from "./pen.js";
import { alternatives, piecesOf, prominence, rowsOf, union } from "./segment.js";
import { argmax, largest, least, mean } from "./statistics.js";

const NON_DIGIT = 0.5;
const BEYOND_DOUBT = 0.9;
const [FITTED, PLAINLY] = [18, 0.1];
const CONVINCING = 0.9;

/* Read { grey, width, height }; gives the document that the server answers with, 28×28 inputs included. */
export async function read(picture, classify, { single, minConfidence }) {
  const page = prepare(picture, single);
  let rows = await rowsOfAll(page, classify);
  if (single) {
    rows = rows.length ? [rows[likeliest(page, rows)]] : [];
  } else {
    await lookAgain(page, rows, classify);
  }
  await lookWithMargin(page, rows, classify, single);
  await lookAsItIs(page, rows, classify);
  if (!single) {
    rows = rows.filter((row) => Math.min(...row.map(nonDigit)) < NON_DIGIT);
  }
  return documentOf(rows, picture, minConfidence);
}

/* All steps before the model. */
export function prepare({ grey: whole, width, height }, single) {
  const grey = toUsualPen(whole);
  const ink = findInk(grey);
  const pieces = piecesOf(ink);
  const lattices = single
    ? alternatives(pieces).map((piece) => latticeOf([piece], Infinity))
    : rowsOf(pieces).map((row) => latticeOf(row));
  return { grey, width, height, ink, lattices, across: width / grey.width, down: height / grey.height };
}

/* All steps before the model for an image that its writing fills, once for each polarity that it may have. */
function prepareWithMargin({ grey: whole, width, height }, single) {
  const filled = inksWithMargin(whole).map((one) => ({ ...one, pieces: piecesOf(one.ink) }));
  return filled.filter(isFilled).map(({ grey, ink, margin, pieces }) => {
    const lattices = single ? [latticeOf([union(pieces)], Infinity)] : rowsOf(pieces).map((row) => latticeOf(row));
    return { ink, lattices, margin, across: width / grey.width, down: height / grey.height };
  });
}

function isFilled({ grey, margin, pieces }) {
  if (!pieces.length) return false;
  const { x, y, right, bottom } = union(pieces);
  return nearAll(grey, x - margin, y - margin, right - margin, bottom - margin);
}

async function rowsOfAll({ lattices, ink, across, down, margin = 0 }, classify) {
  const images = lattices.map((lattice) => lattice.hypotheses.map((one) => glyph(one.piece, ink).data));
  const probabilities = await classify(images.flat());
  let next = 0;
  return lattices.map((lattice, row) => {
    const seen = images[row].map((image) => ({ image, probabilities: probabilities[next++] }));
    const sure = seen.map((one) => Math.max(...one.probabilities) - Math.min(...one.probabilities));
    const way = seen.length === 1 ? [0] : bestWay(lattice, sure);
    return way.map((index) => ({ ...seen[index], box: boxOf(lattice.hypotheses[index].piece, margin, across, down) }));
  });
}

/* Cut rows with a likely non-digit into narrower pieces as well; used if everything is then a digit. */
async function lookAgain(page, rows, classify) {
  const doubtful = [...rows.keys()].filter((index) => Math.max(...rows[index].map(nonDigit)) >= NON_DIGIT);
  const lattices = doubtful.map((index) => latticeOf(page.lattices[index].row, NARROW));
  const finer = await rowsOfAll({ ...page, lattices }, classify);
  finer.forEach((row, place) => {
    if (sureness([row]) >= CONVINCING) rows[doubtful[place]] = row;
  });
}

/* Also read an image that is filled with ink with a margin around it; used if it convinces, or convinces more. */
async function lookWithMargin(page, rows, classify, single) {
  const readings = [];
  for (const padded of prepareWithMargin(page, single)) readings.push(await rowsOfAll(padded, classify));
  for (const found of readings.sort((a, b) => sureness(a) - sureness(b))) {
    const isDigits = single || found.flat().every((digit) => nonDigit(digit) < NON_DIGIT);
    const least = Math.max(SURE, Math.min(sureness(rows), CONVINCING));
    const isLess = found.flat().length < rows.flat().length;
    if (isDigits && !isLess && sureness(found) > least) rows.splice(0, rows.length, ...found);
  }
}

/* Also classify an uncertain image of MNIST's own size as it is, and average the probabilities. */
async function lookAsItIs({ grey, width, height, ink }, rows, classify) {
  if (!mayBeMade(grey) || !uncertain(rows) || smallerThanMade(rows)) return;
  const images = ink.light ? [grey] : [grey, inverted(grey)];
  const seen = await classify(images.flatMap(looks).map((look) => look.data));
  const each = seen.length / images.length;
  const votes = images.map((_, index) => seen.slice(index * each, (index + 1) * each));
  const surest = argmax(votes.map((ofLooks) => Math.max(...meanOfAll(ofLooks))));
  const voters = [...votes[surest], ...rows.flat().map((digit) => digit.probabilities)];
  const box = rows.length ? rows[0][0].box : { left: 0, top: 0, width, height };
  const digit = { image: images[surest].data, probabilities: meanOfAll(voters), box };
  if (rows.length || nonDigit(digit) < NON_DIGIT) rows.splice(0, rows.length, [digit]);
}

function mayBeMade({ data, width, height }) {
  return width === SIDE && height === SIDE && largest(data) - least(data) >= FAINTEST;
}

function uncertain(rows) {
  const digits = rows.flat();
  return digits.length < 2 && digits.every((digit) => Math.max(...digit.probabilities) < BEYOND_DOUBT);
}

function smallerThanMade(rows) {
  return rows.flat().some((one) => Math.max(one.box.width, one.box.height) < FITTED && nonDigit(one) < PLAINLY);
}

const meanOfAll = (several) => several[0].map((_, digit) => mean(several.map((probabilities) => probabilities[digit])));

/* How confident the model is of the least certain digit, without what it shares with all others; 0 for none. */
function sureness(rows) {
  const each = rows.flat().map(({ probabilities }) => Math.max(...probabilities) - Math.min(...probabilities));
  return each.length ? Math.min(...each) : 0;
}

const nonDigit = ({ probabilities }) => Math.min(1, probabilities.length * Math.min(...probabilities));

function boxOf(piece, margin, across, down) {
  const [left, top] = [Math.trunc((piece.x - margin) * across), Math.trunc((piece.y - margin) * down)];
  const [right, bottom] = [(piece.right - margin) * across, (piece.bottom - margin) * down];
  const [width, height] = [Math.ceil(right) - left, Math.ceil(bottom) - top];
  return { left, top, width, height };
}

function likeliest({ lattices }, rows) {
  const weights = lattices.map((lattice) => prominence(lattice.hypotheses[0].piece));
  return argmax(rows.map((row, index) => Math.max(...row[0].probabilities) * weights[index]));
}

function documentOf(rows, { width, height }, minConfidence) {
  const entries = rows.map((row) => row.map((digit) => entryOf(digit, minConfidence)));
  const text = entries.map((row) => row.map((entry) => entry.digit ?? "?").join("")).join("\n");
  return { text, width, height, rows: entries };
}

function entryOf({ probabilities, box, image }, minConfidence) {
  const mostProbable = argmax(probabilities);
  const confidence = probabilities[mostProbable];
  const digit = confidence < minConfidence ? null : mostProbable;
  const facts = { confidence, probabilities, non_digit_probability: nonDigit({ probabilities }), box };
  return { digit, most_probable: mostProbable, ...facts, image: asText(image) };
}

/* 784 bytes as base64. */
export const asText = (image) => btoa(String.fromCharCode(...image));
