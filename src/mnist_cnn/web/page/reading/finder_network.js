/* A finder in ONNX form as a plain function of an image: ONNX Runtime Web. (reading/finder_network.py) */

import { sessionOf } from "./network.js";

const STRIDE = 4;

/* The finder as (image of which both sides are multiples of 16) → { data, width, height }, 14 numbers per 4×4 pixels. */
export async function finderOf(runtime, bytes) {
  const run = await sessionOf(runtime, bytes);

  return async function find({ data, width, height }) {
    const [places] = await run(data, [1, height, width, 1]);
    return { data: places, width: width / STRIDE, height: height / STRIDE };
  };
}
