/* A mask comes in, how far each of its pixels is from the nearest that is 0 goes out, as OpenCV's distanceTransform with
   steps to the eight neighbours gives it (Borgefors, "Distance transformations in digital images", 1986). */

const ONE = 65536;
const [BESIDE, ACROSS] = [0.955, 1.3693].map((step) => Math.round(step * ONE));
const FAR = 2 ** 30;

export function distances({ data, width, height }) {
  const wide = width + 2;
  const steps = new Int32Array(wide * (height + 2)).fill(FAR); // with a frame, so that no pixel is at a border
  for (let row = 0, from = 0, at = wide + 1; row < height; row += 1, at += 2) {
    for (let column = 0; column < width; column += 1, from += 1, at += 1) {
      if (!data[from]) steps[at] = 0;
      else {
        const above = Math.min(steps[at - wide] + BESIDE, steps[at - wide - 1] + ACROSS, steps[at - wide + 1] + ACROSS);
        steps[at] = Math.min(above, steps[at - 1] + BESIDE, FAR);
      }
    }
  }
  const found = new Float32Array(width * height);
  for (let row = height - 1, to = found.length - 1, at = steps.length - wide - 2; row >= 0; row -= 1, at -= 2) {
    for (let column = width - 1; column >= 0; column -= 1, to -= 1, at -= 1) {
      const below = Math.min(steps[at + wide] + BESIDE, steps[at + wide - 1] + ACROSS, steps[at + wide + 1] + ACROSS);
      steps[at] = Math.min(steps[at], below, steps[at + 1] + BESIDE);
      found[to] = steps[at] / ONE;
    }
  }
  return found;
}
