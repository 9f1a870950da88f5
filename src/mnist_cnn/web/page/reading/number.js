/* Digits and marks that stand together become numbers with a value. (reading/number.py)

   An item has a `box`; a digit has `probabilities`, a mark `text`. */

const [DECIMAL, INSIDE, SIGNS, PERCENT] = [".,", "/:-", "+-", "%"];
const REJECTED = "?";
const WHOLE = /^[-+]?\d+$/;
const ONE_MARK = /^([-+]?\d*)[.,](\d+)$/;
const GROUPED = /^([-+]?\d{1,3}(?:([.,])\d{3})+)(?:([.,])(\d+))?$/;
const AMBIGUOUS = /^[-+]?[1-9]\d{0,2}[.,]\d{3}$/;

/* The digits of a row with the marks between them. */
export function inOrder(digits, marks) {
  const items = [];
  for (let index = 0; index <= digits.length; index += 1) {
    items.push(...marks.filter(({ after }) => after === index), ...digits.slice(index, index + 1));
  }
  return items;
}

/* The numbers in items that stand close together, from the left, each as its items. */
export function numbersOf(group) {
  const found = [];
  let current = [];

  function close() {
    if (current.some(isDigit)) found.push(current);
    current = [];
  }

  group.forEach((item, index) => {
    const follows = index + 1 < group.length && isDigit(group[index + 1]);
    const begun = current.some(isDigit);
    if (isDigit(item)) {
      current.push(item);
    } else if (begun && item.text === PERCENT) {
      current.push(item);
      close();
    } else if (follows && begun && isDigit(current.at(-1)) && (DECIMAL + INSIDE).includes(item.text)) {
      current.push(item);
    } else {
      close();
      if (follows && (SIGNS + DECIMAL[0]).includes(item.text) && !begun) current.push(item);
    }
  });
  close();
  return found;
}

const isDigit = (item) => "probabilities" in item;

/* The value of a number as it is written, as text; null if that is ambiguous, or no number. */
export function valueOf(text) {
  if (text.endsWith(PERCENT)) return shifted(valueOf(text.slice(0, -1)));
  if (text.includes(REJECTED) || AMBIGUOUS.test(text)) return null;
  if (WHOLE.test(text)) return plain(text, "");
  const one = ONE_MARK.exec(text);
  if (one) return plain(one[1], one[2]);
  const grouped = GROUPED.exec(text);
  if (!grouped || grouped[2] === grouped[3]) return null;
  const whole = grouped[1].replaceAll(grouped[2], "");
  const expected = Math.floor((grouped[1].replace(/^[+-]/, "").length - 1) / 4);
  return text.split(grouped[2]).length - 1 === expected ? plain(whole, grouped[4] ?? "") : null;
}

/* A decimal number without a plus sign and needless zeros before the point. */
function plain(whole, decimals) {
  const sign = whole.startsWith("-") ? "-" : "";
  const digits = whole.replace(/^[+-]/, "").replace(/^0+(?=\d)/, "") || "0";
  return sign + digits + (decimals ? `.${decimals}` : "");
}

/* A hundredth of a decimal number. */
function shifted(value) {
  if (value === null) return null;
  const [whole, decimals = ""] = value.replace("-", "").split(".");
  const digits = whole.padStart(3, "0");
  return plain((value.startsWith("-") ? "-" : "") + digits.slice(0, -2), digits.slice(-2) + decimals);
}

/* The smallest box around all items. */
export function around(items) {
  const boxes = items.map(({ box }) => box);
  const [left, top] = [Math.min(...boxes.map((box) => box.left)), Math.min(...boxes.map((box) => box.top))];
  const right = Math.max(...boxes.map((box) => box.left + box.width));
  const bottom = Math.max(...boxes.map((box) => box.top + box.height));
  return { left, top, width: right - left, height: bottom - top };
}
