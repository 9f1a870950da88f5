/* Reads images for the page in a web worker, so that drawing stays responsive.

   The large files are fetched here, once, and the progress is reported: ONNX Runtime and the four networks. */

import { imageOf } from "./pixels/image.js";
import { watcherOf } from "./reading/activations.js";
import { reasons } from "./reading/explain.js";
import { finderOf } from "./reading/finder_network.js";
import { indexOf } from "./reading/nearest.js";
import { classifierOf } from "./reading/network.js";
import { ImageError, load } from "./reading/picture.js";
import { read } from "./reading/reader.js";
import { recogniserOf } from "./reading/recogniser_network.js";
import { segmenterOf } from "./reading/segmenter_network.js";

const [RUNTIME, GLUE, BINARY] = ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"];
const [CLASSIFIER, FINDER] = ["model.onnx", "finder.onnx"];
const [SEGMENTER, RECOGNISER, EVIDENCE] = ["segmenter.onnx", "recogniser.onnx", "evidence.json"];
const FETCHED = [RUNTIME, GLUE, BINARY, CLASSIFIER, FINDER, SEGMENTER, RECOGNISER, EVIDENCE];
const addressOf = (name) => new URL(name, import.meta.url).href;

class LoadingError extends Error {}

let ready = null; // the networks, once they are loaded
let [index, watch] = [null, null]; // the training digits, and the network with all its layers, once they are needed

/* Gives { classify, find, segment, recognise, weights, watcher }. */
async function prepare() {
  const { files, temperature, activations } = parsed(await fetched("contents.json"));
  const total = FETCHED.reduce((sum, name) => sum + files[name], 0);
  const loaded = Object.fromEntries(FETCHED.map((name) => [name, 0]));
  const tell = (name) => (bytes) => {
    loaded[name] = bytes;
    postMessage({ loaded: FETCHED.reduce((sum, one) => sum + loaded[one], 0), total });
  };
  const fetchings = FETCHED.map(async (name) => [name, await fetched(name, tell(name))]);
  const contents = Object.fromEntries(await Promise.all(fetchings));
  const runtime = await import(addressOf(RUNTIME));
  Object.assign(runtime.env.wasm, { numThreads: 1, wasmBinary: contents[BINARY] });
  runtime.env.wasm.wasmPaths = { mjs: addressOf(GLUE) };
  const classify = await classifierOf(runtime, contents[CLASSIFIER], temperature);
  const find = await finderOf(runtime, contents[FINDER]);
  const segment = await segmenterOf(runtime, contents[SEGMENTER]);
  const recognise = await recogniserOf(runtime, contents[RECOGNISER]);
  const watcher = () => watcherOf(runtime, contents[CLASSIFIER], { ...activations, outputs: bytesOf(activations.outputs) });
  return { classify, find, segment, recognise, weights: parsed(contents[EVIDENCE]), watcher };
}

const bytesOf = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

const parsed = (bytes) => JSON.parse(new TextDecoder().decode(bytes));

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
    return reasons((await ready).classify, bytesOf(image), await index);
  },
  watch: async ({ image }) => {
    watch ??= (await ready).watcher();
    return { layers: await (await watch)(bytesOf(image)) };
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
