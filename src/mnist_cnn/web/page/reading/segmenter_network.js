/* A segmenter in ONNX form as a plain function of crops: ONNX Runtime Web. (reading/segmenter_network.py) */

import { imageOf } from "../pixels/image.js";
import { inBatches, sessionOf } from "./network.js";
import { sum } from "./statistics.js";

const [SIDE, INK, CLASSES] = [64, 48, 11];

/* The segmenter as (crops) → for each { probabilities, ink }: of the ten digits and of no digit, and of each pixel. */
export async function segmenterOf(runtime, bytes) {
  const run = await sessionOf(runtime, bytes);

  return (crops) => inBatches(crops, async (pixels, count) => {
    const [logits, inks] = await run(pixels, [count, SIDE, SIDE, 2]);
    return Array.from({ length: count }, (_, index) => {
      const ink = inks.subarray(INK * INK * index, INK * INK * (index + 1));
      const own = [...logits.subarray(CLASSES * index, CLASSES * (index + 1))];
      return { probabilities: softmax(own), ink: imageOf(INK, INK, ink) };
    });
  });
}

function softmax(logits) {
  const powers = logits.map((logit) => Math.exp(logit - Math.max(...logits)));
  const total = sum(powers);
  return powers.map((power) => power / total);
}
