/* A network in ONNX form as a plain function of images: ONNX Runtime Web. (reading/network.py) */

import { SIDE } from "./normalise.js";
import { at } from "./temperature.js";

const TOGETHER = 64; // images that the network sees at once; between two batches other pictures have their turn

/* The network as (images) → for each of them ten probabilities. An image is 784 bytes, ink 255 on paper 0. */
export async function classifierOf(runtime, bytes, temperature) {
  const session = await runtime.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  const [image] = session.inputNames;
  const [probability] = session.outputNames;

  return async function classify(images) {
    const rows = [];
    for (let start = 0; start < images.length; start += TOGETHER) {
      if (start) await otherWork();
      const batch = images.slice(start, start + TOGETHER);
      const pixels = new Uint8Array(batch.length * SIDE * SIDE);
      batch.forEach((one, index) => pixels.set(one, index * SIDE * SIDE));
      const tensor = new runtime.Tensor("uint8", pixels, [batch.length, SIDE, SIDE, 1]);
      const { data } = (await session.run({ [image]: tensor }))[probability];
      for (let index = 0; index < batch.length; index += 1) {
        rows.push(at([...data.subarray(10 * index, 10 * index + 10)], temperature));
      }
    }
    return rows;
  };
}

const otherWork = () => new Promise((done) => setTimeout(done));
