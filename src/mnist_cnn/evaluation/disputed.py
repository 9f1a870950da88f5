"""MNIST's test labels that human raters dispute, and the labels they give instead.

Source: Northcutt, Athalye and Mueller 2021, "Pervasive Label Errors in Test Sets Destabilize Machine Learning
Benchmarks", arXiv:2103.14749, and the raters' answers published with it (mnist_mturk.json of cleanlab/label-errors).
Five raters each saw 100 test images, most of which a model had misclassified, and said whether they saw the given
digit, the predicted digit, or neither. A label is disputed if at most two of the five saw the given digit.

Raters saw hardly any image that the model had classified correctly, so the correction favours models: report the
corrected accuracy beside the accuracy on the given labels, never instead of it.
"""

import numpy as np

# Index in the test set, counted from 0 → the digit that at least three of five raters saw; None if there was none.
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
EXCLUDED = -1
RELABELLED = sum(digit is not None for digit in DISPUTED.values())
UNDECIDED = len(DISPUTED) - RELABELLED


def corrected(labels: np.ndarray) -> np.ndarray:
    """Labels of MNIST's test images (n,) as the majority of raters has them, -1 where there is no majority.

    The images must be in the original order; with fewer than 10,000, disputed labels beyond the last are ignored.
    """
    result = labels.astype(np.int8)
    for index, digit in DISPUTED.items():
        if index < len(labels):
            result[index] = EXCLUDED if digit is None else digit
    return result
