"""A dataset and ink → what made pages are made of, to train and to validate on; what a card says of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from mnist_cnn.data.dataset import Dataset
from mnist_cnn.data.ink.collection import Ink, writers
from mnist_cnn.data.ink.writers import held_out
from mnist_cnn.data.pages.sources import LEFT_OUT, Sources, sources
from mnist_cnn.errors import DataError
from mnist_cnn.workflows.run_card import about_data


@dataclass(frozen=True, eq=False)
class PageData:
    """What made pages come from: a dataset, split already, and ink, if there is any."""

    dataset: Dataset
    ink: Ink | None

    def sources(self, *, validation: bool) -> Sources:
        """The prepared sources of one part; raises DataError if it has no image of one of the digits."""
        images, labels = self.dataset.train.joined(self.dataset.validation)
        characters, lines = (self.ink.characters, self.ink.lines) if self.ink else ((), ())
        made = sources(images, labels, characters, lines, validation=validation)
        if len(missing := np.flatnonzero(np.diff(made.starts) == 0)):
            raise DataError(
                f"There is no {missing[0]} among the {len(made.images):,} images to "
                f"{'validate' if validation else 'train'} on, and pages need all ten digits: give more images."
            )
        return made

    def about(self, made: dict[str, Any]) -> dict[str, Any]:
        """What the model card says of it, and of what is `made` of it.

        The dataset's test images are not used: what is made of other images takes their place.
        """
        about = about_data(self.dataset) | {"test": 0} | made
        return about | ({"ink": about_ink(self.ink)} if self.ink else {})


def about_ink(ink: Ink) -> dict[str, Any]:
    """What the model card says of the ink that pages are written with."""
    used = [one for one in ink.characters if not one.writer.startswith(LEFT_OUT)]
    seen = [one for one in used if not held_out(one.writer)]
    unseen = [one for one in used if held_out(one.writer)]
    digits = [one for one in unseen if one.is_digit]
    return {
        "sources": list(ink.sources),
        "origin": list(ink.origin),
        "sha256": ink.sha256,
        "lines": len(ink.lines),
        "training": {
            "digits": sum(one.is_digit for one in seen),
            "others": sum(not one.is_digit for one in seen),
            "writers": writers(seen),
        },
        "held_out": {"digits": len(digits), "others": len(unseen) - len(digits), "writers": writers(unseen)},
        "left_out": sum(one.is_digit for one in ink.characters) - sum(one.is_digit for one in used),
        "accuracy": {},
    }
