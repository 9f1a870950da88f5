/* A short stroke of a pen with soft edges in one of four directions, as OpenCV's line draws it (7 long, 2 wide).

   The levels are copied: computing them takes OpenCV some two hundred lines. At the border of an image, where OpenCV cuts
   a line off first and draws it then, a few of them differ a little. */

import { blank } from "./image.js";

/* For each direction, the levels, and which row and column of them the middle is in. */
export const DIRECTIONS = [
  {
    middle: [2, 6],
    levels: [
      [0, 0, 12, 38, 53, 53, 53, 53, 53, 40, 14, 0, 0],
      [0, 0, 227, 255, 255, 255, 255, 255, 255, 255, 232, 10, 0],
      [0, 195, 255, 255, 255, 255, 255, 255, 255, 255, 255, 200, 4],
      [2, 6, 232, 255, 255, 255, 255, 255, 255, 255, 234, 10, 2],
      [0, 2, 18, 48, 60, 58, 58, 58, 60, 50, 20, 2, 0],
    ],
  },
  {
    middle: [4, 5],
    levels: [
      [0, 18, 135, 133, 63, 8, 0, 0, 0, 0, 0],
      [18, 126, 216, 252, 208, 18, 0, 0, 0, 0, 0],
      [20, 195, 255, 255, 255, 205, 0, 0, 0, 0, 0],
      [8, 65, 222, 255, 255, 255, 201, 0, 0, 0, 0],
      [0, 0, 0, 201, 255, 255, 255, 201, 0, 0, 0],
      [0, 0, 0, 0, 201, 255, 255, 255, 218, 63, 8],
      [0, 0, 0, 0, 0, 205, 255, 255, 255, 190, 18],
      [0, 0, 0, 0, 0, 20, 211, 255, 255, 138, 20],
      [0, 0, 0, 0, 0, 8, 65, 143, 145, 20, 0],
    ],
  },
  {
    middle: [5, 2],
    levels: [
      [0, 69, 120, 69, 0],
      [75, 216, 255, 219, 79],
      [105, 255, 255, 255, 111],
      [53, 255, 255, 255, 58],
      [53, 255, 255, 255, 58],
      [53, 255, 255, 255, 58],
      [53, 255, 255, 255, 58],
      [53, 255, 255, 255, 58],
      [96, 255, 255, 255, 102],
      [88, 255, 255, 255, 90],
      [0, 79, 255, 78, 0],
    ],
  },
  {
    middle: [4, 5],
    levels: [
      [0, 0, 0, 0, 0, 8, 63, 134, 134, 18, 0],
      [0, 0, 0, 0, 0, 18, 208, 252, 216, 126, 18],
      [0, 0, 0, 0, 0, 205, 255, 255, 255, 196, 20],
      [0, 0, 0, 0, 201, 255, 255, 255, 222, 65, 8],
      [0, 0, 0, 201, 255, 255, 255, 201, 0, 0, 0],
      [8, 63, 218, 255, 255, 255, 201, 0, 0, 0, 0],
      [18, 190, 255, 255, 255, 205, 0, 0, 0, 0, 0],
      [20, 138, 255, 255, 211, 20, 0, 0, 0, 0, 0],
      [0, 20, 145, 143, 65, 8, 0, 0, 0, 0, 0],
    ],
  },
];

/* A stroke through a pixel of an otherwise empty square. */
export function stroke({ levels, middle: [above, before] }, row, column, side) {
  const { data } = blank(side, side);
  levels.forEach((line, down) => {
    line.forEach((level, across) => {
      const [y, x] = [row - above + down, column - before + across];
      if (y >= 0 && y < side && x >= 0 && x < side) data[y * side + x] = level;
    });
  });
  return data;
}
