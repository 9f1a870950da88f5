// Makes every number of the confusion matrix a button that shows its images. Without it the page lacks only that.
const found = JSON.parse(document.getElementById("cell-images").textContent);
const sheet = new Image();
sheet.src = found.sheet;
const panel = document.getElementById("cell");
let pressed = null;

const element = (tag, text, className = "") => Object.assign(document.createElement(tag), { textContent: text, className });

function drawn(place, label) {
  const canvas = Object.assign(document.createElement("canvas"), { width: found.side, height: found.side });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  const left = (place % found.columns) * found.side;
  const top = Math.floor(place / found.columns) * found.side;
  const draw = () => canvas.getContext("2d").drawImage(sheet, left, top, found.side, found.side, 0, 0, found.side, found.side);
  sheet.decode().then(draw);
  return canvas;
}

function show(button, cell) {
  const again = pressed === button;
  pressed?.setAttribute("aria-expanded", "false");
  pressed = again ? null : button;
  panel.hidden = again;
  if (again) return;
  button.setAttribute("aria-expanded", "true");
  const head = element("p", "");
  head.append(element("b", cell.title), ` ${cell.about}`);
  const list = element("ul", "", "digits");
  for (const [place, index, confidence] of cell.images) {
    const item = document.createElement("li");
    item.append(drawn(place, `${cell.title}, test image ${index}`), element("span", `#${index}`), element("span", confidence));
    list.append(item);
  }
  panel.replaceChildren(head, list);
}

for (const place of document.querySelectorAll("td[data-cell]")) {
  const cell = found.cells[place.dataset.cell];
  if (!cell) continue;
  const button = Object.assign(element("button", place.textContent), { type: "button", title: cell.title });
  button.setAttribute("aria-label", `${cell.title}: ${place.textContent}`);
  button.setAttribute("aria-controls", "cell");
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => show(button, cell));
  place.replaceChildren(button);
}
document.getElementById("cell-hint").hidden = false;
