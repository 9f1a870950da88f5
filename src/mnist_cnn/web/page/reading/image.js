/* Arrays of pixels come in, arrays of pixels go out; OpenCV works in between. Knows nothing about what they show.

   An image is { data, width, height, channels }, its type that of `data`. OpenCV's own matrices lie in memory that
   nobody tidies up: they are made and deleted here, and nowhere else. */

let cv; // OpenCV.js, once it is loaded

export function useOpenCV(library) {
  cv = library;
}

const DEPTHS = [Uint8Array, Int16Array, Int32Array, Float32Array, Float64Array];
const NAMES = ["8U", "16S", "32S", "32F", "64F"];
const VIEWS = ["data", "data16S", "data32S", "data32F", "data64F"];

export const imageOf = (width, height, data, channels = 1) => ({ width, height, data, channels });
export const blank = (width, height, kind = Uint8Array) => imageOf(width, height, new kind(width * height));
export const longer = ({ width, height }) => Math.max(width, height);
const alike = (image, data) => imageOf(image.width, image.height, data, image.channels);

function matrixOf({ data, width, height, channels }) {
  const depth = DEPTHS.indexOf(data.constructor);
  const matrix = new cv.Mat(height, width, cv[`CV_${NAMES[depth]}C${channels}`]);
  matrix[VIEWS[depth]].set(data);
  return matrix;
}

function imageOfMatrix(matrix) {
  const view = VIEWS[[cv.CV_8U, cv.CV_16S, cv.CV_32S, cv.CV_32F, cv.CV_64F].indexOf(matrix.depth())];
  return imageOf(matrix.cols, matrix.rows, matrix[view].slice(), matrix.channels());
}

/* Let `act` work on the matrices of some images and a new one; gives that one as an image, with what `act` returned. */
function worked(images, act) {
  const matrices = [...images.map(matrixOf), new cv.Mat()];
  try {
    const returned = act(...matrices);
    return { image: imageOfMatrix(matrices.at(-1)), returned };
  } finally {
    for (const matrix of matrices) matrix.delete();
  }
}

const made = (images, act) => worked(images, act).image;

/* Sizes and places. */

export function resize(image, width, height, how) {
  return made([image], (from, to) => cv.resize(from, to, new cv.Size(width, height), 0, 0, cv[`INTER_${how}`]));
}

export function cut({ data, width, channels }, left, top, across, down) {
  const part = imageOf(across, down, new data.constructor(across * down * channels), channels);
  for (let row = 0; row < down; row += 1) {
    const start = ((top + row) * width + left) * channels;
    part.data.set(data.subarray(start, start + across * channels), row * across * channels);
  }
  return part;
}

export function paste(onto, image, left, top) {
  for (let row = 0; row < image.height; row += 1) {
    const line = image.data.subarray(row * image.width, (row + 1) * image.width);
    onto.data.set(line, (top + row) * onto.width + left);
  }
  return onto;
}

export function transposed({ data, width, height }) {
  const turned = blank(height, width, data.constructor);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) turned.data[column * height + row] = data[row * width + column];
  }
  return turned;
}

/* `how` is CONSTANT (of a level), REPLICATE, REFLECT or REFLECT_101. */
export function withMargin(image, margin, how, level = 0) {
  const border = cv[`BORDER_${how}`];
  const sides = [margin, margin, margin, margin];
  return made([image], (from, to) => cv.copyMakeBorder(from, to, ...sides, border, new cv.Scalar(level)));
}

/* The smallest rectangle that holds everything above 0. */
export function boundingRect({ data, width, height }) {
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let row = 0, index = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1, index += 1) {
      if (!data[index]) continue;
      if (column < left) left = column;
      if (column >= right) right = column + 1;
      if (row < top) top = row;
      bottom = row + 1;
    }
  }
  return bottom ? { left, top, width: right - left, height: bottom - top } : { left: 0, top: 0, width: 0, height: 0 };
}

/* Pixel by pixel. */

/* An image of the same size, each of its pixels `one(pixel, index)`. */
export function mapped(image, one, kind = image.data.constructor) {
  const data = new kind(image.data.length);
  for (let index = 0; index < data.length; index += 1) data[index] = one(image.data[index], index);
  return alike(image, data);
}

export const inverted = (image) => mapped(image, (pixel) => 255 - pixel);
export const asFloat = (image) => alike(image, Float32Array.from(image.data));

/* A mask of what is above a level: a loop of its own, since it sees all of a picture several times. */
export function above({ data, width, height }, limit) {
  const mask = blank(width, height);
  for (let index = 0; index < data.length; index += 1) mask.data[index] = data[index] > limit ? 1 : 0;
  return mask;
}

export function someAbove0({ data }) {
  return data.some((pixel) => pixel > 0);
}

export function sumOf({ data }) {
  let sum = 0;
  for (let index = 0; index < data.length; index += 1) sum += data[index];
  return sum;
}

/* How many pixels of (h, w) uint8 there are of each level. */
export function histogram({ data }) {
  const counts = new Float64Array(256);
  for (let index = 0; index < data.length; index += 1) counts[data[index]] += 1;
  return counts;
}

export function subtracted(a, b) {
  return made([a, b], (one, other, to) => cv.subtract(one, other, to));
}

export function divided(a, b, scale) {
  return made([a, b], (one, other, to) => cv.divide(one, other, to, scale, -1));
}

export function multiplied(a, b) {
  return made([a, b], (one, other, to) => cv.multiply(one, other, to));
}

/* a × timesA + b × timesB + more; `deep` gives int16, which can be below 0. */
export function weighted(a, timesA, b, timesB, more, { deep = false } = {}) {
  const depth = deep ? cv.CV_16S : -1;
  return made([a, b], (one, other, to) => cv.addWeighted(one, timesA, other, timesB, more, to, depth));
}

export function magnitude(a, b) {
  return made([a, b], (one, other, to) => cv.magnitude(one, other, to));
}

/* The level that parts two kinds of pixels best (Otsu). */
export function otsu(image) {
  return worked([image], (from, to) => cv.threshold(from, to, 0, 1, cv.THRESH_OTSU)).returned;
}

/* The mean of all pixels, or of those where a mask is above 0. */
export function meanOf(image, mask) {
  return worked(mask ? [image, mask] : [image], (...matrices) => cv.mean(...matrices.slice(0, -1))[0]).returned;
}

/* Colours. */

export function greyOf(rgb) {
  return made([rgb], (from, to) => cv.cvtColor(from, to, cv.COLOR_RGB2GRAY, 0));
}

export function transformed(rgb, weights) {
  const matrix = imageOf(4, 1, Float32Array.from(weights));
  return made([rgb, matrix], (from, by, to) => cv.transform(from, to, by));
}

/* The eigenvector of the largest eigenvalue of a symmetric matrix of three by three. */
export function mainDirection(values) {
  const matrix = imageOf(3, 3, Float64Array.from(values));
  const vectors = made([matrix, blank(1, 3, Float64Array)], (from, eigenvalues, to) => cv.eigen(from, eigenvalues, to));
  return [...vectors.data.subarray(0, 3)];
}

/* Neighbourhoods. */

export function blur(image, side, border = "DEFAULT") {
  const size = new cv.Size(side, side);
  return made([image], (from, to) => cv.blur(from, to, size, new cv.Point(-1, -1), cv[`BORDER_${border}`]));
}

export function gaussianBlur(image, sigma) {
  return made([image], (from, to) => cv.GaussianBlur(from, to, new cv.Size(0, 0), sigma));
}

export function medianBlur(image, side) {
  return made([image], (from, to) => cv.medianBlur(from, to, side));
}

export function scharr(image, across, down) {
  return made([image], (from, to) => cv.Scharr(from, to, -1, across, down));
}

export const square = (width, height = width) => imageOf(width, height, new Uint8Array(width * height).fill(1));

export function disc(side) {
  const element = cv.getStructuringElement(cv.MORPH_ELLIPSE, new cv.Size(side, side));
  const image = imageOfMatrix(element);
  element.delete();
  return image;
}

export const closed = (image, element) => morphed(image, element, "CLOSE");
export const opened = (image, element) => morphed(image, element, "OPEN");
export const dilated = (image, element) => morphed(image, element, "DILATE");

function morphed(image, element, how) {
  return made([image, element], (from, by, to) => cv.morphologyEx(from, to, cv[`MORPH_${how}`], by));
}

/* How far each pixel above 0 is from the nearest that is 0. */
export function distances(mask) {
  return made([mask], (from, to) => cv.distanceTransform(from, to, cv.DIST_L2, 3));
}

/* The 8-connected components of a mask: int32 labels, 0 for none, and for each label its box and its area. */
export function components(mask) {
  const [from, labels, stats, middles] = [matrixOf(mask), new cv.Mat(), new cv.Mat(), new cv.Mat()];
  try {
    const count = cv.connectedComponentsWithStats(from, labels, stats, middles, 8, cv.CV_32S);
    const found = Array.from({ length: count }, (_, label) => {
      const [left, top, width, height, area] = stats.intPtr(label);
      return { left, top, width, height, area };
    });
    return { labels: labels.data32S.slice(), found };
  } finally {
    for (const matrix of [from, labels, stats, middles]) matrix.delete();
  }
}

/* Lines. */

function drawn(image, draw) {
  const matrix = matrixOf(image);
  try {
    draw(matrix);
    return imageOfMatrix(matrix);
  } finally {
    matrix.delete();
  }
}

const pointOf = ([x, y]) => new cv.Point(x, y);

/* A line between two points; with `shift`, soft-edged, its points counted in parts of 2^shift of a pixel. */
export function line(image, from, to, level, { thickness = 1, shift = 0 } = {}) {
  const kind = shift ? cv.LINE_AA : cv.LINE_8;
  const colour = new cv.Scalar(level);
  return drawn(image, (onto) => cv.line(onto, pointOf(from), pointOf(to), colour, thickness, kind, shift));
}

/* A curve through points, [x, y] each. */
export function polyline(image, points, level, thickness) {
  const one = matrixOf(imageOf(1, points.length, Int32Array.from(points.flat()), 2));
  const all = new cv.MatVector();
  try {
    all.push_back(one);
    return drawn(image, (onto) => cv.polylines(onto, all, false, new cv.Scalar(level), thickness));
  } finally {
    for (const made of [one, all]) made.delete();
  }
}

/* A straight line through points by Welsch's estimator: [dx, dy, x, y]. */
export function fittedLine(points) {
  const matrix = imageOf(1, points.length, Float32Array.from(points.flat()), 2);
  return [...made([matrix], (from, to) => cv.fitLine(from, to, cv.DIST_WELSCH, 0, 0.01, 0.01)).data];
}

/* The polynomial of a degree with the least squared distance from points, its constant first. */
export function fittedPolynomial(xs, ys, degree) {
  const powers = imageOf(degree + 1, xs.length, Float64Array.from(xs.flatMap((x) => powersOf(x, degree))));
  const values = imageOf(1, ys.length, Float64Array.from(ys));
  return [...made([powers, values], (one, other, to) => cv.solve(one, other, to, cv.DECOMP_SVD)).data];
}

const powersOf = (x, degree) => Array.from({ length: degree + 1 }, (_, power) => x ** power);
