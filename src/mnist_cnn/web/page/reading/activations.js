/* What each convolution of a network makes of an image: its activations, and the filters behind them.
   (reading/activations.py) */

import { SIDE } from "./normalise.js";

const MAPS = 16; // feature maps of a layer: those with the highest activations
const KERNELS = 9; // of a filter: those with the largest weights
const [LARGEST_MAP, LARGEST_KERNEL] = [28, 11]; // pixels of a side; a layer with larger ones is left out

/* The network as (image) → its layers, as the server's `/v1/activations` has them. `watched` are the convolutions, with
   the names of their kernels and outputs; `outputs` are the bytes that make these outputs of the network. */
export async function watcherOf(runtime, network, { watched, outputs }) {
  if (!watched.length) return async () => [];
  const bytes = new Uint8Array(await new Blob([network, outputs]).arrayBuffer());
  const session = await runtime.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  const [taken] = session.inputNames;
  const names = [...new Set(watched.flatMap(({ kernels, output }) => [kernels, output]))];

  return async function watch(image) {
    const pixels = new runtime.Tensor("uint8", image, [1, SIDE, SIDE, 1]);
    const given = await session.run({ [taken]: pixels }, names);
    return watched.map(({ kernels, output }) => layerOf(given[output], given[kernels])).filter(Boolean);
  };
}

/* A layer with this output (n, filters, h, w) and these kernels (filters, inputs, rows, columns), tensors of floats, as a
   document; null if it is not of this form. */
export function layerOf(output, kernels) {
  if (!isShown(output, LARGEST_MAP) || !isShown(kernels, LARGEST_KERNEL) || output.dims[1] !== kernels.dims[0]) return null;
  const [, filters, height, width] = output.dims;
  const [, inputs, rows, columns] = kernels.dims;
  const valuesOf = (filter) => Array.from(output.data.subarray(filter * height * width, (filter + 1) * height * width), positive);
  const values = Array.from({ length: filters }, (_, filter) => valuesOf(filter));
  const chosen = highest(values.map((map) => Math.max(...map)), MAPS);
  const most = Math.max(1e-9, ...chosen.map((filter) => Math.max(...values[filter])));
  const maps = chosen.map((filter) => {
    const own = kernelsOf(kernels.data, filter, inputs, rows * columns);
    const image = btoa(String.fromCharCode(...values[filter].map((value) => Math.round((value * 255) / most))));
    return { filter, image, channels: own.map(({ channel }) => channel), kernels: own.map(({ weights }) => weights) };
  });
  return { filters, inputs, height, width, kernel: [rows, columns], maps };
}

const positive = (value) => (Number.isFinite(value) ? Math.max(0, value) : 0);

function isShown({ dims, data }, side) {
  return dims.length === 4 && data.length > 0 && Math.max(dims[2], dims[3]) <= side;
}

/* Where the highest numbers are, in their order. */
function highest(numbers, count) {
  const order = [...numbers.keys()].sort((a, b) => numbers[b] - numbers[a]);
  return order.slice(0, count).sort((a, b) => a - b);
}

/* The kernels of a filter that matter most, by their norm. */
function kernelsOf(weights, filter, inputs, size) {
  const all = Array.from({ length: inputs }, (_, channel) => {
    const start = (filter * inputs + channel) * size;
    return { channel, weights: Array.from(weights.subarray(start, start + size)) };
  });
  const norms = all.map((one) => one.weights.reduce((sum, weight) => sum + weight * weight, 0));
  return highest(norms, KERNELS).map((channel) => all[channel]);
}
