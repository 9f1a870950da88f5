/* Digits that were read come in, the document that the server answers with goes out. (reading/reading.py,
   reading/digit.py) */

import { wideGaps } from "./layout.js";
import { around, inOrder, numbersOf, valueOf } from "./number.js";
import { argmax, median } from "./statistics.js";

const REJECTED = "?";

/* `rows` are of { digits, marks }, `candidates` digits { box, image, probabilities }, boxes { left, top, width,
   height }. */
export function documentOf({ rows, candidates }, { width, height }, minConfidence) {
  const entry = (digit) => entryOf(digit, minConfidence);
  const others = candidates.map(entry);
  const entries = rows.map(({ digits }) => digits.map(entry));
  const groups = rows.map(({ marks }, index) => groupsOf(entries[index], marks));
  return {
    page: 1,
    pages: 1,
    text: groups.map((row) => row.map(textOf).join(" ")).join("\n"),
    width,
    height,
    note: entries.length ? "" : noteOf(others),
    numbers: groups.map((row, index) => numbersIn(row, rows[index].possibleMarks)),
    rows: entries,
    marks: rows.map(({ marks }) => marks),
    candidates: others,
  };
}

function entryOf({ probabilities, box, image }, minConfidence) {
  const mostProbable = argmax(probabilities);
  const confidence = probabilities[mostProbable];
  const digit = confidence < minConfidence ? null : mostProbable;
  const facts = { confidence, probabilities, non_digit_probability: nonDigit(probabilities), box };
  return { digit, most_probable: mostProbable, ...facts, image: asText(image) };
}

/* The probability that this is no digit: what all ten have in common. */
export const nonDigit = (probabilities) => Math.min(1, probabilities.length * Math.min(...probabilities));

const textOf = (items) => items.map(({ text, digit }) => text ?? digit ?? REJECTED).join("");

/* Digits and marks between wide gaps. */
function groupsOf(digits, marks) {
  const items = inOrder(digits, marks);
  const boxes = items.map(({ box: { left, top, width, height } }) => [left, top, left + width, top + height]);
  const usual = median(digits.map(({ box: { width, height } }) => Math.max(width, height)));
  const starts = [0, ...wideGaps(boxes, usual)];
  return starts.map((start, index) => items.slice(start, starts[index + 1]));
}

/* The numbers of a row, whose digits are all in one of them, as documents. */
function numbersIn(row, possibleMarks) {
  let begin = 0;
  return row.flatMap(numbersOf).map((items) => {
    const end = begin + items.filter((item) => "probabilities" in item).length;
    const others = possibleMarks.filter(({ after }) => begin < after && after < end);
    begin = end;
    return numberOf(items, others.reduce((product, { confidence }) => product * (1 - confidence), 1));
  });
}

/* A number as its document. */
function numberOf(items, noOtherMarks) {
  const confidence = items.reduce((product, item) => product * item.confidence, noOtherMarks);
  const marks = items.filter((item) => !("probabilities" in item));
  return { text: textOf(items), value: valueOf(textOf(items)), confidence, marks, box: around(items) };
}

/* Why no digit was found. */
function noteOf(candidates) {
  if (!candidates.length) return "nothing that resembles a digit";
  const highest = candidates[0].confidence.toFixed(2);
  return candidates.length === 1 ? `one mark, rejected: ${highest}` : `${candidates.length} marks, rejected: ${highest} at most`;
}

/* 784 bytes as base64. */
export const asText = (image) => btoa(String.fromCharCode(...image));
