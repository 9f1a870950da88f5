"""Build the nearest-neighbour index `reading/nearest.png` from training digits, and measure if it is worth its size.

`python bench/nearest_index.py MNIST.npz [FOLDER] [--write]`: the index holds, for each class, the MNIST training images
nearest to the cluster centres of k-means on `outlines` (seeded). Measured on MNIST's test digits, and on USPS and
hwd1000 if the folder has them: how often the three nearest neighbours have the predicted label, for correct and for
incorrect predictions, and how well that detects errors in addition to the confidence. `--write` rebuilds the index,
saves it, and also measures smaller and larger ones.
"""

import io
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from sklearn.cluster import MiniBatchKMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

from mnist_cnn.reading.nearest import INDEX, index, outlines
from mnist_cnn.reading.network import Classifier
from mnist_cnn.reading.weights import calibrated_classifier
from read_pictures import arrays
from results import machine_line, write
from robust import normalised

SIZES = (10, 30, 100, 200)  # images per class
BUNDLED = 100
LEVELS = 16  # grey levels
NEAREST = 3
AT_A_TIME = 5000
FOLDS = 5
Seen = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Features, the model's probabilities and the true labels."""


def features_of(images: np.ndarray) -> np.ndarray:
    """`outlines` of many images, in batches."""
    return np.concatenate([outlines(images[at : at + AT_A_TIME]) for at in range(0, len(images), AT_A_TIME)])


def chosen(features: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """The indices of `count` images per class, class 0 first."""
    picked = []
    for digit in range(10):
        of_it = np.flatnonzero(labels == digit)
        clusters = MiniBatchKMeans(count, random_state=0, n_init=1, batch_size=2048, max_iter=30).fit(features[of_it])
        order = np.argsort(clusters.transform(features[of_it]), axis=0)
        taken: list[int] = []
        for cluster in order.T:  # two clusters may have the same nearest image
            taken.append(next(one for one in cluster if one not in taken))
        picked.append(of_it[taken])
    return np.concatenate(picked)


def sheet_of(images: np.ndarray) -> bytes:
    """The images as a PNG with 16 grey levels, one row per class."""
    rows = images.reshape(10, -1, 28, 28).swapaxes(1, 2).reshape(280, -1)
    indexed = Image.fromarray(np.rint(rows / 255 * (LEVELS - 1)).astype(np.uint8), "P")
    indexed.putpalette([level * 255 // (LEVELS - 1) for level in range(LEVELS) for _ in range(3)])
    stream = io.BytesIO()
    indexed.save(stream, "PNG", bits=4, optimize=True)
    return stream.getvalue()


def shares(near: np.ndarray, probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float | None]:
    """Shares from the neighbours' labels (n, 3), the model's probabilities (n, 10) and the true labels (n,)."""
    read = probabilities.argmax(axis=1)
    wrong = read != labels
    same = (near == read[:, np.newaxis]).sum(axis=1)
    doubt = -np.log(probabilities.max(axis=1) / (1 - probabilities.max(axis=1)).clip(1e-7))
    both = np.column_stack([doubt, (same == 1) | (same == 2), same == 0])
    together = doubt
    if wrong.sum() >= FOLDS:
        together = cross_val_predict(LogisticRegression(), both, wrong, cv=FOLDS, method="predict_proba")[:, 1]
    return {
        "mistakes": int(wrong.sum()),
        "of": len(labels),
        "first neighbour is right": share(near[:, 0] == labels),
        "right: share of neighbours as read": share(near[~wrong] == read[~wrong, np.newaxis]),
        "right: at least one as read": share(same[~wrong] > 0),
        "wrong: share of neighbours as read": share(near[wrong] == read[wrong, np.newaxis]),
        "wrong: share of neighbours of the truth": share(near[wrong] == labels[wrong, np.newaxis]),
        "mistakes where all three are as read": share(wrong[same == NEAREST]),
        "mistakes where one or two are": share(wrong[(same > 0) & (same < NEAREST)]),
        "mistakes where none is": share(wrong[same == 0]),
        "AUROC of the confidence": area(wrong, doubt),
        "AUROC of the neighbours": area(wrong, -same),
        "AUROC of both": area(wrong, together),
    }


def share(true: np.ndarray) -> float | None:
    """The share that is true, or None of an empty array."""
    return float(true.mean()) if true.size else None


def area(wrong: np.ndarray, doubt: np.ndarray) -> float | None:
    """AUROC of `doubt` as a detector of errors, or None if there are none."""
    return float(roc_auc_score(wrong, doubt)) if wrong.any() else None


def sets(mnist: Path, folder: Path | None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The test sets, in MNIST's format."""
    found = {"MNIST test": arrays(mnist)}
    for name, ink in (("usps_test", 255), ("hwd1000", 0)):
        if folder and (file := folder / f"{name}.npz").exists():
            images, labels = arrays(file)
            found[name] = (normalised(images if ink else 255 - images), labels)
    return found


def probabilities_of(classify: Classifier, images: np.ndarray) -> np.ndarray:
    """The model's probabilities, in batches."""
    return np.concatenate([classify(images[at : at + AT_A_TIME]) for at in range(0, len(images), AT_A_TIME)])


def compared(mnist: Path, seen: dict[str, Seen]) -> list[dict[str, Any]]:
    """Build and measure indices of every size, and save the bundled one."""
    with np.load(mnist, allow_pickle=False) as file:
        images, labels = file["x_train"], file["y_train"].astype(np.int64)
    features = features_of(images)
    rows = []
    for size in SIZES:
        picked = chosen(features, labels, size)
        sheet = sheet_of(images[picked])
        rows += measured(size, len(sheet), features[picked], seen)
        if size == BUNDLED:
            INDEX.write_bytes(sheet)
    return rows


def measured(size: int, length: int, features: np.ndarray, seen: dict[str, Seen]) -> list[dict[str, Any]]:
    """Measure an index of `size` images per class on every test set."""
    rows = []
    for name, (theirs, probabilities, truth) in seen.items():
        near = np.argsort(-(theirs @ features.T), axis=1, kind="stable")[:, :NEAREST] // size
        rows.append({"of each": size, "bytes": length, "set": name, **shares(near, probabilities, truth)})
        print(rows[-1], flush=True)
    return rows


def main(mnist: Path, folder: Path | None, keep: bool) -> None:
    """Measure the bundled index, or rebuild it."""
    cv2.setNumThreads(1)
    classify = calibrated_classifier()
    seen = {
        name: (features_of(these), probabilities_of(classify, these), truth)
        for name, (these, truth) in sets(mnist, folder).items()
    }
    if keep:
        write("nearest_index_sizes", {"measured": compared(mnist, seen)})
    else:
        write("nearest_index", {"measured": measured(BUNDLED, INDEX.stat().st_size, index()[1], seen)})
    print(machine_line())


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--write"]
    main(Path(words[0]), Path(words[1]) if words[1:] else None, "--write" in sys.argv)
