/* Examples to start with: digits as strokes, and what looks like photographs of them. All are drawn by code. */

/* Each digit as strokes of points in a box of 100 × 100. Between points, the pen goes round; at a point that is there
   twice, it makes a corner. */
const DIGITS = {
  0: ["58 2 36 4 22 22 16 50 22 80 44 99 66 92 82 66 80 34 70 10 54 2"],
  1: ["30 24 44 14 58 0 58 0 56 34 54 66 52 100"],
  2: ["18 26 26 8 50 0 74 8 78 30 62 54 40 76 16 98 16 98 52 95 86 97"],
  3: ["20 10 46 0 72 8 76 28 60 44 40 48 40 48 66 52 82 70 72 92 46 100 18 90"],
  4: ["44 2 32 30 14 62 14 62 50 62 90 58", "66 32 64 66 62 100"],
  5: ["80 4 54 5 30 6 30 6 26 26 24 46 24 46 50 38 76 50 80 74 64 96 40 100 16 90"],
  6: ["68 0 44 18 26 48 22 78 40 99 66 94 76 74 62 58 40 62 26 76"],
  7: ["14 6 46 5 84 2 84 2 66 38 50 68 40 100"],
  8: ["76 18 56 2 30 8 28 30 50 46 76 64 74 90 48 100 24 88 26 64 52 46 72 32 76 18"],
  9: ["76 24 60 4 34 6 24 28 38 50 62 48 76 26 76 26 74 60 66 84 58 100"],
  ".": ["46 96 50 99 53 97"],
};
const BETWEEN_4_AND_9 = ["50 4 40 10 30 24 24 48 42 58 70 50", "72 9 70 52 66 100"];

/* Digits side by side as strokes of points { x, y, width }, from the upper left corner of the first. */
function written(text, { left, top, height, pen, slant = 0, step = 0.78 }) {
  const strokesOf = (sign) => (sign === "?" ? BETWEEN_4_AND_9 : (DIGITS[sign] ?? []));
  return [...text].flatMap((sign, index) => strokesOf(sign).map((points) => pointsOf(points, (x, y) => ({
    x: left + height * (step * index + 0.0062 * x + slant * (0.5 - y / 100)),
    y: top + height * (y / 100 + 0.04 * Math.sin(7 * index + 2)),
    width: pen,
  }))));
}

function pointsOf(text, place) {
  const numbers = text.split(" ").map(Number);
  return Array.from({ length: numbers.length / 2 }, (_, index) => place(numbers[2 * index], numbers[2 * index + 1]));
}

const strokes = (...parts) => parts.flat().map((points) => ({ points, erases: false }));

/* `strokes` are those of a drawing; a photograph has a scene as well, which `paintPhoto` paints. */
export const EXAMPLES = [
  { name: "a number", strokes: strokes(written("2058", { left: 66, top: 120, height: 116, pen: 13, slant: 0.1 })) },
  {
    name: "two rows",
    strokes: strokes(
      written("314", { left: 96, top: 56, height: 96, pen: 11, slant: 0.16, step: 0.9 }),
      written("967", { left: 112, top: 208, height: 96, pen: 11, slant: 0.16, step: 0.9 }),
    ),
  },
  { name: "a 4 or a 9", strokes: strokes(written("?", { left: 178, top: 80, height: 190, pen: 16 })) },
  {
    name: "a note on lined paper",
    strokes: strokes(written("73.50", { left: 96, top: 128, height: 92, pen: 5, slant: 0.14, step: 0.66 })),
    scene: { paper: [246, 241, 226], ink: "#25408f", lines: "#9db4d6", turned: -0.05, light: [0.2, 0.1] },
  },
  {
    name: "a whiteboard",
    strokes: strokes(written("4 816", { left: 62, top: 124, height: 100, pen: 12, step: 0.72 })),
    scene: { paper: [232, 236, 238], ink: "#1d6b45", turned: 0.07, light: [0.75, 0.2] },
  },
  {
    name: "chalk on a blackboard",
    strokes: strokes(written("1926", { left: 80, top: 116, height: 118, pen: 9, slant: 0.05 })),
    scene: { paper: [52, 66, 60], ink: "#e4e6dc", turned: -0.03, light: [0.4, 0.8] },
  },
];

/* Paints a photograph onto a canvas of any size; `paintStrokes(context, colour)` paints what is written. */
export function paintPhoto(canvas, { paper, ink, lines, turned, light }, size, paintStrokes) {
  const context = canvas.getContext("2d");
  const scale = canvas.width / size.width;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.fillStyle = `rgb(${paper})`;
  context.fillRect(0, 0, size.width, size.height);
  context.translate(size.width / 2, size.height / 2);
  context.rotate(turned);
  context.translate(-size.width / 2, -size.height / 2);
  for (let y = lines ? -20 : Infinity; y < 420; y += 31) {
    context.fillStyle = lines;
    context.fillRect(-60, y, 600, 1.2);
  }
  paintStrokes(context, ink);
  shade(context, light);
}

/* Light from a side and the noise of a sensor, the same each time. */
function shade(context, [fromX, fromY]) {
  const { width, height } = context.canvas;
  const image = context.getImageData(0, 0, width, height);
  let seed = 1;
  for (let at = 0; at < image.data.length; at += 4) {
    const [x, y] = [(at / 4) % width, Math.floor(at / 4 / width)];
    const lit = 1.03 - 0.38 * Math.hypot(x / width - fromX, y / height - fromY);
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0; // Numerical Recipes
    const noise = 12 * (seed / 2 ** 32 - 0.5);
    for (let channel = 0; channel < 3; channel += 1) image.data[at + channel] = image.data[at + channel] * lit + noise;
  }
  context.putImageData(image, 0, 0);
}
