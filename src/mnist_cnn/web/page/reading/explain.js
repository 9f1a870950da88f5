/* Why a digit was read as it was: a 28×28 and a classifier come in, reasons go out. (reading/explain.py) */

import { PATCH, counterfactual } from "./counterfactual.js";
import { nearest } from "./nearest.js";
import { SIDE } from "./normalise.js";
import { asText } from "./reading.js";
import { argmax, descending } from "./statistics.js";

/* The members of the server's answer that the page shows. */
export async function reasons(classify, image, index) {
  const [probabilities] = await classify([image]);
  const [digit, runnerUp] = [argmax(probabilities), descending(probabilities)[1]];
  const change = await counterfactual(classify, image, runnerUp);
  const importance = await occlusion(classify, image, digit);
  const neighbours = nearest(image, index).map((one) => ({ ...one, image: asText(one.image) }));
  return { digit, runner_up: runnerUp, probabilities, importance, counterfactual: asDocument(change), neighbours };
}

function asDocument(change) {
  if (!change) return null;
  const [image, removed, added] = [change.image, change.removed, change.added].map(asText);
  return { probabilities: change.probabilities, image, removed, added };
}

/* How much the confidence falls when what is around a pixel is hidden: 28 rows of 28. */
async function occlusion(classify, image, digit) {
  const hidden = Array.from(image, (_, pixel) => without(image, pixel));
  const changing = [...hidden.keys()].filter((pixel) => hidden[pixel].some((level, index) => level !== image[index]));
  const [whole, ...parts] = await classify([image, ...changing.map((pixel) => hidden[pixel])]);
  const importance = Array.from({ length: SIDE }, () => new Array(SIDE).fill(0));
  changing.forEach((pixel, index) => {
    importance[Math.floor(pixel / SIDE)][pixel % SIDE] = whole[digit] - parts[index][digit];
  });
  return importance;
}

/* The image without what a square of paper around a pixel covers. */
function without(image, pixel) {
  const hidden = image.slice();
  const [row, column, half] = [Math.floor(pixel / SIDE), pixel % SIDE, PATCH >> 1];
  for (let y = Math.max(0, row - half); y <= Math.min(SIDE - 1, row + half); y += 1) {
    hidden.fill(0, y * SIDE + Math.max(0, column - half), y * SIDE + Math.min(SIDE, column + half + 1));
  }
  return hidden;
}
