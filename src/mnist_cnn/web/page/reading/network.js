/* A network in ONNX form as a plain function of images: ONNX Runtime Web. (reading/network.py) */

import { SIDE } from "./normalise.js";
import { sum } from "./statistics.js";
import { at } from "./temperature.js";

const TOGETHER = 64; // images that a network sees at once; between two batches other pictures have their turn
const DIGITS = 10;

/* A network as (pixels, shape) → its outputs, as arrays in their order. */
export async function sessionOf(runtime, bytes) {
  const session = await runtime.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  const [taken] = session.inputNames;

  return async function run(pixels, shape) {
    const given = await session.run({ [taken]: new runtime.Tensor("uint8", pixels, shape) });
    return session.outputNames.map((name) => given[name].data);
  };
}

/* What `act(pixels, count)` gives for each of some images of one size, which it is given some at a time. */
export async function inBatches(images, act) {
  const results = [];
  for (let start = 0; start < images.length; start += TOGETHER) {
    if (start) await otherWork();
    const batch = images.slice(start, start + TOGETHER);
    const pixels = new Uint8Array(batch.length * batch[0].length);
    batch.forEach((one, index) => pixels.set(one, index * one.length));
    results.push(...(await act(pixels, batch.length)));
  }
  return results;
}

/* Logits as probabilities. */
export function softmax(logits) {
  const powers = logits.map((logit) => Math.exp(logit - Math.max(...logits)));
  const total = sum(powers);
  return powers.map((power) => power / total);
}

/* The classifier as (images) → for each of them ten probabilities. An image is 784 bytes, ink 255 on paper 0. */
export async function classifierOf(runtime, bytes, temperature) {
  const run = await sessionOf(runtime, bytes);

  return (images) => inBatches(images, async (pixels, count) => {
    const [shares] = await run(pixels, [count, SIDE, SIDE, 1]);
    return Array.from({ length: count }, (_, index) => at([...shares.subarray(DIGITS * index, DIGITS * (index + 1))], temperature));
  });
}

const otherWork = () => new Promise((done) => setTimeout(done));
