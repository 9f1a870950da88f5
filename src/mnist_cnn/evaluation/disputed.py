"""The labels of MNIST's test images that human raters dispute, and what they say instead.

Source: Northcutt, Athalye and Mueller 2021, "Pervasive Label Errors in Test Sets Destabilize Machine Learning
Benchmarks", arXiv:2103.14749, and the raters' answers published with it (mnist_mturk.json of cleanlab/label-errors).
Five raters each saw 100 test images, chosen because a network had read most of them otherwise, and said whether they
saw the given digit, the network's, or neither. Disputed are those in which at most two of the five saw the given one.

Raters saw hardly anything but what a network had misread, so the correction favours networks: it belongs beside the
accuracy on the given labels, never in its place.
"""

import numpy as np

# Index in the test set, counted from 0 → the digit that at least three of five raters saw; None where no digit was.
DISPUTED: dict[int, int | None] = {
    947: 9,
    1621: 6,
    1901: 4,
    2130: None,  # 4 or 9: two raters each
    2462: 0,
    2597: 3,
    2654: None,  # neither 6 nor 1
    3520: None,  # neither 6 nor 4
    3558: 0,
    5937: 3,
    6651: 6,
    6783: 6,
    8527: None,  # 4 or 9: two raters each
    9679: None,  # neither 6 nor 3
    9729: 6,
}
LEFT_OUT = -1
RELABELLED = sum(digit is not None for digit in DISPUTED.values())
UNDECIDED = len(DISPUTED) - RELABELLED


def corrected(labels: np.ndarray) -> np.ndarray:
    """The labels of MNIST's test images (n,) as most raters have them, -1 where they agree on no digit.

    The images are in the original order; where they are only the first n, what is disputed beyond them is ignored.
    """
    result = labels.astype(np.int8)
    for index, digit in DISPUTED.items():
        if index < len(labels):
            result[index] = LEFT_OUT if digit is None else digit
    return result
