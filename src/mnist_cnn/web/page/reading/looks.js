/* A picture in MNIST's own size comes in, other ways to look at it go out. (reading/looks.py) */

import { closed, disc, inverted, medianBlur, opened, square } from "./image.js";

/* Eight images of a grey one: as it is, without specks, without hairlines, outlines filled; the same of its negative. */
export const looks = (grey) => [grey, inverted(grey)].flatMap(four);

const four = (image) => [image, medianBlur(image, 3), opened(image, square(2)), closed(image, disc(5))];
