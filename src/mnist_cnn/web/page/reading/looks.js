/* A picture in MNIST's own size comes in, other ways to look at it go out. (reading/looks.py) */

import { closed, disc, medianBlur, opened, square } from "./image.js";

/* Four of an image with light ink: as it is, without specks, without hairlines, outlines filled. */
export const looks = (image) => [image, medianBlur(image, 3), opened(image, square(2)), closed(image, disc(5))];
