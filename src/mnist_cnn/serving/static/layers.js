/* Shows what each layer of the network makes of a digit: a strip of feature maps, and the filter behind one of them. */

const ACROSS = 4; // feature maps of a layer beside each other
const GAP = 1; // pixels between them, where the chosen one is framed

const [strip, filterMap, kernels, words] = ["strip", "filter-map", "kernels", "filter-text"].map((id) => document.getElementById(id));

let layers = [];
let chosen = { layer: 0, map: 0 };

/* Takes layers as `/v1/activations` gives them. */
export function showLayers(next) {
  const isSame = next.length === layers.length;
  layers = next;
  if (!isSame) {
    chosen = { layer: 0, map: 0 };
    strip.replaceChildren(...layers.map(figureOf));
  }
  layers.forEach(paintLayer);
  showFilter();
}

function figureOf({ filters, kernel, height, width }, index) {
  const [figure, canvas, caption] = ["figure", "canvas", "figcaption"].map((name) => document.createElement(name));
  const name = `Layer ${index + 1}`;
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${name}: feature maps. The arrow keys choose one.`);
  canvas.setAttribute("aria-describedby", words.id);
  canvas.addEventListener("pointermove", (event) => choose(index, mapUnder(event, index)));
  canvas.addEventListener("pointerdown", (event) => choose(index, mapUnder(event, index)));
  canvas.addEventListener("keydown", (event) => moveBy(event, index));
  const size = document.createElement("span");
  size.textContent = `${filters} filters ${kernel.join("×")} → ${height}×${width}`;
  caption.append(name, size);
  figure.append(canvas, caption);
  return figure;
}

function mapUnder(event, index) {
  const bounds = event.target.getBoundingClientRect();
  const { length } = layers[index].maps;
  const column = Math.floor((ACROSS * (event.clientX - bounds.left)) / bounds.width);
  const row = Math.floor((Math.ceil(length / ACROSS) * (event.clientY - bounds.top)) / bounds.height);
  return Math.min(length - 1, Math.max(0, ACROSS * row + Math.min(ACROSS - 1, column)));
}

function moveBy(event, index) {
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -ACROSS, ArrowDown: ACROSS }[event.key];
  if (!step) return;
  event.preventDefault();
  const from = chosen.layer === index ? chosen.map : -step;
  choose(index, Math.min(layers[index].maps.length - 1, Math.max(0, from + step)));
}

function choose(layer, map) {
  if (layer === chosen.layer && map === chosen.map) return;
  const before = chosen.layer;
  chosen = { layer, map };
  for (const index of new Set([before, layer])) paintLayer(layers[index], index);
  showFilter();
}

const bytesOf = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

function paintLayer({ maps, width, height }, index) {
  const canvas = strip.children[index].querySelector("canvas");
  canvas.width = ACROSS * (width + GAP) + GAP;
  canvas.height = Math.ceil(maps.length / ACROSS) * (height + GAP) + GAP;
  const places = maps.map((_, at) => [GAP + (at % ACROSS) * (width + GAP), GAP + Math.floor(at / ACROSS) * (height + GAP)]);
  const context = painted(canvas, maps.map(({ image }, at) => [bytesOf(image), width, ...places[at]]));
  if (chosen.layer !== index) return;
  const [left, top] = places[chosen.map];
  context.strokeStyle = getComputedStyle(canvas).accentColor;
  context.strokeRect(left - GAP / 2, top - GAP / 2, width + GAP, height + GAP);
}

/* Puts images onto a canvas in its colour, as opaque as their bytes say: each with its width, left and top. */
function painted(canvas, images) {
  const context = canvas.getContext("2d");
  const { data } = context.createImageData(canvas.width, canvas.height);
  for (const [bytes, width, left, top] of images) {
    bytes.forEach((value, at) => {
      data[4 * ((top + Math.floor(at / width)) * canvas.width + left + (at % width)) + 3] = value;
    });
  }
  context.putImageData(new ImageData(data, canvas.width, canvas.height), 0, 0);
  context.globalCompositeOperation = "source-in";
  context.fillStyle = getComputedStyle(canvas).color;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.globalCompositeOperation = "source-over";
  return context;
}

function showFilter() {
  const layer = layers[chosen.layer];
  const map = layer?.maps[chosen.map];
  if (!map) return;
  [filterMap.width, filterMap.height] = [layer.width, layer.height];
  painted(filterMap, [[bytesOf(map.image), layer.width, 0, 0]]);
  const highest = Math.max(1e-9, ...map.kernels.flat().map(Math.abs));
  kernels.replaceChildren(...map.kernels.map(() => document.createElement("canvas")));
  map.kernels.forEach((weights, at) => paintKernel(kernels.children[at], weights, layer.kernel, highest));
  const said = sentenceOf(layer, map);
  if (words.textContent !== said) words.textContent = said;
}

function paintKernel(canvas, weights, [rows, columns], highest) {
  [canvas.width, canvas.height] = [columns, rows];
  canvas.setAttribute("aria-hidden", "true");
  const style = getComputedStyle(canvas);
  const context = canvas.getContext("2d");
  weights.forEach((weight, at) => {
    context.fillStyle = style.getPropertyValue(weight > 0 ? "--wrong" : "--right");
    context.globalAlpha = Math.abs(weight) / highest;
    context.fillRect(at % columns, Math.floor(at / columns), 1, 1);
  });
}

function sentenceOf({ filters, inputs, kernel }, { filter, channels }) {
  const size = kernel.join("×");
  const what = inputs === 1 ? `its ${size} weights` : `its ${size} weights for ${channels.length} of ${inputs} input channels, the largest`;
  return `Layer ${chosen.layer + 1}, filter ${filter + 1} of ${filters}: where it responds, and ${what}.`;
}
