/* Reads images for the page in a web worker, so that drawing stays responsive.

   The large files are fetched here, once, and the progress is reported: OpenCV, ONNX Runtime and the model. */

import { withoutText } from "./invokers.js";
import { reasons } from "./reading/explain.js";
import { imageOf, useOpenCV } from "./reading/image.js";
import { indexOf } from "./reading/nearest.js";
import { classifierOf } from "./reading/network.js";
import { ImageError, load } from "./reading/picture.js";
import { read } from "./reading/reader.js";

const FETCHED = ["opencv.js", "ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"];
const addressOf = (name) => new URL(name, import.meta.url).href;

class LoadingError extends Error {}

let ready = null; // the model, once it is loaded
let index = null; // of the training digits, once they are needed

async function prepare() {
  const { files, temperature } = JSON.parse(new TextDecoder().decode(await fetched("contents.json")));
  const names = [...FETCHED, "model.onnx"];
  const total = names.reduce((sum, name) => sum + files[name], 0);
  const loaded = Object.fromEntries(names.map((name) => [name, 0]));
  const tell = (name) => (bytes) => {
    loaded[name] = bytes;
    postMessage({ loaded: names.reduce((sum, one) => sum + loaded[one], 0), total });
  };
  const contents = await Promise.all(names.map((name) => fetched(name, tell(name))));
  const [runtime] = await Promise.all([import(addressOf("ort.wasm.min.mjs")), startOpenCV()]);
  Object.assign(runtime.env.wasm, { numThreads: 1, wasmBinary: contents[3] });
  runtime.env.wasm.wasmPaths = { mjs: addressOf("ort-wasm-simd-threaded.mjs") };
  return classifierOf(runtime, contents[4], temperature);
}

async function startOpenCV() {
  withoutText();
  await import(addressOf("opencv.js"));
  useOpenCV(await globalThis.cv);
}

/* The bytes of one of the page's files. What is imported afterwards comes from the browser's cache. */
async function fetched(name, tell = () => {}) {
  try {
    const response = await fetch(addressOf(name));
    if (!response.ok) throw new LoadingError(`Cannot load ${name}: the server returned HTTP ${response.status}.`);
    const bytes = new Uint8Array(await new Response(response.body.pipeThrough(counted(tell))).arrayBuffer());
    tell(bytes.length);
    return bytes;
  } catch (error) {
    if (error instanceof LoadingError) throw error;
    throw new LoadingError(`Cannot load ${name}: check your internet connection, then reload the page.`);
  }
}

function counted(tell) {
  let bytes = 0;
  return new TransformStream({
    transform(part, rest) {
      bytes += part.length;
      tell(bytes);
      rest.enqueue(part);
    },
  });
}

async function digitsOfMnist() {
  const bitmap = await createImageBitmap(new Blob([await fetched("nearest.png")]), { colorSpaceConversion: "none" });
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const { data, width, height } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  return indexOf(imageOf(width, height, data.filter((_, place) => place % 4 === 0)));
}

const answers = {
  start: async () => void (await ready),
  read: async ({ picture, single, minConfidence }) => read(await load(picture), await ready, { single, minConfidence }),
  explain: async ({ image }) => {
    index ??= digitsOfMnist();
    const pixels = Uint8Array.from(atob(image), (character) => character.charCodeAt(0));
    return reasons(await ready, pixels, await index);
  },
};

addEventListener("message", async ({ data: { id, what, ...question } }) => {
  try {
    if (what === "start") ready = prepare();
    postMessage({ id, answer: await answers[what](question) });
  } catch (error) {
    const expected = error instanceof ImageError || error instanceof LoadingError;
    const problem = expected ? error.message : `This browser cannot run the model (${error.message}): update it, or use another one.`;
    postMessage({ id, problem });
  }
});
