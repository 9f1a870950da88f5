"""Accuracy on other datasets and rejection of non-digits: the recipe `robust` compared with other models.

    python bench/robust.py MODEL.onnx … [--data FOLDER]

FOLDER (default: the current one) holds usps_test.npz (images 16×16), hwd1000.npz (28×28, black on white) and
letters_A_to_J.npz (28×28), which are never used for training; missing files are skipped with a note. MNIST is found
through MNIST_CNN_DATA. All images go through `reading.normalise`, as when reading. A model rejects an image if its
highest probability is below the threshold that rejects 1% of MNIST's test digits. Also evaluated: restyled MNIST test
digits and generated non-digits, as in training but with another seed. The results are counts, shares and 95% confidence
intervals (Wilson 1927).
"""

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

from mnist_cnn.data import source
from mnist_cnn.data.dataset import Examples
from mnist_cnn.data.negatives import negatives
from mnist_cnn.data.restyle import restyled
from mnist_cnn.evaluation.metrics import wilson_interval
from mnist_cnn.reading.network import Classifier, onnx_classifier
from mnist_cnn.reading.normalise import to_mnist
from results import machine_line, median

SEED, REJECTED, MADE = 20261123, 0.01, 10_000


def normalised(images: np.ndarray) -> np.ndarray:
    """The images (n, height, width) in MNIST's format, (n, 28, 28)."""
    return np.stack([to_mnist(image) for image in images])


def digits_and_others(folder: Path) -> tuple[dict[str, Examples], dict[str, np.ndarray]]:
    """Test sets of digits and of non-digits, by name."""
    test = source.load("mnist").test
    rng = np.random.default_rng(SEED)
    digits = {
        "MNIST test": test,
        "MNIST test, restyled": Examples(restyled(test.images, test.labels, 1, rng), test.labels),
    }
    others = {"generated as in training": negatives(MADE, test.images, test.labels, rng)}
    for name, file in (
        ("USPS test", "usps_test.npz"),
        ("hwd1000", "hwd1000.npz"),
        ("letters A to J", "letters_A_to_J.npz"),
    ):
        if not (folder / file).exists():
            print(f"{name} is skipped: {folder / file} does not exist.")
            continue
        with np.load(folder / file, allow_pickle=False) as arrays:
            images, labels = arrays["images"], arrays["labels"]
        if name == "letters A to J":
            others[name] = normalised(images)
        else:
            digits[name] = Examples(normalised(255 - images if name == "hwd1000" else images), labels)
    return digits, others


def counted(count: int, of: int) -> str:
    """A count as a share with its confidence interval."""
    low, high = wilson_interval(count, of)
    return f"{count} of {of}: {100 * count / of:.2f}% ({100 * low:.2f}–{100 * high:.2f}%)"


def milliseconds_an_image(classify: Classifier, images: np.ndarray) -> float:
    """Median milliseconds of a single image."""
    seconds = []
    for image in images[:500]:
        start = time.perf_counter()
        classify(image[np.newaxis])
        seconds.append(time.perf_counter() - start)
    return 1000 * median(seconds)


def measure(path: Path, digits: dict[str, Examples], others: dict[str, np.ndarray]) -> None:
    """Print the table of one model."""
    classify = onnx_classifier(path)
    threshold = float(np.quantile(classify(digits["MNIST test"].images).max(axis=1), REJECTED))
    speed = milliseconds_an_image(classify, digits["MNIST test"].images)
    print(f"\n{path} ({path.stat().st_size:,} bytes), rejects below {threshold:.3f}; {speed:.3f} ms per image")
    print(f"| digits | correct | rejected | correct of the rest |\n|{'---|' * 4}")
    for name, examples in digits.items():
        probabilities = classify(examples.images)
        correct = probabilities.argmax(axis=1) == examples.labels
        accepted = probabilities.max(axis=1) >= threshold
        row = (
            counted(correct.sum(), len(correct)),
            counted((~accepted).sum(), len(accepted)),
            counted(correct[accepted].sum(), accepted.sum()),
        )
        print("|", " | ".join([name, *row]), "|")
    print(f"\n| non-digits | accepted |\n|{'---|' * 2}")
    for name, images in others.items():
        print("|", name, "|", counted((classify(images).max(axis=1) >= threshold).sum(), len(images)), "|")


def main() -> None:
    """Evaluate every named model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--data", type=Path, default=Path(), metavar="FOLDER")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    digits, others = digits_and_others(asked.data)
    for path in asked.models:
        measure(path, digits, others)
    print(f"\n{machine_line()}")


if __name__ == "__main__":
    main()
