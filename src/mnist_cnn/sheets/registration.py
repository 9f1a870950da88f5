"""A scan of a form is laid over its reference scan: two images come in, a homography goes out. Knows no fields.

Local features are matched (ORB: Rublee et al. 2011), a homography that most of them agree on is found (RANSAC), and
refined by the pixels themselves (ECC: Evangelidis, Psarakis 2008). What is printed on the reference must then be seen
in the same places of the scan.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from mnist_cnn.errors import RegistrationError
from mnist_cnn.reading.scale import shrink

FEATURES, LEVELS = 4000, 10  # of an image, and sizes of it in which they are looked for, each 1.2 times the next
SURER = 0.8  # times as far as the second-nearest feature, at most, the nearest one is
FEWEST = 12  # matches that agree
WITHIN = 4.0  # pixels by which matches may be apart
ROUNDS, STEADY = 20, 1e-4  # of the refinement, and its least gain
SIDE = 500  # pixels of the images that are refined by
FINE, COARSE = 1.5, 12.0  # pixels: deviations of the two blurs between which print is seen
TILES = 8  # of the shorter side of the reference
PRINTED = 0.3  # of the usual contrast of tiles: less is no print to compare by
SAME = 0.35  # the correlation of a tile in which the same is printed
LEAST = 0.6  # of the tiles of a registered scan that show the same
SMALLEST, STEEPEST = 0.15, 4.0  # of the scan that the form takes up, and times that one side is longer than the other
FLAGS = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP


@dataclass(frozen=True, eq=False)
class Registration:
    """How a scan, `grey` (h, w) uint8, lies over a reference of this `shape`: the matrix `back` (3, 3) leads to it.

    `quality`, 0 to 1, is how much of what is printed on the reference is in its place in the scan.
    """

    grey: np.ndarray
    back: np.ndarray
    shape: tuple[int, ...]
    quality: float

    def view(self, times: float = 1.0) -> np.ndarray:
        """The scan as the reference is seen, or so many times as large, (h, w) uint8."""
        height, width = self.shape
        size = round(times * width), round(times * height)
        back = self.back @ np.linalg.inv(enlarging((size[0] / width, size[1] / height)))
        return np.asarray(cv2.warpPerspective(self.grey, back, size, flags=FLAGS, borderMode=cv2.BORDER_REPLICATE))


class Reference:
    """A reference scan (h, w) uint8, prepared so that many scans can be registered to it."""

    def __init__(self, grey: np.ndarray) -> None:
        self.grey = grey
        self.detailed = details(grey)
        self.features = features_of(grey)
        self.tiles = tiles_of(self.detailed)

    @property
    def is_distinct(self) -> bool:
        """Whether enough is printed on it to register scans by."""
        return len(self.features[0]) >= 4 * FEWEST and len(self.tiles) >= 4

    def register(self, grey: np.ndarray) -> Registration:
        """How a scan (h, w) uint8 lies over it; raises RegistrationError if it does not show this form."""
        rough = matched(self.features, features_of(grey))
        if rough is None or not is_plausible(rough, self.grey.shape, grey.shape):
            raise RegistrationError("it does not resemble the reference scan")
        better = refined(self.grey, grey, rough)
        plausible = [back for back in (better, rough) if is_plausible(back, self.grey.shape, grey.shape)]
        best = max((seen_through(self, grey, back) for back in plausible), key=lambda one: one.quality)
        if best.quality < LEAST:
            raise RegistrationError(f"{best.quality:.0%} of what is printed is where it should be, not {LEAST:.0%}")
        return best


def features_of(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The places (n, 2) of local features and what they look like, (n, 32) uint8."""
    orb = cv2.ORB.create(nfeatures=FEATURES, nlevels=LEVELS, fastThreshold=8)
    soft = cv2.createCLAHE(2.0, (8, 8)).apply(cv2.GaussianBlur(grey, (0, 0), 1.0))
    points, looks = orb.detectAndCompute(soft, None)
    if looks is None:
        return np.zeros((0, 2), np.float32), np.zeros((0, 32), np.uint8)
    return np.array([point.pt for point in points], np.float32), np.asarray(looks)


def matched(reference: tuple[np.ndarray, np.ndarray], scan: tuple[np.ndarray, np.ndarray]) -> np.ndarray | None:
    """The homography (3, 3) from the reference to the scan that enough of their features agree on."""
    if min(len(reference[0]), len(scan[0])) < FEWEST:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(reference[1], scan[1], k=2)
    good = [two[0] for two in pairs if len(two) == 2 and two[0].distance < SURER * two[1].distance]
    if len(good) < FEWEST:
        return None
    places = reference[0][[one.queryIdx for one in good]], scan[0][[one.trainIdx for one in good]]
    back, agree = cv2.findHomography(*places, cv2.USAC_MAGSAC, WITHIN, maxIters=5000, confidence=0.999)
    return None if back is None or int(agree.sum()) < FEWEST else np.asarray(back)


def is_plausible(back: np.ndarray, reference: tuple[int, ...], scan: tuple[int, ...]) -> bool:
    """Whether a sheet can be seen so: whole, not mirrored, large enough, and not from too flat an angle."""
    height, width = reference
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], float)
    with np.errstate(all="ignore"):
        moved = np.concatenate([corners, np.ones((4, 1))], axis=1) @ back.T
        if not np.isfinite(moved).all() or (moved[:, 2] * back[2, 2] <= 0).any():
            return False
        moved = moved[:, :2] / moved[:, 2:]
    sides = np.roll(moved, -1, axis=0) - moved
    turns = sides[:, 0] * np.roll(sides[:, 1], -1) - sides[:, 1] * np.roll(sides[:, 0], -1)
    lengths = np.hypot(*sides.T)
    opposite = lengths[[0, 1]] / lengths[[2, 3]]
    area = cv2.contourArea(moved.astype(np.float32))
    is_even = bool((opposite < STEEPEST).all() and (opposite > 1 / STEEPEST).all())
    return bool((turns > 0).all()) and is_even and area >= SMALLEST * scan[0] * scan[1]


def refined(reference: np.ndarray, scan: np.ndarray, back: np.ndarray) -> np.ndarray:
    """A homography (3, 3) moved to where print correlates best; the same if it does so nowhere near."""
    small = shrink(reference, SIDE)
    height, width = small.shape
    enlarge = enlarging((reference.shape[1] / width, reference.shape[0] / height))
    seen = cv2.warpPerspective(scan, back @ enlarge, (width, height), flags=FLAGS, borderMode=cv2.BORDER_REPLICATE)
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, ROUNDS, STEADY)
    start: np.ndarray = np.eye(3, dtype=np.float32)
    everywhere = np.full((height, width), 255, np.uint8)
    try:
        _, found = cv2.findTransformECC(
            details(small), details(np.asarray(seen)), start, cv2.MOTION_HOMOGRAPHY, stop, everywhere, 1
        )
    except cv2.error:  # it does not converge
        return back
    return np.asarray(back @ enlarge @ found.astype(float) @ np.linalg.inv(enlarge))


def enlarging(times: tuple[float, float]) -> np.ndarray:
    """The matrix (3, 3) from an image to one so many times as large, (across, down); pixels have their middle at 0."""
    across, down = times
    return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]])


def seen_through(reference: Reference, grey: np.ndarray, back: np.ndarray) -> Registration:
    """A scan that is seen through a homography, and how well it fits."""
    registration = Registration(grey, back, reference.grey.shape, 0.0)
    detailed = details(registration.view())
    same = [correlation(reference.detailed[tile], detailed[tile]) >= SAME for tile in reference.tiles]
    return replace(registration, quality=float(np.mean(same)) if same else 0.0)


def details(grey: np.ndarray) -> np.ndarray:
    """What is drawn, without light and shadow, (h, w) float32."""
    values = grey.astype(np.float32)
    return np.asarray(cv2.GaussianBlur(values, (0, 0), FINE) - cv2.GaussianBlur(values, (0, 0), COARSE))


def tiles_of(detailed: np.ndarray) -> list[tuple[slice, slice]]:
    """The tiles of an image in which anything is printed."""
    side = max(16, min(detailed.shape) // TILES)
    tiles = [
        (slice(top, top + side), slice(left, left + side))
        for top in range(0, detailed.shape[0] - side + 1, side)
        for left in range(0, detailed.shape[1] - side + 1, side)
    ]
    contrasts = np.array([float(detailed[tile].std()) for tile in tiles])
    usual = float(np.percentile(contrasts, 90)) if tiles else 0.0
    return [tile for tile, contrast in zip(tiles, contrasts, strict=True) if contrast >= max(1.0, PRINTED * usual)]


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """How alike two patches (h, w) are, -1 to 1; 0 where one is plain."""
    one, other = one - one.mean(), other - other.mean()
    both = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / both if both > 0 else 0.0
