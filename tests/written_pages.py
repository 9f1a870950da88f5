"""A page on which a hand wrote 12.5, for tests of what is known about marks and digits on made pages."""

from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np

from drawn_ink import SEEN, UNSEEN, ink_of
from mnist_cnn.data.pages import sources, writing
from mnist_cnn.data.pages.page import Box
from mnist_cnn.data.pages.scene import Scene
from mnist_cnn.data.pages.sources import Sources
from mnist_cnn.data.pages.writing import some_hand
from test_pages import digit_images

WHOLE = Box(0, 0, 200, 200)  # the page


class WrittenPage(NamedTuple):
    """The scene, its image (200, 200) uint8, the box of 12, and that of the point."""

    scene: Scene
    grey: np.ndarray
    number: Box
    point: Box


def page_sources() -> Sources:
    """What pages are made of, with a little ink."""
    return sources.sources(*digit_images(), ink_of(SEEN, UNSEEN, each=2).characters)


def twelve_point_five(given: Sources) -> WrittenPage:
    """Written by an upright hand, digits 30 pixels high, standing about on row 100."""
    scene = Scene(np.random.default_rng(3), given, 200)
    hand = replace(some_hand(scene, 30.0, "ink"), linear=np.eye(2, dtype=np.float32), unsteady=0.0, pen=3.0)
    number = writing.number(scene, hand, "12", 20, 100, gap=0.3)
    point = writing.beside(scene, hand, ".", number.right + 6, 100)
    writing.number(scene, hand, "5", point.right + 6, 100)
    grey = np.asarray(cv2.resize(255 - scene.ink, (200, 200), interpolation=cv2.INTER_AREA))
    return WrittenPage(scene, grey, number, point)
