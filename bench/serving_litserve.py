"""A server for comparison in bench/serving.py: LitServe, with batching.

It uses `mnist_cnn.Reader` with the same model, so that only the serving differs. The image is sent as base64 in JSON,
because LitServe expects JSON.
"""

import argparse
import base64
import os
from typing import Any

import litserve

from mnist_cnn import Reader


class Digits(litserve.LitAPI):  # type: ignore[misc]
    """Reads several images per batch."""

    def setup(self, device: str) -> None:  # noqa: ARG002 (part of LitServe's interface)
        """Load the model."""
        self.reader = Reader(os.environ["MODEL"])

    def decode_request(self, request: dict[str, str]) -> bytes:
        """Decode the image of a request."""
        return base64.b64decode(request["picture"])

    def predict(self, x: list[bytes]) -> list[dict[str, Any]]:
        """Read a batch of images."""
        return [reading.to_dict() for reading in self.reader.read_many(x)]

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        """Respond with JSON."""
        return output


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="a folder made by `train`")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    os.environ["MODEL"] = options.model
    server = litserve.LitServer(Digits(max_batch_size=16, api_path="/v1/read"), accelerator="cpu")
    server.run(port=options.port, host="127.0.0.1", generate_client_file=False, log_level="error")
