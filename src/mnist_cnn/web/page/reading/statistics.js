/* Numbers come in, what is usual among them goes out: NumPy's and Python's own rules, where JavaScript has others. */

/* To the nearest whole number, from the middle to the even one. */
export function round(value) {
  const low = Math.floor(value);
  const over = value - low;
  if (over === 0.5) return low % 2 ? low + 1 : low;
  return over < 0.5 ? low : low + 1;
}

export const sum = (values) => values.reduce((total, value) => total + value, 0);
export const mean = (values) => sum(values) / values.length;

export function median(values) {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/* The first index of the largest value. */
export function argmax(values) {
  let best = 0;
  for (let index = 1; index < values.length; index += 1) if (values[index] > values[best]) best = index;
  return best;
}

/* The indices from the largest value to the least, equal ones as they come. */
export function descending(values) {
  return Array.from(values, (_, index) => index).sort((a, b) => values[b] - values[a]);
}

/* The indices from the least value to the largest, equal ones as they come. */
export function ordered(values) {
  return Array.from(values, (_, index) => index).sort((a, b) => values[a] - values[b]);
}

/* The eigenvector of the largest eigenvalue of a symmetric matrix, by Jacobi's rotations. */
export function mainDirection(matrix) {
  const size = matrix.length;
  const values = matrix.map((row) => [...row]);
  const vectors = values.map((row, index) => row.map((_, place) => (index === place ? 1 : 0))); // in columns
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    for (let one = 0; one < size - 1; one += 1) {
      for (let other = one + 1; other < size; other += 1) rotate(values, vectors, one, other);
    }
  }
  const largest = argmax(values.map((row, index) => row[index]));
  return vectors.map((row) => row[largest]);
}

const SWEEPS = 20; // each of which squares what is left beside the diagonal

/* Turn two axes so that their product becomes 0. */
function rotate(values, vectors, one, other) {
  if (!values[one][other]) return;
  const angle = Math.atan2(2 * values[one][other], values[other][other] - values[one][one]) / 2;
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  const turned = (a, b) => [cosine * a - sine * b, sine * a + cosine * b];
  for (const row of [...values, ...vectors]) [row[one], row[other]] = turned(row[one], row[other]);
  const columns = values[one].map((value, index) => turned(value, values[other][index]));
  [values[one], values[other]] = [columns.map(([value]) => value), columns.map(([, value]) => value)];
}
