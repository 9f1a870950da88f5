/* Shows one doubtful cell after another and sends what a person says of it. Each answer is saved before the next cell is
   shown. The token is in the fragment of the page's URL. */

const KEYS = { b: "blank", d: "dash", o: "other" };
const SHOWN = { blank: "blank", dash: "a dash", other: "something else than a number" };

const element = Object.fromEntries([...document.querySelectorAll("[id]")].map((one) => [one.id, one]));
const headers = { Authorization: `Bearer ${location.hash.slice(1)}` };
let file = "";
let cells = [];
let current = 0;
let saving = false;
let turns = 0;
let shownImage = "";

async function ask(address, options = {}) {
  let response;
  try {
    response = await fetch(address, { ...options, headers: { ...headers, ...options.headers } });
  } catch {
    throw new Error("The server is not responding: is mnist-cnn still running?");
  }
  if (response.ok) return response;
  const told = await response.json().catch(() => ({}));
  if (response.status === 401) throw new Error("This address has no valid token: open the URL that mnist-cnn printed.");
  throw new Error(told.detail ?? `The server returned HTTP ${response.status}.`);
}

async function start() {
  const document_ = await (await ask("review/cells")).json();
  ({ file, cells } = document_);
  element.place.textContent = `Doubtful cells of ${file}`;
  const open = cells.findIndex((cell) => !cell.answer);
  if (cells.length) await show(open < 0 ? 0 : open);
  showProgress();
}

function showProgress() {
  const count = cells.filter((cell) => cell.answer).length;
  element.bar.max = Math.max(1, cells.length);
  element.bar.value = count;
  element.progress.textContent = cells.length
    ? `Cell ${current + 1} of ${cells.length}, ${count} reviewed`
    : "No cell is doubtful.";
  const all = cells.length > 0 && count === cells.length;
  element.done.textContent = all ? `All ${count} cells are reviewed and saved in ${file}. You can close this page.` : "";
}

async function show(index) {
  current = index;
  const turn = ++turns;
  const cell = cells[index];
  const sheet = cell.sheet.split(/[\\/]/).pop();
  element.place.textContent = `Row ${cell.row + 1}, column ${cell.cell + 1}`;
  const said = SHOWN[cell.kind] ?? cell.written;
  element.read.textContent = `${sheet}, table ${cell.table}. Read: ${said} (confidence ${Math.round(100 * cell.confidence)}%)`
    + (cell.answer ? `. Your answer: ${SHOWN[cell.answer.kind] ?? cell.answer.text}` : "");
  element.text.value = cell.answer ? cell.answer.text : cell.kind === "number" ? cell.written : "";
  element.alternatives.replaceChildren(...cell.alternatives.map((text) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: text });
    button.addEventListener("click", () => save("number", text));
    return button;
  }));
  element.previous.disabled = index === 0;
  element.next.disabled = index === cells.length - 1;
  element.cell.hidden = false;
  showProgress();
  element.text.focus();
  element.text.select();
  const picture = await (await ask(`review/cells/${index + 1}/image`)).blob();
  if (turn !== turns) return; // another cell is shown by now, or this one again
  const before = shownImage;
  shownImage = URL.createObjectURL(picture);
  element.image.src = shownImage;
  URL.revokeObjectURL(before);
  element.image.alt = `Row ${cell.row + 1}, column ${cell.cell + 1} of the table`;
}

async function save(kind, text) {
  if (saving) return;
  saving = true;
  const index = current;
  const options = { method: "POST", body: JSON.stringify({ kind, text }), headers: { "Content-Type": "application/json" } };
  try {
    await ask(`review/cells/${index + 1}`, options);
  } catch (error) {
    element.trouble.textContent = error.message;
    return;
  } finally {
    saving = false; // what is typed while the image of the next cell comes counts
  }
  cells[index].answer = { kind, text };
  element.trouble.textContent = "";
  attempt(show(following(index)));
}

// The next cell that was not reviewed, from here on and then from the first; the next one if all were.
function following(index) {
  const order = [...cells.keys()].map((step) => (index + 1 + step) % cells.length);
  return order.find((place) => !cells[place].answer) ?? Math.min(index + 1, cells.length - 1);
}

function go(step) {
  const index = current + step;
  if (!saving && index >= 0 && index < cells.length) attempt(show(index));
}

function attempt(promise) {
  promise.catch((error) => { element.trouble.textContent = error.message; });
}

element.correction.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = element.text.value.trim();
  if (text === "-" || text === "—" || text === "–") save("dash", "-");
  else if (text) save("number", text);
  else element.trouble.textContent = "Type a number, or press B for a blank cell.";
});
for (const kind of Object.values(KEYS)) element[kind].addEventListener("click", () => save(kind, ""));
element.previous.addEventListener("click", () => go(-1));
element.next.addEventListener("click", () => go(1));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !cells.length) return;
  const kind = KEYS[event.key.toLowerCase()];
  if (kind) save(kind, "");
  else if (event.key === "ArrowDown") go(1);
  else if (event.key === "ArrowUp") go(-1);
  else return;
  event.preventDefault();
});

attempt(start());
