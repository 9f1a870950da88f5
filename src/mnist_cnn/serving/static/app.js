/* Takes drawings and pictures, asks what they say, and shows it. Knows nothing about who answers or how reading works.

   From top to bottom: what is kept in memory; drawing; opening pictures; reading; what was read; one digit; corrections;
   and at the end what a person does to the page, wired to all of it. */

import { SLOW, askForReading, askForReasons, giveToken, hasToken, ready } from "./asking.js";

const PAPER = { width: 480, height: 360 }; // of a drawing as it is sent, whatever the screen: it reads alike everywhere
const PEN = PAPER.height / 14; // a felt pen; six digits fit beside each other
const LONGEST = 1600; // pixels: the reader keeps no more
const LARGEST_UPLOAD = 10_000_000; // bytes that the server takes
const BREATH = 40; // milliseconds between two requests while drawing
const PATIENCE = 30_000; // milliseconds until who is silent counts as gone
const SETTLED = 300; // milliseconds without a change until explanations are asked for
const SAID_AFTER = 800; // milliseconds without a change until a screen reader is told

const element = Object.fromEntries([...document.querySelectorAll("[id]")].map((one) => [one.id, one]));

function make(name, { attributes = {}, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/* What is kept in memory. A sheet is never changed, only followed by another, so undoing is going back. */

let sheet = { strokes: [], picture: null };
const earlier = [];
let stroke = null; // the one being drawn: its pointer and its points
let sheets = 0; // counts sheets that have nothing to do with the one before; answers about older ones are dropped
let version = 0; // counts every change, each point of a stroke too
let answer = null; // the newest reading, with `refusedBelow`, the least confidence it was read with
let selected = 0; // index of the digit shown
let pickedByHand = false; // else it is the least sure one
const kept = []; // corrected pictures

function replaceSheet(next) {
  earlier.push(sheet);
  putSheet(next);
}

function undo() {
  if (earlier.length) putSheet(earlier.pop());
}

function putSheet(next, { related = false } = {}) {
  sheet = next;
  if (!related) forgetReading();
  showSheet();
  if (sheet.picture || isBlank()) showAnswer(null); // an undone stroke is read again before a person could wonder
  changed();
}

function changed() {
  version += 1;
  readNewest();
}

const isBlank = () => !sheet.picture && !sheet.strokes.length && !stroke;

/* Drawing: points become quadratic curves through the middles between them, which smooths what the device counts in
   whole pixels. */

function startStroke(event) {
  if (stroke || sheet.picture || event.button !== 0) return;
  element.sheet.setPointerCapture(event.pointerId);
  stroke = { pointer: event.pointerId, points: [] };
  pickedByHand = false;
  closeCorrection();
  extendStroke(event);
}

function extendStroke(event) {
  const parts = event.getCoalescedEvents?.() ?? [];
  for (const part of parts.length ? parts : [event]) addPoint(stroke.points, part);
  showTools();
  requestAnimationFrame(repaint);
  changed();
}

function addPoint(points, event) {
  const bounds = element.canvas.getBoundingClientRect();
  const scale = PAPER.width / bounds.width;
  const last = points.at(-1);
  const x = (event.clientX - bounds.left) * scale;
  const y = (event.clientY - bounds.top) * scale;
  if (last && Math.hypot(x - last.x, y - last.y) < 0.5) return;
  // Only pens tell pressure; it is smoothed, or the line's edge would tremble.
  const pressed = event.pointerType === "pen" ? PEN * (0.55 + 0.9 * event.pressure) : PEN;
  points.push({ x, y, width: last ? 0.7 * last.width + 0.3 * pressed : pressed });
}

function endStroke() {
  const { points } = stroke;
  stroke = null;
  earlier.push(sheet);
  putSheet({ strokes: [...sheet.strokes, points], picture: null }, { related: true });
}

const middle = (a, b) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });

/* A path goes on until the width changes: where two of them meet, their soft edges add up and show. */
function paintStroke(context, points) {
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

function penContext(canvas, colour) {
  const context = canvas.getContext("2d");
  const scale = canvas.width / PAPER.width;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  Object.assign(context, { lineCap: "round", lineJoin: "round", strokeStyle: colour });
  return context;
}

function fitCanvas() {
  const { canvas } = element;
  canvas.width = Math.round(canvas.clientWidth * devicePixelRatio) || PAPER.width;
  canvas.height = Math.round((canvas.width * PAPER.height) / PAPER.width);
  repaint();
}

function repaint() {
  const context = penContext(element.canvas, getComputedStyle(element.canvas).color);
  context.clearRect(0, 0, PAPER.width, PAPER.height);
  for (const points of allStrokes()) paintStroke(context, points);
}

const allStrokes = () => (stroke ? [...sheet.strokes, stroke.points] : sheet.strokes);

/* The drawing as a PNG: dark ink on white, also where the screen shows it light on dark. */
function drawingAsPng() {
  const canvas = make("canvas", PAPER);
  const context = penContext(canvas, "#111");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, PAPER.width, PAPER.height);
  for (const points of allStrokes()) paintStroke(context, points);
  return asPng(canvas);
}

const asPng = (canvas) => new Promise((done) => canvas.toBlob(done, "image/png"));

/* Opening pictures. The server gets the file as it is, so that it reads what the command line reads; what is kept for a
   correction is a copy without the file's other contents, such as where a photo was taken. */

async function openPicture(file) {
  const began = sheets;
  const url = URL.createObjectURL(file);
  const size = await sizeOf(url);
  const sent = size && file.size > LARGEST_UPLOAD ? await copyOf(file) : file;
  if (began !== sheets) return; // another was opened meanwhile
  replaceSheet({ strokes: [], picture: { file, sent, url, size } });
}

/* Width and height in pixels; null for a form that this browser cannot show, but the server can perhaps read. */
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
  if (files?.length) openPicture(files[0]);
  return Boolean(files?.length);
}

function readingOf(picture, signal) {
  return askForReading(picture, { single: element.single.checked, least: leastConfidence() }, signal);
}

const leastConfidence = () => element.least.valueAsNumber / 100;

/* Reading: one request at a time, always about the newest state. While a stroke is drawn, answers about its earlier
   points are shown, too; answers about another sheet are dropped. */

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
    await pause(BREATH);
  }
  reading = false;
  settled();
}

async function readOnce(about) {
  await ready;
  abort = new AbortController();
  const tooLong = setTimeout(() => abort.abort(), PATIENCE);
  const { signal } = abort;
  const refusedBelow = leastConfidence();
  try {
    const picture = isBlank() ? null : (sheet.picture?.sent ?? (await drawingAsPng()));
    const read = picture && (await readingOf(picture, signal));
    if (about.sheets !== sheets) return;
    tries = 0;
    readVersion = about.version;
    showTrouble("");
    showAnswer(read && { ...read, refusedBelow });
  } finally {
    clearTimeout(tooLong);
  }
}

/* What passes is waited for and asked again, the rest is said and left until something changes. */
async function cope(problem, about) {
  const slow = problem.name === "AbortError";
  const message = slow ? SLOW : problem.message;
  if (problem.status === 401) return askForToken(about);
  if (!slow && !problem.passing) return giveUp(message, about);
  tries += 1;
  // A busy server is waited for quietly at first: it mostly has time again before a person wonders.
  if (!problem.status || tries > 2) showTrouble(`${message} Trying again …`);
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
  giveUp(hasToken() ? "The server does not take that token." : "This server answers only those who have its token.", about);
  element["token-form"].hidden = false;
  element.token.focus();
}

function useToken(event) {
  event.preventDefault();
  giveToken(element.token.value.trim());
  element["token-form"].hidden = true;
  element.token.value = "";
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

/* What was read. */

const digitsOf = (one) => one?.rows.flat() ?? [];
const textOf = (one) => one.rows.map((row) => row.map((digit) => digit.most_probable).join("")).join("/");
const isRefused = (digit) => digit.digit === null;
const percent = (share) => (share > 0.995 ? "over 99\u00a0%" : `${Math.round(100 * share)}\u00a0%`);

function showAnswer(next) {
  answer = next;
  const digits = digitsOf(answer);
  if (!pickedByHand || !(selected in digits)) selected = leastSure(digits);
  showNumber();
  showVerdict();
  showBoxes();
  showDetail();
}

function leastSure(digits) {
  const confidences = digits.map((digit) => digit.confidence);
  return Math.max(0, confidences.indexOf(Math.min(...confidences)));
}

function showSheet() {
  const { picture } = sheet;
  element.canvas.hidden = Boolean(picture);
  element.picture.hidden = !picture?.size;
  element.unshown.hidden = !picture || Boolean(picture.size);
  if (picture) element.picture.src = picture.url;
  element.sheet.classList.toggle("picture", Boolean(picture));
  showAspect(picture?.size ?? PAPER);
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
}

function showNumber() {
  const rows = answer?.rows ?? [];
  const hadFocus = element.number.contains(document.activeElement);
  element.prompt.classList.toggle("read", rows.length > 0);
  element.prompt.textContent = promptOf();
  element.number.hidden = !rows.length;
  element.number.classList.toggle("several", digitsOf(answer).length > 1);
  element.number.style.setProperty("--rows", rows.length);
  element.number.style.setProperty("--longest", Math.max(...rows.map((row) => row.length)));
  let index = 0;
  const rowOf = (tabs) => make("div", { attributes: { role: "presentation" } }, ...tabs);
  element.number.replaceChildren(...rows.map((row) => rowOf(row.map((digit) => tabOf(digit, index++)))));
  showSelection();
  if (hadFocus) element.number.querySelector("[aria-selected=true]")?.focus();
}

function promptOf() {
  if (answer) return "No digit found";
  if (!sheet.picture) return "Write a number";
  return element.trouble.textContent ? "Not read" : "Reading …";
}

function tabOf(digit, index) {
  const attributes = { role: "tab", "aria-controls": "detail", "aria-label": nameOf(digit) };
  const properties = { type: "button", id: `digit-${index}`, textContent: digit.digit ?? "?" };
  return make("button", { ...properties, className: isRefused(digit) ? "refused" : "", attributes });
}

function nameOf(digit) {
  return isRefused(digit) ? `not sure, ${candidates(digit)}` : `${digit.digit}, ${percent(digit.confidence)} sure`;
}

/* The two most probable digits. */
function candidates({ probabilities }, { bare = false } = {}) {
  const order = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]);
  return order.slice(0, 2).map((digit) => (bare ? digit : `${digit} (${percent(probabilities[digit])})`)).join(" or ");
}

function showVerdict() {
  element.verdict.textContent = verdictOf(answer);
  element.verdict.classList.toggle("refused", digitsOf(answer).some(isRefused));
  element.wrong.hidden = !answer || !element.correction.hidden;
}

function verdictOf(read) {
  if (!read) return isBlank() ? "with a mouse, a finger or a pen. Or drop, paste or open a picture." : "";
  const digits = digitsOf(read);
  if (!digits.length) return "Nothing in it resembles a digit.";
  const refused = digits.findIndex(isRefused);
  if (refused < 0) return sureOfEach(digits);
  const which = digits.length > 1 ? `Digit ${refused + 1}: ` : "";
  return `${which}${candidates(digits[refused])}? Below ${percent(read.refusedBelow)}.`;
}

function sureOfEach(digits) {
  const least = percent(digits[leastSure(digits)].confidence);
  const each = least.startsWith("over") ? "each" : "each at least";
  return `${digits.length > 1 ? `${each} ` : ""}${least} sure`;
}

function showBoxes() {
  if (!answer) return element.boxes.replaceChildren();
  if (!sheet.picture?.size && sheet.picture) showAspect(answer);
  element.boxes.replaceChildren(...digitsOf(answer).map((digit) => boxOf(digit)));
  showSelection();
}

function boxOf(digit) {
  const box = make("div", { className: isRefused(digit) ? "refused" : "" });
  for (const side of ["left", "width"]) box.style[side] = `${(100 * digit.box[side]) / answer.width}%`;
  for (const side of ["top", "height"]) box.style[side] = `${(100 * digit.box[side]) / answer.height}%`;
  return box;
}

/* A screen reader hears what was read once it stays. */
let saying = 0;

function say(sentence) {
  clearTimeout(saying);
  saying = setTimeout(() => (element.said.textContent = sentence), SAID_AFTER);
}

function sentenceOf(read) {
  if (!digitsOf(read).length) return read ? "No digit found." : "";
  const rows = read.rows.map((row) => row.map((digit) => (isRefused(digit) ? "unsure" : digit.digit)).join(" "));
  return `Read: ${rows.join("; ")}. ${verdictOf(read)}`;
}

function showTrouble(sentence) {
  if (element.trouble.textContent !== sentence) element.trouble.textContent = sentence;
}

/* One digit: what the network saw of it, how probable each digit is, and why. */

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
  if (!digit) return;
  element.detail.setAttribute("aria-labelledby", `digit-${selected}`);
  const count = digitsOf(answer).length;
  const which = count > 1 ? `Digit ${selected + 1} of ${count}: ` : "";
  const name = isRefused(digit) ? `${candidates(digit, { bare: true })}?` : nameOf(digit);
  element["detail-title"].textContent = which + name;
  element["detail-title"].classList.toggle("unseen", count === 1); // the line above says it already
  element.seen.width = 28; // wipes it
  paintPixels(element.seen, inkOf(digit), "--ink");
  showBars(digit);
  showExplanation(digit);
}

/* The 784 pixels that the network saw, 0 paper to 1 ink. */
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
  const className = isRefused(digit) ? "most refused" : "most";
  const rows = digit.probabilities.map((share, index) => {
    const words = make("span", { textContent: `${(100 * share).toFixed(1)} %` });
    const bar = make("div", { className: "bar" }, make("i"), words);
    bar.style.setProperty("--share", share);
    const head = make("th", { scope: "row", textContent: index });
    return make("tr", { className: index === digit.most_probable ? className : "" }, head, make("td", {}, bar));
  });
  element.bars.tBodies[0].replaceChildren(...rows);
}

/* Explanations are asked for once nothing changes any more: they cost hundreds of readings each. */
const explanations = new Map(); // by image
let settling = 0;

function settled() {
  say(sentenceOf(answer));
  explainSoon();
}

function explainSoon() {
  clearTimeout(settling);
  settling = setTimeout(explainSelected, SETTLED);
}

async function explainSelected() {
  const digit = digitsOf(answer)[selected];
  if (!digit || stroke || explanations.has(digit.image)) return;
  const explained = await askForReasons(digit.image).catch(() => null);
  if (!explained) return; // the reading stands without it
  if (explanations.size > 100) explanations.clear();
  explanations.set(digit.image, explained);
  if (digitsOf(answer)[selected]?.image === digit.image) showExplanation(digit);
}

function showExplanation(digit) {
  const explained = explanations.get(digit.image);
  for (const canvas of [element.looked, element.changed]) canvas.classList.toggle("known", Boolean(explained));
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
  element.looked.setAttribute("aria-label", `What is ${whereMost(importance)} speaks most for ${explained.digit}`);
}

function whereMost(importance) {
  const index = importance.indexOf(Math.max(...importance));
  const across = ["on the left", "in the middle", "on the right"][Math.floor((index % 28) / 9.4)];
  return `${["at the top", "half-way down", "at the bottom"][Math.floor(index / 28 / 9.4)]}, ${across},`;
}

function forgetExplanation() {
  for (const canvas of [element.looked, element.changed]) canvas.setAttribute("aria-label", "Not known yet");
  element.change.textContent = "What would make it another";
  element.neighbours.replaceChildren();
}

/* A small change that makes it the runner-up: ink that is added in one colour, ink that is taken away faintly in another. */
function showChange(digit, { counterfactual: change, runner_up: other }) {
  element.changed.width = 28;
  element.changed.setAttribute("aria-label", change ? `Changed so that it is read as ${other}` : "No change");
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
  if (Math.max(...added)) parts.push(make("span", { className: "against", textContent: "with this ink" }));
  if (Math.max(...removed)) parts.push(make("span", { className: "for", textContent: "without that" }));
  if (parts.length > 1) parts.splice(1, 0, " and ");
  element.change.replaceChildren(`Would be ${other} (${percent(change.probabilities[other])}) `, ...parts);
}

function showNeighbours(neighbours) {
  const canvases = neighbours.map(() => make("canvas", { width: 28, height: 28, attributes: { "aria-hidden": "true" } }));
  element.neighbours.replaceChildren(...canvases.map((canvas, index) => make("span", {}, canvas, neighbours[index].digit)));
  canvases.forEach((canvas, index) => paintPixels(canvas, inkOf(neighbours[index]), "--ink")); // the page knows the colour
}

/* Corrections stay in this page's memory until they are downloaded. */

function openCorrection() {
  element.correction.hidden = false;
  element.wrong.hidden = true;
  element.label.value = textOf(answer);
  // Some telephones' number keys have no slash.
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
  const about = { sheet, label, read: textOf(answer), kind: sheet.picture ? "photo" : "drawing", downloaded: false };
  const blob = await pictureToKeep();
  const same = kept.findIndex((one) => one.sheet === about.sheet); // corrected once more
  kept.splice(same < 0 ? kept.length : same, 1, { ...about, blob, url: URL.createObjectURL(blob) });
  closeCorrection();
  showKept();
  say(`Kept as ${label}. ${element.download.textContent}.`);
  element.wrong.focus();
}

function pictureToKeep() {
  if (!sheet.picture) return drawingAsPng();
  return sheet.picture.size ? copyOf(sheet.picture.file) : sheet.picture.file;
}

function showKept() {
  element.corrections.hidden = !kept.length;
  element.kept.replaceChildren(...kept.map(keptItem));
  element.download.textContent = `Download ${kept.length === 1 ? "1 picture" : `${kept.length} pictures`}`;
}

function keptItem(correction) {
  const { label, read, url, kind } = correction;
  const image = make("img", { src: url, alt: `Picture of ${label}` });
  const words = make("span", {}, make("b", { textContent: label }), ` read as ${read || "nothing"}`);
  const attributes = { "aria-label": `Remove the picture of ${label}` };
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
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // by then it is on the disk
  for (const one of kept) one.downloaded = true;
}

function fileName(correction, index) {
  const named = correction.blob.name?.match(/\.[a-z0-9]+$/i); // a file that the browser could not make a PNG of
  return `${correction.kind}-${String(index + 1).padStart(3, "0")}${named ?? ".png"}`;
}

function layoutOf(label) {
  if (label.includes("/")) return "rows";
  return label.length > 1 ? "line" : "single";
}

/* A zip file that stores its files without compressing them again (APPNOTE.TXT 6.3, sections 4.3.7, 4.3.12, 4.3.16). */
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

/* CRC-32 as ZIP and PNG have it. */
function checksum(bytes) {
  let sum = -1;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (0xedb88320 & -(sum & 1));
  }
  return ~sum;
}

/* What a person does. */

function digitUnder(event) {
  if (!answer) return -1;
  const bounds = element.sheet.getBoundingClientRect();
  const x = ((event.clientX - bounds.left) * answer.width) / bounds.width;
  const y = ((event.clientY - bounds.top) * answer.height) / bounds.height;
  const inside = (from, length, at) => at >= from && at < from + length;
  return digitsOf(answer).findIndex(({ box }) => inside(box.left, box.width, x) && inside(box.top, box.height, y));
}

const indexOfTab = (event) => [...element.number.querySelectorAll("button")].indexOf(event.target.closest?.("button"));

/* Left and right go through all digits, up and down to the same place in the row above or below. */
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
  if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !stroke) {
    event.preventDefault();
    undo();
  }
}

function on(target, types, act) {
  for (const type of types.split(" ")) target.addEventListener(type, act);
}

on(element.sheet, "pointerdown", (event) => (sheet.picture ? select(digitUnder(event)) : startStroke(event)));
on(element.sheet, "pointermove", (event) => {
  if (stroke?.pointer === event.pointerId) extendStroke(event);
  else if (!stroke && event.pointerType === "mouse") select(digitUnder(event));
});
on(element.sheet, "pointerup pointercancel", (event) => stroke?.pointer === event.pointerId && endStroke());
on(element.number, "click pointerover focusin", (event) => select(indexOfTab(event)));
on(element.number, "keydown", moveThroughDigits);

on(element.undo, "click", undo);
on(element.clear, "click", () => replaceSheet({ strokes: [], picture: null }));
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

on(element.single, "change", changed);
on(element.least, "input", () => {
  element["least-shown"].textContent = `${element.least.value} %`;
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
showSheet();
ready.catch((problem) => showTrouble(problem.message));
