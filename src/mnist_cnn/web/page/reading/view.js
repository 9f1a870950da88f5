/* An image turned, levelled or straightened, and the way back. (reading/view.py)

   A view is { grey, back }: pixels, and the matrix that leads from it to the image. */

import { blank } from "../pixels/image.js";
import { moved, times, warpedBy } from "../pixels/perspective.js";
import { round } from "./statistics.js";

/* A box [left, top, right, bottom] of a view as the box around it in the image. */
export function boxBack([left, top, right, bottom], { back }) {
  const corners = [[left, top], [right, top], [right, bottom], [left, bottom]].map((corner) => moved(corner, back));
  const [xs, ys] = [0, 1].map((axis) => corners.map((corner) => corner[axis]));
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

export const asItIs = (grey) => ({ grey, back: [1, 0, 0, 0, 1, 0, 0, 0, 1] });

/* A view turned to the left by so many quarters. */
export function turned(view, quarters) {
  return quarters ? turned(toTheLeft(view), quarters - 1) : view;
}

function toTheLeft({ grey: { data, width, height }, back }) {
  const grey = blank(height, width);
  for (let row = 0, index = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1, index += 1) {
      grey.data[(width - 1 - column) * height + row] = data[index];
    }
  }
  return { grey, back: times(back, [0, -1, width, 1, 0, 0, 0, 0, 1]) };
}

/* A view turned to the left by so many radians: what falls by them to the right is level then. All of it is kept. */
export function levelled(view, falling) {
  const { width, height } = view.grey;
  const [cosine, sine] = [Math.cos(falling), Math.sin(falling)];
  const wide = round(width * Math.abs(cosine) + height * Math.abs(sine));
  const high = round(width * Math.abs(sine) + height * Math.abs(cosine));
  const right = width / 2 - (cosine * wide - sine * high) / 2;
  const down = height / 2 - (sine * wide + cosine * high) / 2;
  return warped(view, [cosine, -sine, right, sine, cosine, down, 0, 0, 1], wide, high);
}

/* What a view shows at another size, where the matrix `back` leads from it to the view. */
export function warped(view, back, width, height) {
  const [toMiddle, fromMiddle] = [0.5, -0.5].map((half) => [1, 0, half, 0, 1, half, 0, 0, 1]); // of a pixel
  const grey = warpedBy(view.grey, times(times(fromMiddle, back), toMiddle), width, height);
  return { grey, back: times(view.back, back) };
}
