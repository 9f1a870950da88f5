/* Images, parts of them, and frames around them. Knows nothing of what they show.

   An image is { data, width, height, channels }, its pixels row by row in a typed array. */

export const imageOf = (width, height, data, channels = 1) => ({ width, height, data, channels });
export const blank = (width, height, kind = Uint8Array) => imageOf(width, height, new kind(width * height));
export const longer = ({ width, height }) => Math.max(width, height);

export function someAbove0({ data }) {
  for (let index = 0; index < data.length; index += 1) if (data[index] > 0) return true;
  return false;
}

export function greatest({ data }) {
  let most = data[0];
  for (let index = 1; index < data.length; index += 1) if (data[index] > most) most = data[index];
  return most;
}

/* How many pixels of (h, w) uint8 there are of each level. */
export function histogram({ data }) {
  const counts = new Uint32Array(256);
  for (let index = 0; index < data.length; index += 1) counts[data[index]] += 1;
  return counts;
}

export function inverted({ data, width, height }) {
  const image = blank(width, height);
  for (let index = 0; index < data.length; index += 1) image.data[index] = 255 - data[index];
  return image;
}

export function cut({ data, width }, left, top, across, down) {
  const part = blank(across, down, data.constructor);
  for (let row = 0; row < down; row += 1) {
    const start = (top + row) * width + left;
    part.data.set(data.subarray(start, start + across), row * across);
  }
  return part;
}

/* Put an image onto a larger one, which is changed. */
export function paste(onto, image, left, top) {
  for (let row = 0; row < image.height; row += 1) {
    const line = image.data.subarray(row * image.width, (row + 1) * image.width);
    onto.data.set(line, (top + row) * onto.width + left);
  }
  return onto;
}

/* With so many pixels of paper, 0, on each side. */
export function padded(image, margin) {
  return paste(blank(image.width + 2 * margin, image.height + 2 * margin, image.data.constructor), image, margin, margin);
}

/* With more rows and columns that repeat those at its border. */
export function framed(image, { left, top, right, bottom }) {
  const { width, height, data } = image;
  const [across, down] = [left + width + right, top + height + bottom];
  const larger = paste(blank(across, down, data.constructor), image, left, top);
  for (let row = top; row < top + height; row += 1) {
    const start = row * across;
    larger.data.fill(larger.data[start + left], start, start + left);
    larger.data.fill(larger.data[start + left + width - 1], start + left + width, start + across);
  }
  for (let row = 0; row < top; row += 1) larger.data.copyWithin(row * across, top * across, (top + 1) * across);
  const last = (top + height - 1) * across;
  for (let row = top + height; row < down; row += 1) larger.data.copyWithin(row * across, last, last + across);
  return larger;
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
