/* Digits that were read come in, the document that the server answers with goes out. (reading/reading.py,
   reading/digit.py) */

import { numbers } from "./layout.js";
import { argmax } from "./statistics.js";

const REJECTED = "?";

/* `rows` and `candidates` are of digits { box, image, probabilities }, boxes { left, top, width, height }. */
export function documentOf({ rows, candidates }, { width, height }, minConfidence) {
  const entry = (digit) => entryOf(digit, minConfidence);
  const [entries, others] = [rows.map((row) => row.map(entry)), candidates.map(entry)];
  return {
    page: 1,
    pages: 1,
    text: entries.map(textOf).join("\n"),
    width,
    height,
    note: entries.length ? "" : noteOf(others),
    numbers: entries.map((row) => numbersOf(row).map(textOf)),
    rows: entries,
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

const textOf = (entries) => entries.map((entry) => entry.digit ?? REJECTED).join("");

/* The digits of a row in groups: a wide gap separates two numbers. */
function numbersOf(row) {
  const boxes = row.map(({ box: { left, top, width, height } }) => [left, top, left + width, top + height]);
  const starts = [0, ...numbers(boxes)];
  return starts.map((start, index) => row.slice(start, starts[index + 1]));
}

/* Why no digit was found. */
function noteOf(candidates) {
  if (!candidates.length) return "nothing that resembles a digit";
  const highest = candidates[0].confidence.toFixed(2);
  return candidates.length === 1 ? `one mark, rejected: ${highest}` : `${candidates.length} marks, rejected: ${highest} at most`;
}

/* 784 bytes as base64. */
export const asText = (image) => btoa(String.fromCharCode(...image));
