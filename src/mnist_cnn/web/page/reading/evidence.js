/* What the networks say of candidates becomes probabilities, each candidate seen among the others and in its line.
   (reading/evidence.py) */

import { DIGITS, MARK, OTHER } from "./recogniser_network.js";
import { sum } from "./statistics.js";

const LEAST = 1e-4;
const FLAT = 0.6;
const ALIKE = 0.25;
const [ASIDE, BEYOND, FAR] = [0.35, 1.5, 3.0];
const FARTHEST = 2.0;
const [PRIOR, AS_MANY] = [0.5, 1];
const [PROBABLE, MARKED] = [0.5, 0.65];

const clipped = (value, least, most) => Math.min(Math.max(value, least), most);

export function logit(probability) {
  const kept = clipped(probability, LEAST, 1 - LEAST);
  return Math.log(kept / (1 - kept));
}

export const sigmoid = (odds) => 1 / (1 + Math.exp(-odds));

/* The probabilities of each digit, if it is one, by finder, segmenter and classifier. */
export const ofDigits = (witnesses, { classes }) => product(witnesses, classes);

/* The product of powers of probabilities, which sums to 1. */
function product(witnesses, exponents) {
  const logarithms = witnesses[0].map((_, digit) => {
    return sum(witnesses.map((one, index) => exponents[index] * Math.log(Math.max(one[digit], LEAST))));
  });
  const powers = logarithms.map((one) => Math.exp(one - Math.max(...logarithms)));
  const total = sum(powers);
  return powers.map((power) => power / total);
}

/* The evidence (5) that one candidate is a digit, by itself. */
export function alone({ scores, seconded }, segmented, marks, classified) {
  const nothing = Math.min(1, classified.length * Math.min(...classified));
  const kinds = [segmented.at(-1), sum(marks), nothing].map((share) => logit(1 - share));
  return [logit(Math.max(...scores)), seconded, ...kinds];
}

/* The probability of each candidate of being a digit, of its evidence by itself and its box among the others. */
export function existence(evidence, boxes, weights) {
  const sure = evidence.map((own) => probable(own, weights.alone));
  const others = among(boxes, sure);
  return evidence.map((own, index) => probable([...own, ...others[index]], weights.among));
}

const probable = (own, weights) => sigmoid(sum(own.map((one, index) => one * weights[index])) + weights.at(-1));

/* The evidence (3) of each box if each is a digit with the probability `sure` by itself. */
function among(boxes, sure) {
  const sizes = boxes.map(([left, top, right, bottom]) => {
    return Math.log(Math.max(bottom - top, FLAT * (right - left), LEAST));
  });
  return boxes.map((_, index) => [support(boxes, sizes, sure, index), ...strangeness(sizes, sure, index)]);
}

/* How sure the surest similar neighbour of a box is, 0 to 1: in its row or its column, and of its size. */
function support(boxes, sizes, sure, index) {
  const [box, size] = [boxes[index], sizes[index]];
  const [x, y] = centreOf(box);
  let most = 0;
  for (let other = 0; other < boxes.length; other += 1) {
    if (sure[other] <= most || isSame(box, boxes[other])) continue;
    const [itsX, itsY] = centreOf(boxes[other]);
    const height = Math.exp(Math.min(size, sizes[other]));
    const [across, down] = [Math.abs(itsX - x) / height, Math.abs(itsY - y) / height];
    const row = Math.exp(-down / ASIDE - Math.max(0, across - BEYOND) / FAR);
    const column = Math.exp(-across / (2 * ASIDE) - Math.max(0, down - BEYOND) / FAR);
    const alike = Math.exp(-Math.abs(size - sizes[other]) / ALIKE);
    most = Math.max(most, Math.max(row, column) * alike * sure[other]);
  }
  return most;
}

const centreOf = ([left, top, right, bottom]) => [(left + right) / 2, (top + bottom) / 2];

/* Whether two boxes show the same: the middle of one is in the other. */
const isSame = (one, other) => isInside(centreOf(one), other) || isInside(centreOf(other), one);

const isInside = ([x, y], [left, top, right, bottom]) => x > left && x < right && y > top && y < bottom;

/* By how much a logarithm of height is below, and above, the mean of the other ones that are surely digits. */
function strangeness(sizes, sure, index) {
  let [total, weighed] = [0, 0];
  for (let other = 0; other < sizes.length; other += 1) {
    if (other === index) continue;
    total += sure[other];
    weighed += sure[other] * sizes[other];
  }
  const away = clipped(sizes[index] - weighed / Math.max(total, LEAST), -FARTHEST, FARTHEST) * Math.min(total, 1);
  return [Math.min(away, 0), Math.max(away, 0)];
}

/* The candidates { exists, digits } of a line, also by what the recogniser said of each (24). Beside a digit, what is
   surely a mark, and sooner that than any digit, is none. */
export function inLine(candidates, said, { line_classes: exponents, in_line: weights }) {
  return candidates.map((one, index) => {
    const [ten, marked] = [said[index].slice(DIGITS, OTHER), sum(said[index].slice(MARK))];
    const sure = probable([one.exists, sum(ten), said[index][OTHER], marked].map(logit), weights);
    const isBeside = candidates.some((other) => other !== one && other.exists >= PROBABLE);
    const isMark = isBeside && marked >= MARKED && marked > Math.max(...ten);
    return { exists: isMark ? sure * (1 - marked) : sure, digits: product([one.digits, ten], exponents) };
  });
}

/* The probabilities of being digits, of those of all on a page that may be some. */
export function onPage(exists, { on_page: [slope, share, bias] }) {
  const total = sum(exists);
  return exists.map((one) => {
    const others = (total - one + PRIOR * AS_MANY) / (exists.length - 1 + AS_MANY);
    return sigmoid(slope * logit(one) + share * logit(others) + bias);
  });
}

/* The probabilities of the ten digits: what is missing to a digit is divided among the ten. */
export const probabilities = (exists, digits) => digits.map((share) => exists * share + (1 - exists) / digits.length);
