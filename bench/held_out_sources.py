"""What made sheets and pages are written with: the ink of held-out writers, and the last 5% of MNIST's training images.

    python bench/held_out_sources.py INK … -o SOURCES.npz [--training]

INK are UNIPEN and Pen-Digits, as `train --ink` takes them; MNIST is found through MNIST_CNN_DATA. SOURCES.npz is what
`sheets.py`, `evidence.py` and others take. Nothing was trained on it, unless it was made with `--training`.
"""

import argparse
from pathlib import Path

from mnist_cnn.data import source
from mnist_cnn.data.ink.collection import load_ink
from mnist_cnn.data.pages.sources import save
from mnist_cnn.workflows.page_preparation import PageData


def main() -> None:
    """Load, split by writers, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ink", type=Path, nargs="+")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--training", action="store_true", help="of the writers that were trained on instead")
    options = parser.parse_args()
    data = PageData(source.load("mnist"), load_ink(options.ink, with_lines=True))
    made = data.sources(validation=not options.training)
    save(made, options.output)
    print(f"{options.output}: {len(made.images):,} images, {len(made.digits.labels):,} digits of ink")


if __name__ == "__main__":
    main()
