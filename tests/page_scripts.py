"""The page's own scripts in Chromium, their functions called one by one with images as arrays."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mnist_cnn.web import site
from static_host import SWITCHES, chromium, hosted

PAGE = Path(site.__file__).parent / "page"
CALL = """async ([script, name, given]) => {
    const kinds = { uint8: Uint8Array, float32: Float32Array };
    const mapped = (one, by) => Object.fromEntries(Object.entries(one).map(([key, value]) => [key, by(value)]));
    const received = (one) => {
        if (one === null || typeof one !== "object") return one;
        if (Array.isArray(one)) return one.map(received);
        if (!("kind" in one)) return mapped(one, received);
        const bytes = Uint8Array.from(atob(one.text), (character) => character.charCodeAt(0));
        return { ...one, data: new kinds[one.kind](bytes.buffer) };
    };
    const sent = (one) => {
        if (ArrayBuffer.isView(one)) return Array.from(one);
        if (one === null || typeof one !== "object") return one;
        if (Array.isArray(one)) return one.map(sent);
        return mapped(one, sent);
    };
    const { [name]: act } = await import(`/${script}`);
    return sent(await act(...given.map(received)));
}"""


class Scripts:
    """The scripts of `web/page`, in an otherwise empty page."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def call(self, script: str, name: str, *given: Any) -> Any:
        """What an exported function of a script returns: typed arrays as lists."""
        return self.page.evaluate(CALL, [script, name, list(given)])

    def image(self, script: str, name: str, *given: Any) -> np.ndarray:
        """What a function returns if that is an image of bytes."""
        return as_array(self.call(script, name, *given))


def image_of(pixels: np.ndarray) -> dict[str, Any]:
    """An array (h, w) or (h, w, channels) as an image of the scripts."""
    text = base64.b64encode(np.ascontiguousarray(pixels).tobytes()).decode()
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    height, width = pixels.shape[:2]
    return {"width": width, "height": height, "channels": channels, "kind": pixels.dtype.name, "text": text}


def as_array(image: dict[str, Any]) -> np.ndarray:
    """An image of the scripts as an array of integers, which may be subtracted."""
    shape = (image["height"], image["width"], *([image["channels"]] if image["channels"] > 1 else []))
    return np.array(image["data"], int).reshape(shape)


@contextmanager
def opened(playwright: Any) -> Iterator[Scripts]:
    """The scripts in a browser, which ends with this."""
    browser = playwright.chromium.launch(executable_path=chromium(), args=SWITCHES, timeout=120_000)
    with hosted(PAGE) as address:
        page = browser.new_page()
        page.goto(f"{address}loading.css")
        yield Scripts(page)
        browser.close()
