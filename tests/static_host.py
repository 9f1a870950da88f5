"""A host of files for the page that reads in the browser, and that page in Chromium, asked as its own script asks."""

import base64
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from mnist_cnn.web.site import POLICY

SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SWITCHES += ["--disable-component-update", "--disable-sync"]
# Whatever is asked of another host fails, by whomever.
SWITCHES += ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
READ = """async ([text, single]) => {
    const { askForReading, ready } = await import("./asking.js");
    await ready;
    const picture = new Blob([Uint8Array.from(atob(text), (character) => character.charCodeAt(0))]);
    const started = performance.now();
    const wanted = { single, least: 0.5 };
    const read = await askForReading(picture, wanted).catch((problem) => ({ problem: problem.message }));
    return { ...read, milliseconds: performance.now() - started };
}"""
EXPLAIN = """async (image) => {
    const { askForReasons, ready } = await import("./asking.js");
    await ready;
    return askForReasons(image);
}"""
WATCH = """async (image) => {
    const { askForLayers, ready } = await import("./asking.js");
    await ready;
    return askForLayers(image);
}"""
LOADED = 'async () => { await (await import("./asking.js")).ready; }'


class Handler(SimpleHTTPRequestHandler):
    """Files as they are, the page's policy in a header, too: that binds its worker as well."""

    policy: str | None = POLICY

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def end_headers(self) -> None:
        """Add the policy, if there is one."""
        if self.policy:
            self.send_header("Content-Security-Policy", self.policy)
        super().end_headers()


@contextmanager
def hosted(root: Path, policy: str | None = POLICY) -> Iterator[str]:
    """The address at which the files of a folder are."""
    handler = type("Hosted", (Handler,), {"policy": policy})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(root))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def chromium() -> str | None:
    """The browser."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def reading_of(page: Any, picture: bytes, single: bool = False) -> Any:
    """What the page reads in the bytes of a file, as the server's answer has it, and in how many milliseconds."""
    return page.evaluate(READ, [base64.b64encode(picture).decode(), single])
