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
export const median = (values) => quantile(values, 0.5);

export function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (place - low) * (sorted[high] - sorted[low]);
}

/* The largest and the least of any number of values: Math.max takes only so many. */
export const largest = (values) => values.reduce((most, value) => (value > most ? value : most), -Infinity);
export const least = (values) => values.reduce((most, value) => (value < most ? value : most), Infinity);

/* The first index of the largest value. */
export function argmax(values) {
  let best = 0;
  for (let index = 1; index < values.length; index += 1) if (values[index] > values[best]) best = index;
  return best;
}

export const argmin = (values) => argmax(Array.from(values, (value) => -value));

/* The indices from the largest value to the least, equal ones as they come. */
export function descending(values) {
  return Array.from(values, (_, index) => index).sort((a, b) => values[b] - values[a]);
}

/* The first index at which a running total of `counts` is `enough` or more. */
export function reached(counts, enough) {
  let total = 0;
  for (let index = 0; index < counts.length; index += 1) {
    total += counts[index];
    if (total >= enough) return index;
  }
  return counts.length;
}

/* A polynomial's value, its constant first. */
export const valueOf = (polynomial, x) => polynomial.reduceRight((value, factor) => value * x + factor, 0);
