"""A server for comparison in bench/serving.py: FastAPI, with Keras' `model.predict` in the route.

It uses `mnist_cnn.Reader` with the same model, so that only the serving differs.
"""

import argparse
from pathlib import Path
from typing import Any

import keras
import uvicorn
from fastapi import FastAPI, Request

from mnist_cnn import Reader

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="a folder made by `train`")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    model = keras.models.load_model(Path(options.model) / "model.keras")
    reader = Reader(lambda images: model.predict(images[..., None], verbose=0))
    app = FastAPI()

    @app.post("/v1/read")
    async def read(request: Request) -> dict[str, Any]:
        """Read the digits in one image."""
        return reader.read(await request.body()).to_dict()

    uvicorn.run(app, port=options.port, log_level="error", access_log=False)
