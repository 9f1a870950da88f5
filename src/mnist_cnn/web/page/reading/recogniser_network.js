/* A recogniser in ONNX form as a plain function of lines: ONNX Runtime Web. (reading/recogniser_network.py) */

import { sessionOf, softmax } from "./network.js";

export const [TALL, STRIDE] = [40, 4];
export const [DIGITS, OTHER, MARK] = [1, 11, 12];
const CLASSES = 24;

/* The recogniser as (image of a line, 40 pixels high and a multiple of 4 wide) → for each 4 pixels 24 probabilities. */
export async function recogniserOf(runtime, bytes) {
  const run = await sessionOf(runtime, bytes);

  return async function recognise({ data, width }) {
    const [logits] = await run(data, [1, TALL, width, 1]);
    return Array.from({ length: width / STRIDE }, (_, column) => {
      return softmax([...logits.subarray(CLASSES * column, CLASSES * (column + 1))]);
    });
  };
}
