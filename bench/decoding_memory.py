"""The memory that decoding takes at its peak, for each format and mode, against what `reading.decoding_cost` expects.

Each white image of 25 megapixels is read in a process of its own, and of an animation the last frame. Prints a line
each; the last column must not be above
100%, and the test of these figures fails if it is.
"""

import io
import subprocess
import sys
from typing import Any

import numpy as np
from PIL import Image

SIDE = 5000
CASES: list[tuple[str, str, dict[str, Any]]] = [
    *[("PNG", mode, {}) for mode in ("1", "L", "P", "RGB", "RGBA", "LA", "I;16")],
    *[("JPEG", mode, {"progressive": True, "subsampling": 0}) for mode in ("L", "RGB", "CMYK")],
    *[("JPEG", mode, {}) for mode in ("L", "RGB", "CMYK")],
    *[("GIF", mode, {}) for mode in ("L", "P")],
    *[("WEBP", mode, {"lossless": lossless, "method": 0}) for mode in ("RGB", "RGBA") for lossless in (True, False)],
    *[("TIFF", mode, {"compression": "tiff_lzw"}) for mode in ("1", "L", "RGB", "RGBA", "I;16", "F", "CMYK")],
    ("TIFF", "1", {"compression": "group4"}),
    ("TIFF", "RGB", {"compression": "jpeg"}),
    *[("BMP", mode, {}) for mode in ("L", "P", "RGB")],
    *[("PPM", mode, {}) for mode in ("L", "RGB", "I;16")],
    *[("JPEG2000", mode, {}) for mode in ("L", "RGB", "RGBA")],
    *[("AVIF", mode, {"speed": 10}) for mode in ("RGB", "RGBA")],
    *[("TGA", mode, {"compression": "tga_rle"}) for mode in ("L", "RGB")],
    *[("PCX", mode, {}) for mode in ("L", "RGB")],
    *[("GIF", mode, {"save_all": True, "disposal": disposal}) for mode in ("L", "P") for disposal in (1, 2, 3)],
    *[("PNG", mode, {"save_all": True, "disposal": disposal}) for mode in ("RGB", "RGBA") for disposal in (0, 1, 2)],
    *[("WEBP", mode, {"save_all": True, "method": 0}) for mode in ("RGB", "RGBA")],
    *[("AVIF", mode, {"save_all": True, "speed": 10}) for mode in ("RGB", "RGBA")],
]
# Reads the file on standard input; prints the peak above what the process had before, and what was expected.
READ = r"""
import io, re, sys
from pathlib import Path
from PIL import Image
from mnist_cnn.reading import decoding_cost, picture
expected = []
whole = decoding_cost.memory_for
decoding_cost.memory_for = lambda *words: expected.append(whole(*words)) or 0
decoding_cost.MEMORY = 2**40
picture.load((__import__("numpy").zeros((1600, 1600, 3), "uint8")))
def status(name):
    return int(re.search(name + r":\s*(\d+)", Path("/proc/self/status").read_text())[1]) * 1024
data = sys.stdin.buffer.read()
Image.init()
Path("/proc/self/clear_refs").write_text("5")
before = status("VmRSS")
with picture.Document(data) as document:
    picture.load(picture.Part(document, document.pages))
    if document.pages > 1:
        expected.append(int(decoding_cost.LATER_FRAME * document.size[0] * document.size[1]))
print(status("VmHWM") - before, max(expected))
"""
WORKING = 150 * 2**20  # bytes for what follows, at most: an image that is decoded to 3200 × 3200 pixels is shrunk last


def file_of(kind: str, mode: str, options: dict[str, Any], side: int = SIDE) -> bytes:
    """The bytes of a white image."""
    if mode == "I;16":
        image = Image.fromarray(np.full((side, side), 65_000, np.uint16))
    elif mode == "F":
        image = Image.fromarray(np.full((side, side), 200, np.float32))
    else:
        image = Image.new(mode, (side, side), 0 if mode == "CMYK" else "white")
    if options.get("save_all"):
        later = [image.copy() for _ in range(2)]
        for number, frame in enumerate(later):  # equal frames would be saved as one
            frame.paste(0 if mode in ("L", "P") else "black", (0, 0, side, side // (number + 2)))
        options = {**options, "append_images": later}
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def measured(file: bytes) -> tuple[int, int]:
    """The bytes that reading a file takes at its peak, and what was expected of decoding it."""
    done = subprocess.run([sys.executable, "-c", READ], input=file, capture_output=True, check=True)
    peak, expected = map(int, done.stdout.split())
    return peak, expected


def main() -> None:
    """Print a line for each case."""
    for kind, mode, options in CASES:
        peak, expected = measured(file_of(kind, mode, options))
        share = peak / (expected + WORKING)
        print(f"{kind:9} {mode:5} peak {peak / 2**20:6.0f} MiB, expected {expected / 2**20:6.0f} MiB: {share:.0%}")


if __name__ == "__main__":
    main()
