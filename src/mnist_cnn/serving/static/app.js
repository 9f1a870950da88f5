/* Takes drawings and images, requests predictions, and shows them. Knows nothing about who predicts, or how.

   From top to bottom: state; drawing; opening images; requests; the predictions; one digit; corrections; and the event
   listeners that connect user actions to all of it. */

import { SLOW, askForCard, askForLayers, askForReading, askForReasons, giveToken, hasToken, ready } from "./asking.js";
import { EXAMPLES, paintPhoto } from "./examples.js";
import { showLayers } from "./layers.js";

const PAPER = { width: 480, height: 360 }; // of a drawing as sent, whatever the screen: predictions do not depend on the device
const ERASER = 2.5; // times as wide as the pen
const ERASER_END = 5; // the button of a pen that is turned round
const LONGEST = 1600; // pixels: the reader shrinks larger images
const LARGEST_UPLOAD = 10_000_000; // bytes: the server's limit
const LABELLED = 6; // digits in a row: with more there is no room for the confidence of each
const INTERVAL = 40; // milliseconds between two requests while drawing
const PATIENCE = 30_000; // milliseconds until a request is given up
const SETTLED = 300; // milliseconds without a change until an explanation is requested
const WATCHED_AFTER = 150; // milliseconds without a change until the layers of the network are shown
const [WIDE, LOW] = [1.25, 0.15]; // a box so many times as wide as high may have several digits in it; one so low, of the sheet, is small
const MOST_GUESSES = 8; // digits in a guess
const SAID_AFTER = 800; // milliseconds without a change until a screen reader announces the result

const element = Object.fromEntries([...document.querySelectorAll("[id]")].map((one) => [one.id, one]));

function make(name, { attributes = {}, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/* State. A sheet is never changed, only followed by another, so undo goes back to the previous one. */

let sheet = { strokes: [], image: null };
const earlier = [];
const later = []; // sheets that were undone
let stroke = null; // the one being drawn: its pointer, its points and whether it erases
let sheets = 0; // counts unrelated sheets; answers about older ones are dropped
let version = 0; // counts every change, also each point of a stroke
let answer = null; // the newest reading
let selected = 0; // index of the digit shown
let pickedByHand = false; // by default the one with the lowest confidence is shown
const kept = []; // corrections

function replaceSheet(next, how) {
  earlier.push(sheet);
  later.length = 0;
  putSheet(next, how);
}

function undo() {
  goTo(earlier, later);
}

function redo() {
  goTo(later, earlier);
}

function goTo(from, to) {
  if (!from.length) return;
  to.push(sheet);
  putSheet(from.pop());
}

function putSheet(next, { related = false } = {}) {
  sheet = next;
  if (!related) forgetReading();
  showSheet();
  if (sheet.image || isBlank()) showAnswer(null); // after undo the old prediction stays until the new one arrives
  changed();
}

function changed() {
  version += 1;
  readNewest();
}

const isBlank = () => !sheet.image && !sheet.strokes.length && !stroke;

/* Drawing: points become quadratic curves through the midpoints, which smooths the whole-pixel coordinates of the
   device. */

function startStroke(event) {
  const erases = element.eraser.checked || event.button === ERASER_END;
  if (stroke || sheet.image || ![0, ERASER_END].includes(event.button) || (erases && isBlank())) return;
  element.sheet.setPointerCapture(event.pointerId);
  stroke = { pointer: event.pointerId, points: [], erases };
  pickedByHand = false;
  closeCorrection();
  extendStroke(event);
}

function extendStroke(event) {
  const parts = event.getCoalescedEvents?.() ?? [];
  for (const part of parts.length ? parts : [event]) addPoint(stroke, part);
  showTools();
  requestAnimationFrame(repaint);
  changed();
}

function addPoint({ points, erases }, event) {
  const bounds = element.canvas.getBoundingClientRect();
  const scale = PAPER.width / bounds.width;
  const last = points.at(-1);
  const x = (event.clientX - bounds.left) * scale;
  const y = (event.clientY - bounds.top) * scale;
  if (last && Math.hypot(x - last.x, y - last.y) < 0.5) return;
  // Only pens report pressure; it is smoothed, or the edge of the line would be ragged.
  const usual = element.pen.valueAsNumber * (erases ? ERASER : 1);
  const pressed = event.pointerType === "pen" ? usual * (0.55 + 0.9 * event.pressure) : usual;
  points.push({ x, y, width: last ? 0.7 * last.width + 0.3 * pressed : pressed });
}

function endStroke() {
  const { points, erases } = stroke;
  stroke = null;
  replaceSheet({ strokes: [...sheet.strokes, { points, erases }], image: null }, { related: true });
  wake(); // from the pause between two requests
}

const middle = (a, b) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });

/* A path continues until the width changes, because the soft edges of two paths show where they meet. */
function paintStroke(context, { points, erases }, { ink, paper }) {
  context.strokeStyle = erases ? paper : ink;
  let from = points[0];
  let width = 0;
  points.forEach((point, index) => {
    const next = points[index + 1];
    if (Math.abs(point.width - width) > 0.5) {
      if (width) context.stroke();
      width = context.lineWidth = point.width;
      context.beginPath();
      context.moveTo(from.x, from.y);
    }
    from = next ? middle(point, next) : point;
    context.quadraticCurveTo(point.x, point.y, from.x, from.y);
  });
  context.stroke();
}

function paintStrokes(context, strokes, colours) {
  Object.assign(context, { lineCap: "round", lineJoin: "round" });
  for (const one of strokes) paintStroke(context, one, colours);
}

function paperContext(canvas, paper) {
  const context = canvas.getContext("2d");
  const scale = canvas.width / PAPER.width;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.fillStyle = paper;
  context.fillRect(0, 0, PAPER.width, PAPER.height);
  return context;
}

function fitCanvas() {
  const { canvas } = element;
  canvas.width = Math.round(canvas.clientWidth * devicePixelRatio) || PAPER.width;
  canvas.height = Math.round((canvas.width * PAPER.height) / PAPER.width);
  repaint();
}

function repaint() {
  const colours = { ink: getComputedStyle(element.canvas).color, paper: getComputedStyle(element.sheet).backgroundColor };
  const context = paperContext(element.canvas, colours.paper);
  if (isBlank()) context.clearRect(0, 0, PAPER.width, PAPER.height); // what is to be written shows through
  paintStrokes(context, allStrokes(), colours);
}

const allStrokes = () => (stroke ? [...sheet.strokes, stroke] : sheet.strokes);

/* The drawing as a PNG, dark on white, also in dark mode. */
function drawingAsPng() {
  const canvas = make("canvas", PAPER);
  paintStrokes(paperContext(canvas, "#fff"), allStrokes(), { ink: "#111", paper: "#fff" });
  return asPng(canvas);
}

/* A canvas as a PNG. `toBlob` waits until the browser is idle, in Chromium up to a second. */
function asPng(canvas) {
  const characters = atob(canvas.toDataURL("image/png").split(",")[1]);
  return new Blob([Uint8Array.from(characters, (character) => character.charCodeAt(0))], { type: "image/png" });
}

/* Opening images. The server gets the file unchanged, so that predictions equal those of the command line; a
   correction stores a copy without metadata, such as where a photo was taken. */

async function openImage(file) {
  const began = sheets;
  const url = URL.createObjectURL(file);
  const size = await sizeOf(url);
  const sent = size && file.size > LARGEST_UPLOAD ? await copyOf(file) : file;
  if (began !== sheets) return; // another image was opened meanwhile
  replaceSheet({ strokes: [], image: { file, sent, url, size } });
}

/* Width and height in pixels; null for a format that this browser cannot display, but the server may read. */
async function sizeOf(url) {
  const image = make("img", { src: url });
  await image.decode().catch(() => {});
  return image.naturalWidth ? { width: image.naturalWidth, height: image.naturalHeight } : null;
}

async function copyOf(file) {
  const bitmap = await createImageBitmap(file);
  const scale = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  const canvas = make("canvas", { width, height });
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return asPng(canvas);
}

function openFirst(files) {
  if (files?.length) openImage(files[0]);
  return Boolean(files?.length);
}

async function readingOf(image, signal) {
  const single = element.single.checked;
  const read = await askForReading(image, { single, least: leastConfidence() }, signal);
  if (digitsOf(read).length || stroke) return read;
  const guess = likeliest(read.candidates);
  if (guess.length) return asGuess(read, [guess]);
  if (sheet.image || single) return read;
  const whole = await askForReading(image, { single: true, least: leastConfidence() }, signal);
  return asGuess(whole, whole.rows);
}

/* What resembles digits most, where nothing is one probably enough: from left to right, without overlaps. */
function likeliest(candidates) {
  const apart = (a, b) => a.left + a.width <= b.left || b.left + b.width <= a.left;
  const taken = [];
  for (const one of candidates) if (taken.every(({ box }) => apart(box, one.box))) taken.push(one);
  return taken.slice(0, MOST_GUESSES).sort((a, b) => a.box.left - b.box.left);
}

function asGuess(read, rows) {
  const unsure = rows.map((row) => row.map((digit) => ({ ...digit, digit: null })));
  return { ...read, rows: unsure, marks: rows.map(() => []), text: unsure.map((row) => "?".repeat(row.length)).join("\n"), guessed: true };
}

const leastConfidence = () => element.least.valueAsNumber / 100;

/* Requests: one at a time, always for the newest state. While a stroke is drawn, answers for its earlier points are also
   shown; answers for another sheet are dropped. */

let reading = false;
let readVersion = 0;
let tries = 0;
let abort = new AbortController();
let wake = () => {};

async function readNewest() {
  if (reading || !element["token-form"].hidden) return;
  reading = true;
  while (readVersion !== version) {
    const about = { sheets, version };
    try {
      await readOnce(about);
    } catch (problem) {
      if (about.sheets === sheets) await cope(problem, about);
    }
    if (stroke) await pause(INTERVAL);
  }
  reading = false;
  settled();
}

async function readOnce(about) {
  await ready;
  abort = new AbortController();
  const tooLong = setTimeout(() => abort.abort(), PATIENCE);
  const { signal } = abort;
  try {
    const image = isBlank() ? null : (sheet.image?.sent ?? drawingAsPng());
    const read = image && (await readingOf(image, signal));
    if (about.sheets !== sheets) return;
    tries = 0;
    readVersion = about.version;
    showTrouble("");
    showAnswer(read);
  } finally {
    clearTimeout(tooLong);
  }
}

/* Temporary problems are retried; others are shown until something changes. */
async function cope(problem, about) {
  const slow = problem.name === "AbortError";
  const message = slow ? SLOW : problem.message;
  if (problem.status === 401) return askForToken(about);
  if (!slow && !problem.passing) return giveUp(message, about);
  tries += 1;
  // The first retries are silent: a busy server usually recovers before anyone notices.
  if (!problem.status || tries > 2) showTrouble(`${message} Retrying …`);
  await pause(Math.max(problem.after ?? 0, Math.min(8000, 500 * 2 ** tries)));
}

function giveUp(message, about) {
  readVersion = about.version;
  showTrouble(message);
  showAnswer(null);
}

function pause(milliseconds) {
  return new Promise((done) => {
    const timer = setTimeout(done, milliseconds);
    wake = () => (clearTimeout(timer), done());
  });
}

function askForToken(about) {
  giveUp(hasToken() ? "The server rejected this token." : "This server requires an access token.", about);
  element["token-form"].hidden = false;
  element.token.focus();
}

function useToken(event) {
  event.preventDefault();
  giveToken(element.token.value.trim());
  element["token-form"].hidden = true;
  element.token.value = "";
  showModel();
  changed();
}

function forgetReading() {
  sheets += 1;
  abort.abort();
  wake();
  answer = null;
  pickedByHand = false;
  tries = 0;
  closeCorrection();
}

/* The predictions. */

const digitsOf = (one) => one?.rows.flat() ?? [];
const textOf = (one) => one.rows.map((row) => row.map((digit) => digit.most_probable).join("")).join("/");
const isRejected = (digit) => digit.digit === null;
const percent = (share) => `${(100 * share).toFixed(2)}%`;

function showAnswer(next) {
  answer = next;
  const digits = digitsOf(answer);
  if (!pickedByHand || !(selected in digits)) selected = leastConfident(digits);
  showNumber();
  showVerdict();
  showBoxes();
  showDetail();
}

function leastConfident(digits) {
  const confidences = digits.map((digit) => digit.confidence);
  return Math.max(0, confidences.indexOf(Math.min(...confidences)));
}

function showSheet() {
  const { image } = sheet;
  element.canvas.hidden = Boolean(image);
  element.image.hidden = !image?.size;
  element.unshown.hidden = !image || Boolean(image.size);
  if (image) element.image.src = image.url;
  element.sheet.classList.toggle("image", Boolean(image));
  showAspect(image?.size ?? PAPER);
  element.boxes.replaceChildren();
  showTools();
  fitCanvas();
}

function showAspect({ width, height }) {
  element.sheet.style.setProperty("--aspect", width / height);
}

function showTools() {
  element.ghost.classList.toggle("gone", !isBlank());
  element.clear.disabled = isBlank();
  element.undo.disabled = !earlier.length || Boolean(stroke);
  element.redo.disabled = !later.length || Boolean(stroke);
}

function showNumber() {
  const rows = answer?.rows ?? [];
  const hadFocus = element.number.contains(document.activeElement);
  element.prompt.classList.toggle("read", rows.length > 0);
  element.prompt.textContent = promptOf();
  element.number.hidden = !rows.length;
  const marks = answer?.marks ?? [];
  const longest = Math.max(...rows.map((row, at) => row.length + marks[at].length / 2)); // marks are narrow
  element.number.classList.toggle("several", digitsOf(answer).length > 1);
  element.number.classList.toggle("labelled", digitsOf(answer).length > 1 && longest <= LABELLED);
  element.number.style.setProperty("--rows", rows.length);
  element.number.style.setProperty("--longest", longest);
  let index = 0;
  const rowOf = (tabs) => make("div", { attributes: { role: "presentation" } }, ...tabs);
  const shown = (row, at) => between(row.map((digit) => tabOf(digit, index++)), marks[at], markOf);
  element.number.replaceChildren(...rows.map((row, at) => rowOf(shown(row, at))));
  showSelection();
  if (hadFocus) element.number.querySelector("[aria-selected=true]")?.focus();
}

function promptOf() {
  if (digitsOf(answer).length) return `Predicted: ${answer.text.replaceAll("\n", " / ")}`;
  if (answer && !stroke) return "No digit recognised";
  if (!sheet.image) return "Write a number";
  return element.trouble.textContent ? "No result" : "Recognising …";
}

/* What stands for the digits of a row, with what stands for the marks between them. */
function between(digits, marks, shownAs) {
  const before = (index) => marks.filter(({ after }) => after === index).map(shownAs);
  return [...digits.flatMap((digit, index) => [...before(index), digit]), ...before(digits.length)];
}

const markOf = ({ text }) => make("span", { className: "mark", textContent: text, attributes: { "aria-hidden": "true" } });

function tabOf(digit, index) {
  const attributes = { role: "tab", "aria-controls": "detail", "aria-label": nameOf(digit) };
  const properties = { type: "button", id: `digit-${index}`, textContent: digit.digit ?? "?" };
  const made = make("button", { ...properties, className: isRejected(digit) ? "rejected" : "", attributes });
  made.dataset.confidence = percent(digit.confidence);
  return made;
}

function nameOf(digit) {
  return isRejected(digit) ? `rejected, ${candidates(digit)}` : `${digit.digit}, ${percent(digit.confidence)} confidence`;
}

/* The two most probable digits. */
function candidates({ probabilities }, { bare = false } = {}) {
  const order = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]);
  return order.slice(0, 2).map((digit) => (bare ? digit : `${digit} (${percent(probabilities[digit])})`)).join(" or ");
}

function showVerdict() {
  element.verdict.textContent = verdictOf(answer);
  element.verdict.classList.toggle("rejected", digitsOf(answer).some(isRejected));
  element.wrong.hidden = !answer || !element.correction.hidden;
  element.copy.hidden = !digitsOf(answer).length;
}

function verdictOf(read) {
  if (!read) return isBlank() ? "Use a mouse, finger or pen, or drop, paste or open an image." : "";
  const digits = digitsOf(read);
  const others = read.pages > 1 ? ` Only the first of ${read.pages} pages is read.` : "";
  if (!digits.length) return `${stroke ? "" : adviceOn(null, read)}${others}`;
  const several = digits.length > 1;
  if (read.guessed) {
    const guess = several ? digits.map((digit) => digit.most_probable).join(" ") : candidates(digits[0]);
    return `Perhaps ${guess}? ${adviceOn(digits[0], read)}${others}`;
  }
  const rejected = digits.findIndex(isRejected);
  if (rejected >= 0) {
    const advice = isOdd(digits[rejected], read) ? ` ${adviceOn(digits[rejected], read)}` : "";
    return `${several ? `Digit ${rejected + 1} rejected` : "Rejected"}: ${candidates(digits[rejected])}?${advice}${others}`;
  }
  const least = percent(digits[leastConfident(digits)].confidence);
  return `${several ? "Lowest confidence" : "Confidence"}: ${least}${others ? `.${others}` : ""}`;
}

const isWide = ({ box }) => box.width > WIDE * box.height;
const isOdd = (digit, { height }) => isWide(digit) || digit.box.height < LOW * height;

/* What to do where there is no sure digit: people join digits, and write small. */
function adviceOn(digit, read) {
  if (digit && isWide(digit)) return "Several digits? Leave a gap between them.";
  if (!sheet.image) return digit && !isOdd(digit, read) ? "Write more clearly." : "Write larger.";
  return "Crop the image to the digits, or take the photo from closer.";
}

async function copyText() {
  const { text } = answer;
  const isCopied = await navigator.clipboard?.writeText(text).then(() => true, () => false);
  if (!isCopied) copyByHand(text);
  element.copy.textContent = "Copied";
  say("Copied.");
  setTimeout(() => (element.copy.textContent = "Copy"), 2000);
}

/* Without HTTPS, browsers offer no clipboard to a page but that of localhost. */
function copyByHand(text) {
  const field = make("textarea", { value: text, className: "unseen" });
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

function showBoxes() {
  if (!answer) return element.boxes.replaceChildren();
  if (!sheet.image?.size && sheet.image) showAspect(answer);
  element.boxes.replaceChildren(...digitsOf(answer).map((digit) => boxOf(digit)));
  showSelection();
}

function boxOf(digit) {
  const box = make("div", { className: isRejected(digit) ? "rejected" : "" });
  for (const side of ["left", "width"]) box.style[side] = `${(100 * digit.box[side]) / answer.width}%`;
  for (const side of ["top", "height"]) box.style[side] = `${(100 * digit.box[side]) / answer.height}%`;
  return box;
}

/* A screen reader announces the predictions once they are stable. */
let saying = 0;

function say(sentence) {
  clearTimeout(saying);
  saying = setTimeout(() => (element.said.textContent = sentence), SAID_AFTER);
}

function sentenceOf(read) {
  if (!digitsOf(read).length) return read ? `No digit recognised. ${verdictOf(read)}` : "";
  const said = (digit) => (isRejected(digit) ? "rejected" : digit.digit);
  const rows = read.rows.map((row, at) => between(row.map(said), read.marks[at], ({ text }) => text).join(" "));
  return `Predicted: ${rows.join("; ")}. ${verdictOf(read)}`;
}

function showTrouble(sentence) {
  if (element.trouble.textContent !== sentence) element.trouble.textContent = sentence;
}

/* One digit: the model input, the class probabilities and the explanation. */

function select(index) {
  if (!(index in digitsOf(answer))) return;
  pickedByHand = true;
  if (index === selected) return;
  selected = index;
  showSelection();
  showDetail();
  explainSoon();
}

function showSelection() {
  [...element.boxes.children].forEach((box, index) => box.classList.toggle("selected", index === selected));
  element.number.querySelectorAll("button").forEach((tab, index) => {
    tab.setAttribute("aria-selected", index === selected);
    tab.tabIndex = index === selected ? 0 : -1;
  });
}

function showDetail() {
  const digit = digitsOf(answer)[selected];
  element.detail.hidden = !digit;
  element.intro.hidden = Boolean(answer);
  if (!digit) element.layers.hidden = true;
  if (!digit) return;
  element.detail.setAttribute("aria-labelledby", `digit-${selected}`);
  const count = digitsOf(answer).length;
  const which = count > 1 ? `Digit ${selected + 1} of ${count}: ` : "";
  const name = isRejected(digit) ? `${candidates(digit, { bare: true })}?` : `${digit.digit} (${percent(digit.confidence)})`;
  element["detail-title"].textContent = which + name;
  element["detail-title"].classList.toggle("unseen", count === 1); // the line above says it already
  element.seen.width = 28; // wipes it
  paintPixels(element.seen, inkOf(digit), "--ink");
  showBars(digit);
  showExplanation(digit);
  showLayersOf(digit);
}

/* The 784 pixels of the model input, from 0 (background) to 1 (ink). */
const inkOf = (digit) => Array.from(atob(digit.image), (character) => character.charCodeAt(0) / 255);

function paintPixels(canvas, opacities, colour) {
  const context = canvas.getContext("2d");
  context.fillStyle = getComputedStyle(canvas).getPropertyValue(colour);
  opacities.forEach((opacity, index) => {
    context.globalAlpha = opacity;
    context.fillRect(index % 28, Math.floor(index / 28), 1, 1);
  });
}

function showBars(digit) {
  const className = isRejected(digit) ? "most rejected" : "most";
  const rows = digit.probabilities.map((share, index) => {
    const words = make("span", { textContent: percent(share) });
    const bar = make("div", { className: "bar" }, make("i"), words);
    bar.style.setProperty("--share", share);
    const head = make("th", { scope: "row", textContent: index });
    return make("tr", { className: index === digit.most_probable ? className : "" }, head, make("td", {}, bar));
  });
  element.bars.tBodies[0].replaceChildren(...rows);
}

/* What the network makes of it, and then the explanation, are requested once nothing changes any more: an explanation
   costs as much as hundreds of predictions. */
const explanations = new Map(); // by image
const watched = new Map(); // by image
let [settling, watching] = [0, 0];

function settled() {
  say(sentenceOf(answer));
  explainSoon();
}

function explainSoon() {
  clearTimeout(watching);
  clearTimeout(settling);
  watching = setTimeout(() => learn(watched, askForLayers, showLayersOf), WATCHED_AFTER);
  settling = setTimeout(() => learn(explanations, askForReasons, showExplanation), SETTLED);
}

/* Ask about the digit that is shown, unless that is known already. */
async function learn(known, ask, show) {
  const digit = digitsOf(answer)[selected];
  if (!digit || stroke || known.has(digit.image)) return;
  const learnt = await ask(digit.image).catch(() => null);
  if (!learnt) return; // the prediction stands without it
  if (known.size > 100) known.clear();
  known.set(digit.image, learnt);
  if (digitsOf(answer)[selected]?.image === digit.image) show(digit);
}

/* Until the layers of this digit are known, those of the last one stay. */
function showLayersOf({ image }) {
  const layers = watched.get(image)?.layers;
  if (!layers) return;
  element.layers.hidden = !layers.length;
  if (layers.length) showLayers(layers);
}

function showExplanation(digit) {
  const explained = explanations.get(digit.image);
  if (!explained) return forgetExplanation();
  showChange(digit, explained);
  showNeighbours(explained.neighbours);
  const importance = explained.importance.flat();
  const most = Math.max(1e-9, ...importance.map(Math.abs));
  const strength = (sign) => importance.map((value) => (0.92 * Math.max(0, sign * value)) / most);
  element.looked.width = 28;
  paintPixels(element.looked, inkOf(digit).map((ink) => 0.3 * ink), "--ink");
  paintPixels(element.looked, strength(1), "--wrong");
  paintPixels(element.looked, strength(-1), "--right");
  element.looked.setAttribute("aria-label", `Strongest evidence for ${explained.digit}: ${whereMost(importance)}`);
}

function whereMost(importance) {
  const index = importance.indexOf(Math.max(...importance));
  const across = ["left", "centre", "right"][Math.floor((index % 28) / 9.4)];
  return `${["top", "middle", "bottom"][Math.floor(index / 28 / 9.4)]} ${across}`;
}

function forgetExplanation() {
  for (const canvas of [element.looked, element.changed]) {
    canvas.width = 28; // wipes it
    canvas.setAttribute("aria-label", "Not computed yet");
  }
  element.change.textContent = "";
  showNeighbours(Array(3).fill({ digit: "\u2007", image: "" })); // their places
}

/* A small change that makes it the runner-up: added ink in one colour, removed ink faintly in another. */
function showChange(digit, { counterfactual: change, runner_up: other }) {
  element.changed.width = 28;
  element.changed.setAttribute("aria-label", change ? `Counterfactual, predicted as ${other}` : "No counterfactual found");
  if (!change) {
    paintPixels(element.changed, inkOf(digit).map((ink) => 0.3 * ink), "--ink");
    element.change.textContent = `No small change makes it ${other}`;
    return;
  }
  const [ink, removed, added] = [digit.image, change.removed, change.added].map((image) => inkOf({ image }));
  paintPixels(element.changed, ink.map((share, index) => share - removed[index]), "--ink");
  paintPixels(element.changed, removed.map((share) => 0.35 * share), "--wrong");
  paintPixels(element.changed, added, "--right");
  const parts = [];
  if (Math.max(...added)) parts.push(make("span", { className: "against", textContent: "this ink is added" }));
  if (Math.max(...removed)) parts.push(make("span", { className: "for", textContent: "this ink is removed" }));
  if (parts.length > 1) parts.splice(1, 0, " and ");
  element.change.replaceChildren(`Becomes ${other} (${percent(change.probabilities[other])}) if `, ...parts);
}

function showNeighbours(neighbours) {
  const canvases = neighbours.map(() => make("canvas", { width: 28, height: 28, attributes: { "aria-hidden": "true" } }));
  element.neighbours.replaceChildren(...canvases.map((canvas, index) => make("span", {}, canvas, neighbours[index].digit)));
  canvases.forEach((canvas, index) => paintPixels(canvas, inkOf(neighbours[index]), "--ink")); // once it is on the page, which sets its colour
}

/* Corrections are stored in the memory of this tab. */

function openCorrection() {
  element.correction.hidden = false;
  element.wrong.hidden = true;
  element.label.value = textOf(answer);
  // The numeric keyboard of some phones has no slash.
  element.label.inputMode = answer.rows.length > 1 ? "text" : "numeric";
  element.label.focus();
  element.label.select();
}

function closeCorrection() {
  element.correction.hidden = true;
  element.wrong.hidden = !answer;
}

async function keepCorrection(event) {
  event.preventDefault();
  const label = element.label.value.replace(/\s+/g, "").split("/").filter(Boolean).join("/");
  const about = { sheet, label, read: textOf(answer), kind: sheet.image ? "photo" : "drawing", downloaded: false };
  const blob = await imageToKeep();
  const same = kept.findIndex((one) => one.sheet === about.sheet); // corrected once more
  kept.splice(same < 0 ? kept.length : same, 1, { ...about, blob, url: URL.createObjectURL(blob) });
  closeCorrection();
  showKept();
  say(`Saved as ${label}. ${element.download.textContent}.`);
  element.wrong.focus();
}

function imageToKeep() {
  if (!sheet.image) return drawingAsPng();
  return sheet.image.size ? copyOf(sheet.image.file) : sheet.image.file;
}

function showKept() {
  element.corrections.hidden = !kept.length;
  element.kept.replaceChildren(...kept.map(keptItem));
  element.download.textContent = `Download ${kept.length === 1 ? "1 image" : `${kept.length} images`}`;
}

function keptItem(correction) {
  const { label, read, url, kind } = correction;
  const image = make("img", { src: url, alt: `Image of ${label}` });
  const words = make("span", {}, make("b", { textContent: label }), ` predicted as ${read || "nothing"}`);
  const attributes = { "aria-label": `Remove the image of ${label}` };
  const remove = make("button", { type: "button", className: "plain", textContent: "Remove", attributes });
  on(remove, "click", () => removeCorrection(correction));
  return make("li", { className: kind }, image, words, remove);
}

function removeCorrection(correction) {
  kept.splice(kept.indexOf(correction), 1);
  URL.revokeObjectURL(correction.url);
  showKept();
  (kept.length ? element.download : element.open).focus();
}

async function downloadKept() {
  const rows = ["path,label,source,kind,layout"];
  const files = [];
  for (const [index, one] of kept.entries()) {
    const name = fileName(one, index);
    rows.push([name, one.label, "page", one.kind, layoutOf(one.label)].join(","));
    files.push({ name, bytes: new Uint8Array(await one.blob.arrayBuffer()) });
  }
  files.push({ name: "labels.csv", bytes: new TextEncoder().encode(`${rows.join("\n")}\n`) });
  const url = URL.createObjectURL(zip(files, new Date()));
  make("a", { href: url, download: "corrected-digits.zip" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // by then it has been saved
  for (const one of kept) one.downloaded = true;
}

function fileName(correction, index) {
  const named = correction.blob.name?.match(/\.[a-z0-9]+$/i); // a file that the browser could not convert to PNG
  return `${correction.kind}-${String(index + 1).padStart(3, "0")}${named ?? ".png"}`;
}

function layoutOf(label) {
  if (label.includes("/")) return "rows";
  return label.length > 1 ? "line" : "single";
}

/* A zip file without compression (APPNOTE.TXT 6.3, sections 4.3.7, 4.3.12, 4.3.16). */
function zip(files, now) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const { name, bytes } of files) {
    const path = new TextEncoder().encode(name);
    const sizes = [[4, checksum(bytes)], [4, bytes.length], [4, bytes.length], [2, path.length], [2, 0]];
    const facts = [[2, 20], [2, 0x800], [2, 0], ...dosTime(now), ...sizes]; // version, names in UTF-8, stored
    const place = [[2, 0], [2, 0], [2, 0], [4, 0], [4, offset]];
    parts.push(littleEndian([[4, 0x04034b50], ...facts]), path, bytes);
    directory.push(littleEndian([[4, 0x02014b50], [2, 20], ...facts, ...place]), path);
    offset += 30 + path.length + bytes.length;
  }
  const length = new Blob(directory).size;
  const counts = [[2, 0], [2, 0], [2, files.length], [2, files.length], [4, length], [4, offset], [2, 0]];
  return new Blob([...parts, ...directory, littleEndian([[4, 0x06054b50], ...counts])], { type: "application/zip" });
}

function littleEndian(fields) {
  const bytesOf = ([size, value]) => Array.from({ length: size }, (_, place) => (value >>> (8 * place)) & 255);
  return Uint8Array.from(fields.flatMap(bytesOf));
}

function dosTime(now) {
  const date = ((now.getFullYear() - 1980) << 9) | ((now.getMonth() + 1) << 5) | now.getDate();
  return [[2, (now.getHours() << 11) | (now.getMinutes() << 5) | (now.getSeconds() >> 1)], [2, date]];
}

/* CRC-32 as in ZIP and PNG. */
function checksum(bytes) {
  let sum = -1;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (0xedb88320 & -(sum & 1));
  }
  return ~sum;
}

/* The model, and examples to start with. */

async function showModel() {
  const { recipe, data, evaluation } = await askForCard().catch(() => ({}));
  if (!recipe) return; // a bare .onnx file has no model card, or the server wants a token first
  const images = data.name === "mnist" ? "MNIST's test images" : `the test images of ${data.name}`;
  element.model.textContent = `Model: ${recipe.name}, ${percent(evaluation.accuracy)} on ${images}`;
  element.card.hidden = false;
}

/* A link cannot send a token, so behind one the model card is opened from here. */
async function openCard(event) {
  if (!hasToken()) return;
  event.preventDefault();
  const text = JSON.stringify(await askForCard(), null, 2);
  open(URL.createObjectURL(new Blob([text], { type: "application/json" })));
}

function buttonOf(example) {
  const canvas = make("canvas", { width: 96, height: 72, attributes: { "aria-hidden": "true" } });
  const button = make("button", { type: "button", title: example.name, attributes: { "aria-label": `Example: ${example.name}` } }, canvas);
  if (example.scene) paintScene(canvas, example);
  else paintStrokes(paperContext(canvas, "#fff"), example.strokes, { ink: "#111", paper: "#fff" });
  on(button, "click", () => openExample(example));
  return button;
}

function openExample(example) {
  if (!example.scene) return replaceSheet({ strokes: example.strokes, image: null });
  const canvas = make("canvas", { width: 2 * PAPER.width, height: 2 * PAPER.height });
  paintScene(canvas, example);
  openImage(new File([asPng(canvas)], "example.png", { type: "image/png" }));
}

function paintScene(canvas, { scene, strokes }) {
  paintPhoto(canvas, scene, PAPER, (context, ink) => paintStrokes(context, strokes, { ink, paper: "" }));
}

/* User actions. */

function digitUnder(event) {
  if (!answer) return -1;
  const bounds = element.sheet.getBoundingClientRect();
  const x = ((event.clientX - bounds.left) * answer.width) / bounds.width;
  const y = ((event.clientY - bounds.top) * answer.height) / bounds.height;
  const inside = (from, length, at) => at >= from && at < from + length;
  return digitsOf(answer).findIndex(({ box }) => inside(box.left, box.width, x) && inside(box.top, box.height, y));
}

const indexOfTab = (event) => [...element.number.querySelectorAll("button")].indexOf(event.target.closest?.("button"));

/* Left and right move through all digits, up and down to the same position in the row above or below. */
function moveThroughDigits(event) {
  const rows = answer?.rows ?? [];
  const starts = rows.map((_, row) => rows.slice(0, row).flat().length);
  const row = starts.findLastIndex((start) => start <= selected);
  const inRow = (next) => starts[next] + Math.min(selected - starts[row], rows[next]?.length - 1);
  const across = { ArrowLeft: selected - 1, ArrowRight: selected + 1, Home: 0, End: rows.flat().length - 1 };
  const targets = { ...across, ArrowUp: inRow(row - 1), ArrowDown: inRow(row + 1) };
  if (!(event.key in targets)) return;
  event.preventDefault();
  select(targets[event.key]);
  element.number.querySelector("[aria-selected=true]")?.focus();
}

function shortcut(event) {
  if (event.target.matches("input:not([type=checkbox], [type=range])")) return;
  if (!(event.ctrlKey || event.metaKey) || stroke) return;
  const pressed = `${event.shiftKey ? "shift+" : ""}${event.key.toLowerCase()}`;
  const act = { z: undo, "shift+z": redo, y: redo }[pressed];
  if (!act) return;
  event.preventDefault();
  act();
}

function on(target, types, act) {
  for (const type of types.split(" ")) target.addEventListener(type, act);
}

on(element.sheet, "pointerdown", (event) => (sheet.image ? select(digitUnder(event)) : startStroke(event)));
on(element.sheet, "pointermove", (event) => {
  if (stroke?.pointer === event.pointerId) extendStroke(event);
  else if (!stroke && event.pointerType === "mouse") select(digitUnder(event));
});
on(element.sheet, "pointerup pointercancel", (event) => stroke?.pointer === event.pointerId && endStroke());
on(element.number, "click pointerover focusin", (event) => select(indexOfTab(event)));
on(element.number, "keydown", moveThroughDigits);

on(element.undo, "click", undo);
on(element.redo, "click", redo);
on(element.clear, "click", () => replaceSheet({ strokes: [], image: null }));
on(element.open, "click", () => element.file.click());
on(element.photograph, "click", () => element.photo.click());
for (const input of [element.file, element.photo]) {
  on(input, "change", () => {
    openFirst(input.files);
    input.value = ""; // so that the same file can be chosen again
  });
}
on(document, "paste", (event) => openFirst(event.clipboardData?.files) && event.preventDefault());
on(document, "dragover", (event) => {
  event.preventDefault();
  element.sheet.classList.add("over");
});
on(document, "dragleave drop", () => element.sheet.classList.remove("over"));
on(document, "drop", (event) => {
  event.preventDefault();
  openFirst(event.dataTransfer.files);
});

on(element.pen, "input", () => (element["pen-shown"].textContent = element.pen.value));
on(element.eraser, "change", () => element.sheet.classList.toggle("erasing", element.eraser.checked));
on(element.copy, "click", copyText);
on(element.card, "click", openCard);
on(element.single, "change", changed);
on(element.least, "input", () => {
  element["least-shown"].textContent = `${element.least.value}%`;
  if (!isBlank()) changed();
});
on(element.wrong, "click", openCorrection);
on(element.correction, "submit", keepCorrection);
on(element.correction, "keydown", (event) => event.key === "Escape" && element.cancel.click());
on(element.cancel, "click", () => {
  closeCorrection();
  element.wrong.focus();
});
on(element.download, "click", downloadKept);
on(element["token-form"], "submit", useToken);
on(document, "keydown", shortcut);
on(window, "online", () => wake());
on(window, "beforeunload", (event) => kept.some((one) => !one.downloaded) && event.preventDefault());
on(matchMedia("(prefers-color-scheme: dark)"), "change", () => (repaint(), showDetail()));
new ResizeObserver(fitCanvas).observe(element.sheet);
element.examples.append(...EXAMPLES.map(buttonOf));
showSheet();
showModel();
ready.catch((problem) => showTrouble(problem.message));
