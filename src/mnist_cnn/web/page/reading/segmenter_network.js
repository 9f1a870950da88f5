/* A segmenter in ONNX form as a plain function of crops: ONNX Runtime Web. (reading/segmenter_network.py) */

import { imageOf } from "../pixels/image.js";
import { inBatches, sessionOf, softmax } from "./network.js";
import { sum } from "./statistics.js";

const [SIDE, INK] = [64, 48];
const NO_DIGIT = 10;
export const MARKS = ".,-+/:=×÷()%";
const CLASSES = NO_DIGIT + 1 + MARKS.length;

/* The segmenter as (crops) → for each { probabilities, marks, ink }: of the ten digits and of no digit, of which marks
   are a part, of each mark, and of each pixel being ink. */
export async function segmenterOf(runtime, bytes) {
  const run = await sessionOf(runtime, bytes);

  return (crops) => inBatches(crops, async (pixels, count) => {
    const [logits, inks] = await run(pixels, [count, SIDE, SIDE, 2]);
    return Array.from({ length: count }, (_, index) => {
      const ink = inks.subarray(INK * INK * index, INK * INK * (index + 1));
      const shares = softmax([...logits.subarray(CLASSES * index, CLASSES * (index + 1))]);
      const probabilities = [...shares.slice(0, NO_DIGIT), sum(shares.slice(NO_DIGIT))];
      return { probabilities, marks: shares.slice(NO_DIGIT + 1), ink: imageOf(INK, INK, ink) };
    });
  });
}
