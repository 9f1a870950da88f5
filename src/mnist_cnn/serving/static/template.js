/* Makes templates of forms: a scan is opened, boxes are drawn on it, and all is downloaded as one JSON file
   (docs/forms.md). Nothing is sent. */

const FORMAT = "mnist-cnn form template";
const VERSION = 1;
const LONGEST = 1600; // pixels of the scan's longer side in a template
const LARGEST = 4 * 2 ** 20; // bytes of a scan as PNG: larger ones are kept as JPEG
const MOST_BYTES = 2 ** 24; // of a template
const MOST_FIELDS = 300;
const MOST_PLACES = 64;
const SMALLEST = 4; // pixels of a box
const DRAWN = 6; // pixels of the screen: a smaller movement draws no box
const RESERVED = ["path", "page", "doubtful", "error"];
const EDGES = ["nw", "ne", "se", "sw"];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const SIDES = ["left", "top", "width", "height"];

const byId = (id) => document.getElementById(id);
const sheet = byId("form-sheet");
const scan = byId("scan");
const form = byId("field");

let template = null; // { width, height, image: Base64, fields: [{ name, box, expect, places }] }
let chosen = null; // one of the fields
let changed = false; // since it was downloaded

class Fault extends Error {}

// Opening

async function openScan(file) {
  const picture = await pictureOf(file, "This browser cannot display this file: save it as PNG or JPEG.");
  const { width, height } = picture;
  if (Math.min(width, height) < 3 || Math.max(width, height) < 8) throw new Fault("This image is too small for a form.");
  const fields = template ? moved(template.fields, width / template.width, height / template.height, width, height) : [];
  draw(picture);
  begin({ width, height, image: await encoded(), fields });
  changed = true;
}

async function openTemplate(file) {
  if (file.size > MOST_BYTES) throw new Fault("This file is too large for a template.");
  const opened = checked(await file.text());
  const bytes = Uint8Array.from(atob(opened.image), (character) => character.charCodeAt(0));
  draw(await pictureOf(new Blob([bytes]), "The scan in this template is damaged."));
  begin(opened);
  changed = false;
}

function checked(text) {
  let given;
  try {
    given = JSON.parse(text);
    if (given.format !== FORMAT) throw new Fault();
    atob(given.image);
  } catch {
    throw new Fault("This file is not a template of a form.");
  }
  if (given.version !== VERSION) throw new Fault("This template is of another version of mnist-cnn.");
  const { width, height, image } = given;
  const isSide = (value) => Number.isSafeInteger(value) && value > 0;
  if (!isSide(width) || !isSide(height) || !Array.isArray(given.fields) || given.fields.length > MOST_FIELDS) {
    throw new Fault("This template is damaged.");
  }
  return { width, height, image, fields: given.fields.map((field) => checkedField(field, width, height)) };
}

function checkedField(field, width, height) {
  const { name, box, expect = null, places = null } = field ?? {};
  const isBox = Array.isArray(box) && box.length === 4 && box.every((side) => Number.isSafeInteger(side) && side >= 0);
  const isText = typeof name === "string" && (expect === null || typeof expect === "string");
  const isCount = places === null || (Number.isSafeInteger(places) && places >= 1 && places <= MOST_PLACES);
  if (!isText || !isBox || !isCount) throw new Fault("A field of this template is damaged.");
  return { name, box: inside(box, width, height), expect: expect ?? "", places };
}

async function pictureOf(blob, sentence) {
  try {
    return await createImageBitmap(blob, { imageOrientation: "from-image" });
  } catch {
    throw new Fault(sentence);
  }
}

function draw(picture) {
  const share = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
  scan.width = Math.max(1, Math.round(picture.width * share));
  scan.height = Math.max(1, Math.round(picture.height * share));
  const context = scan.getContext("2d");
  context.fillStyle = "#fff"; // below what is transparent
  context.fillRect(0, 0, scan.width, scan.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, scan.width, scan.height);
  picture.close();
}

async function encoded() {
  const png = await blobOf("image/png");
  const blob = png.size > LARGEST ? await blobOf("image/jpeg", 0.92) : png;
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let start = 0; start < bytes.length; start += 8192) {
    text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  }
  return btoa(text);
}

const blobOf = (type, quality) => new Promise((done) => scan.toBlob(done, type, quality));

function begin(opened) {
  for (const field of template?.fields ?? []) removeElements(field);
  template = { ...opened, fields: [] };
  sheet.hidden = byId("editor").hidden = byId("keys").hidden = false;
  byId("hint").textContent = "Draw a box around each field; on a phone, zoom in with two fingers.";
  byId("add").disabled = byId("download").disabled = false;
  for (const field of opened.fields) addField(field);
  choose(null);
  say(`Opened, ${template.width} by ${template.height} pixels, ${template.fields.length} fields`);
}

// Fields

function addField({ name, box, expect = "", places = null }) {
  const field = { name, box, expect, places };
  field.element = boxElement(field);
  field.entry = entryElement(field);
  template.fields.push(field);
  update(field);
  return field;
}

function newField(box) {
  if (template.fields.length >= MOST_FIELDS) throw new Fault(`A template has at most ${MOST_FIELDS} fields.`);
  let number = template.fields.length + 1;
  while (template.fields.some(({ name }) => name === `field ${number}`)) number += 1;
  const field = addField({ name: `field ${number}`, box: inside(box, template.width, template.height) });
  changed = true;
  choose(field);
  say(`${field.name} added`);
  return field;
}

function boxElement(field) {
  const element = document.createElement("button");
  element.type = "button";
  element.append(document.createElement("span"));
  for (const edge of EDGES) {
    const handle = document.createElement("b");
    handle.dataset.edge = edge;
    element.append(handle);
  }
  element.addEventListener("focus", () => choose(field));
  element.addEventListener("click", () => choose(field));
  element.addEventListener("keydown", (event) => onKey(event, field));
  element.addEventListener("pointerdown", (event) => grab(event, field));
  byId("fields").append(element);
  return element;
}

function entryElement(field) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.addEventListener("click", () => {
    choose(field);
    byId("field-name").focus();
  });
  item.append(button);
  byId("names").append(item);
  return item;
}

function update(field) {
  const [left, top, width, height] = field.box;
  const { element, entry, name, places } = field;
  const across = 100 / template.width;
  const down = 100 / template.height;
  Object.assign(element.style, {
    left: `${left * across}%`, top: `${top * down}%`, width: `${width * across}%`, height: `${height * down}%`,
  });
  element.style.setProperty("--places", places ?? 1);
  element.querySelector("span").textContent = name;
  element.setAttribute("aria-label", `${name || "field without a name"}, ${width} by ${height} at ${left}, ${top}`);
  entry.firstChild.textContent = name || "(no name)";
  for (const one of [element, entry.firstChild]) one.setAttribute("aria-pressed", String(field === chosen));
  byId("none").hidden = template.fields.length > 0;
  if (field === chosen) fillIn(field);
}

function choose(field) {
  if (field === chosen && (field === null) === form.hidden) return;
  const before = chosen;
  chosen = field;
  form.hidden = field === null;
  if (before && template.fields.includes(before)) update(before);
  if (field) update(field);
}

function fillIn(field) {
  const values = { "field-name": field.name, expect: field.expect, places: field.places ?? "" };
  SIDES.forEach((side, index) => { values[side] = field.box[index]; });
  for (const [id, value] of Object.entries(values)) {
    if (document.activeElement !== byId(id)) byId(id).value = value;
  }
}

function remove(field) {
  const index = template.fields.indexOf(field);
  template.fields.splice(index, 1);
  removeElements(field);
  changed = true;
  const next = template.fields[Math.min(index, template.fields.length - 1)] ?? null;
  choose(next);
  (next?.element ?? byId("add")).focus();
  byId("none").hidden = template.fields.length > 0;
  say(`${field.name} deleted`);
}

function removeElements(field) {
  field.element.remove();
  field.entry.remove();
}

function place(field, box) {
  field.box = inside(box, template.width, template.height);
  changed = true;
  update(field);
}

const clamped = (value, low, high) => Math.max(low, Math.min(high, Math.round(value)));

function inside([left, top, width, height], across, down) {
  const wide = clamped(width, Math.min(SMALLEST, across), across);
  const high = clamped(height, Math.min(SMALLEST, down), down);
  return [clamped(left, 0, across - wide), clamped(top, 0, down - high), wide, high];
}

function moved(fields, across, down, width, height) {
  return fields.map((field) => {
    const [x, y, wide, high] = field.box;
    return { ...field, box: inside([x * across, y * down, wide * across, high * down], width, height) };
  });
}

// Mouse, finger and pen

function pointIn(event) {
  const bounds = sheet.getBoundingClientRect();
  const x = ((event.clientX - bounds.left) / bounds.width) * template.width;
  const y = ((event.clientY - bounds.top) / bounds.height) * template.height;
  return [Math.max(0, Math.min(template.width, x)), Math.max(0, Math.min(template.height, y))];
}

const between = ([x, y], [u, v]) => [Math.min(x, u), Math.min(y, v), Math.abs(u - x), Math.abs(v - y)];

function follow(event, move, end = () => {}) {
  const target = event.currentTarget;
  target.setPointerCapture(event.pointerId);
  const ends = new AbortController();
  const { signal } = ends;
  target.addEventListener("pointermove", (later) => later.pointerId === event.pointerId && move(later), { signal });
  for (const kind of ["pointerup", "pointercancel"]) {
    target.addEventListener(kind, (later) => {
      if (later.pointerId !== event.pointerId) return;
      ends.abort();
      end(kind === "pointerup" ? later : null);
    }, { signal });
  }
}

function startBox(event) {
  if (!template || event.button !== 0 || event.target.closest("button")) return;
  event.preventDefault();
  const start = pointIn(event);
  const outline = document.createElement("i");
  byId("fields").append(outline);
  const show = (later) => {
    const [left, top, width, height] = between(start, pointIn(later));
    Object.assign(outline.style, {
      left: `${(100 * left) / template.width}%`, top: `${(100 * top) / template.height}%`,
      width: `${(100 * width) / template.width}%`, height: `${(100 * height) / template.height}%`,
    });
  };
  follow(event, show, (last) => {
    outline.remove();
    if (!last || Math.min(Math.abs(last.clientX - event.clientX), Math.abs(last.clientY - event.clientY)) < DRAWN) return;
    attempt(() => {
      newField(between(start, pointIn(last)));
      if (last.pointerType !== "mouse") return; // a phone would scroll away from the scan
      byId("field-name").focus();
      byId("field-name").select();
    });
  });
}

function grab(event, field) {
  if (event.button !== 0) return;
  event.stopPropagation();
  choose(field);
  const [x, y] = pointIn(event);
  const [left, top, width, height] = field.box;
  const { edge } = event.target.dataset;
  follow(event, (later) => {
    const [u, v] = pointIn(later);
    if (!edge) {
      place(field, [left + u - x, top + v - y, width, height]);
      return;
    }
    const fixed = [edge.includes("w") ? left + width : left, edge.includes("n") ? top + height : top];
    const corner = [edge.includes("w") ? left : left + width, edge.includes("n") ? top : top + height];
    place(field, between(fixed, [corner[0] + u - x, corner[1] + v - y]));
  });
}

function onKey(event, field) {
  const [left, top, width, height] = field.box;
  if (event.key in ARROWS && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    const step = Math.max(1, Math.round(Math.max(template.width, template.height) / 400));
    const [across, down] = ARROWS[event.key].map((sign) => sign * step);
    place(field, event.shiftKey ? [left, top, width + across, height + down] : [left + across, top + down, width, height]);
  } else if (event.key === "Delete" || event.key === "Backspace") {
    event.preventDefault();
    remove(field);
  } else if (event.key === "Enter") {
    event.preventDefault();
    choose(field);
    byId("field-name").focus();
  }
}

// The editor

function onInput(event) {
  if (!chosen) return;
  const { id, value } = event.target;
  if (id === "field-name") chosen.name = value;
  if (id === "expect") chosen.expect = value;
  if (id === "places") chosen.places = value === "" || !event.target.checkValidity() ? null : Number(value);
  const index = SIDES.indexOf(id);
  if (index >= 0 && event.target.checkValidity()) {
    chosen.box = inside(chosen.box.with(index, Number(value)), template.width, template.height);
  }
  changed = true;
  update(chosen);
}

// Downloading

function check(field) {
  const name = field.name.trim();
  if (!name) throw new Fault("This field has no name: give it one.");
  if (RESERVED.includes(name.toLowerCase())) throw new Fault(`A field cannot be called ${name}: choose another name.`);
  if (template.fields.some((other) => other !== field && other.name.trim() === name)) {
    throw new Fault(`Two fields are called ${name}: rename one of them.`);
  }
}

function download() {
  if (!template.fields.length) throw new Fault("There are no fields yet: draw a box around each.");
  for (const field of template.fields) {
    try {
      check(field);
    } catch (fault) {
      choose(field);
      byId("field-name").focus();
      throw fault;
    }
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${JSON.stringify(asDocument(), null, 1)}\n`], { type: "application/json" }));
  link.download = "template.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  changed = false;
  say("Template downloaded");
}

function asDocument() {
  const { width, height, image } = template;
  const fields = template.fields.map(({ name, box, expect, places }) => ({
    name: name.trim(), box, ...(expect.trim() && { expect: expect.trim() }), ...(places && { places }),
  }));
  return { format: FORMAT, version: VERSION, width, height, fields, image };
}

// What happens

function say(text) {
  byId("said").textContent = text;
}

async function attempt(act) {
  byId("trouble").textContent = "";
  try {
    await act();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    byId("trouble").textContent = error.message;
  }
}

function opens(button, input, open) {
  byId(button).addEventListener("click", () => byId(input).click());
  byId(input).addEventListener("change", () => {
    const [file] = byId(input).files;
    byId(input).value = "";
    if (file) attempt(() => open(file));
  });
}

opens("open-scan", "scan-file", openScan);
opens("open-template", "template-file", openTemplate);
byId("add").addEventListener("click", () => attempt(() => {
  const { width, height } = template;
  newField([0.35 * width, 0.45 * height, 0.3 * width, 0.05 * height]).element.focus();
}));
byId("download").addEventListener("click", () => attempt(download));
byId("delete").addEventListener("click", () => chosen && remove(chosen));
form.addEventListener("input", onInput);
form.addEventListener("change", () => chosen && update(chosen));
form.addEventListener("submit", (event) => event.preventDefault());
sheet.addEventListener("pointerdown", startBox);
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  const [file] = event.dataTransfer.files;
  if (file) attempt(() => (file.name.toLowerCase().endsWith(".json") ? openTemplate(file) : openScan(file)));
});
window.addEventListener("beforeunload", (event) => changed && event.preventDefault());
