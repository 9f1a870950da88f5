"""Faithfulness of the explanations on MNIST's test digits, and a figure for the documentation.

`python bench/explain.py MNIST.npz [COUNT [MODEL]]` measures, with 95% bootstrap confidence intervals: how well an
occlusion map agrees with that of the same model with shuffled weights (Adebayo et al. 2018); how much confidence hiding
a fifth of the foreground costs, where the map points and around a random position; how often a small change makes the
runner-up the prediction, and how large it is. For the bundled model the results are saved, and docs/explain.png is
drawn with the least confident digits.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import onnx
from PIL import Image

from mnist_cnn.reading.digit import Box, Digit
from mnist_cnn.reading.explain import Explanation, Reasons, occlusion, reasons
from mnist_cnn.reading.illustrate import illustrate
from mnist_cnn.reading.model_names import BUNDLED
from mnist_cnn.reading.network import Classifier, onnx_classifier
from mnist_cnn.reading.reading import Reading
from mnist_cnn.reading.weights import calibrated_classifier
from mnist_cnn.system import environment
from read_pictures import arrays
from results import machine_line, write

DOCUMENTED = Path(__file__).parents[1] / "docs" / "explain.png"
DRAWN = 4
ELSEWHERE = 20  # positions per digit
SHUFFLES = 4  # each digit uses one of them in turn
SIDE = 5  # pixels: the occluding square


def shuffled(path: Path, seed: int) -> Classifier:
    """The model with the weights within each array shuffled."""
    model = onnx.load(path)
    rng = np.random.default_rng(seed)
    for weights in model.graph.initializer:
        values = onnx.numpy_helper.to_array(weights)
        if values.dtype == np.float32 and values.size > 1:
            mixed = rng.permutation(values.ravel()).reshape(values.shape)
            weights.CopyFrom(onnx.numpy_helper.from_array(mixed, weights.name))
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(model, Path(folder) / "shuffled.onnx")
        return onnx_classifier(Path(folder) / "shuffled.onnx", 1)


def rank_correlation(here: np.ndarray, there: np.ndarray) -> float:
    """Spearman's rank correlation; 0 if either map is constant."""
    ranks = [np.argsort(np.argsort(one, kind="stable"), kind="stable") for one in (here, there)]
    return float(np.corrcoef(*ranks)[0, 1]) if here.std() and there.std() else 0.0


def agreement(why: Reasons, other: Classifier) -> float:
    """Rank correlation of another model's occlusion map with this one's, on and near the foreground."""
    near = cv2.dilate(why.image, np.ones((SIDE, SIDE), np.uint8)) > 0
    there = occlusion(other, why.image, why.digit)
    return rank_correlation(why.importance[near], there[near])


def costs(classify: Classifier, why: Reasons, rng: np.random.Generator) -> tuple[float, float]:
    """Confidence lost when a fifth of the foreground is hidden: where the map is highest, and on average elsewhere."""
    ink = np.flatnonzero(why.image)
    count = len(ink) // 5
    rows, columns = np.divmod(ink, 28)
    most = ink[np.argsort(-why.importance.flat[ink], kind="stable")[:count]]
    hidden = [most]
    for centre in rng.choice(len(ink), ELSEWHERE):
        distance = np.hypot(rows - rows[centre], columns - columns[centre])
        hidden.append(ink[np.argsort(distance, kind="stable")[:count]])
    images = np.stack([why.image] * len(hidden))
    for image, pixels in zip(images, hidden, strict=True):
        image.flat[pixels] = 0
    lost = why.probabilities[why.digit] - classify(images)[:, why.digit]
    return float(lost[0]), float(lost[1:].mean())


def interval(values: Sequence[float] | np.ndarray) -> dict[str, object]:
    """The mean with its 95% bootstrap confidence interval over digits."""
    drawn = np.random.default_rng(0).choice(values, (2000, len(values))).mean(axis=1)
    return {
        "mean": float(np.mean(values)),
        "interval": np.quantile(drawn, [0.025, 0.975]).tolist(),
        "count": len(values),
    }


def draw(explained: list[Reasons]) -> None:
    """Save a figure of the least confident digits."""
    least = sorted(explained, key=lambda why: max(why.probabilities))[:DRAWN]
    digits = tuple(
        Digit(why.digit, max(why.probabilities), why.probabilities, Box(0, 0, 28, 28), False, why.image)
        for why in least
    )
    picture = illustrate(Explanation(Reading((digits,), 28, 28), tuple(least)))
    Image.fromarray(picture).save(DOCUMENTED, optimize=True)


def main(mnist: Path, count: int, model: Path = BUNDLED) -> None:
    """Measure everything, print it, and save it for the bundled model."""
    cv2.setNumThreads(1)
    classify = calibrated_classifier(model)
    onnx_file = model / "model.onnx" if model.is_dir() else model
    others = [shuffled(onnx_file, seed) for seed in range(SHUFFLES)]
    images, _ = arrays(mnist)
    rng = np.random.default_rng(0)
    explained, seconds = [], []
    for index in rng.choice(len(images), count, replace=False):
        start = time.perf_counter()
        explained.append(reasons(classify, images[index]))
        seconds.append(time.perf_counter() - start)
    agreements = np.array([agreement(why, others[index % SHUFFLES]) for index, why in enumerate(explained)])
    lost = [costs(classify, why, rng) for why in explained]
    changes = [(why, why.counterfactual) for why in explained if why.counterfactual]
    measured = {
        "rank correlation with shuffled weights": interval(agreements),
        "its absolute value": interval(np.abs(agreements)),
        "confidence lost, a fifth of the ink hidden where it points": interval([most for most, _ in lost]),
        "confidence lost, a fifth of the ink hidden around any place": interval([rest for _, rest in lost]),
        "more lost where it points": interval([float(most > rest) for most, rest in lost]),
        "some part decides (1 point of confidence)": interval(
            [float(why.importance.max() >= 0.01) for why in explained]
        ),
        "a small change was found": interval([float(why.counterfactual is not None) for why in explained]),
        "only ink added": interval([float(not change.removed.any()) for _, change in changes]),
        "only ink removed": interval([float(not change.added.any()) for _, change in changes]),
        "ink changed, share of the digit's": interval(
            [float((change.removed.sum() + change.added.sum()) / why.image.sum()) for why, change in changes]
        ),
        "confidence in the runner-up then": interval([change.probabilities[why.runner_up] for why, change in changes]),
        "seconds a digit": {"median": float(np.median(seconds)), "most": max(seconds)},
    }
    for name, value in measured.items():
        print(f"{name}: {value}", flush=True)
    print(machine_line())
    if model == BUNDLED:
        write("explain", {"commit": environment.git_commit(), "measured": measured})
        draw(explained)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 200, *map(Path, sys.argv[3:4]))
