"""RapidOCR in the environment that bench/peers.py makes for it: requests and answers are lines of JSON.

A request is {"path": …, "detect": …}; without detection the image is one line of text. The answer has the `texts`,
their `boxes` (four corners each; none without detection) and the `seconds` from the path to the texts, or an `error`.
The first line says which `models` are part of the package and how many bytes their files have.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import rapidocr


def answer(engine: Any, path: str, detect: bool) -> dict[str, Any]:
    """Read one image."""
    start = time.perf_counter()
    try:
        # Each in every call, because it keeps what the last call has set.
        result = engine(path, use_det=detect, use_cls=detect, use_rec=True)
    except Exception as error:  # an image that it cannot read counts as an error of its, and the others are read
        return {"error": f"{type(error).__name__}: {error}"}
    seconds = time.perf_counter() - start
    boxes = getattr(result, "boxes", None)
    return {
        "texts": list(result.txts or ()),
        "boxes": [] if boxes is None else [[list(map(float, corner)) for corner in box] for box in boxes],
        "seconds": seconds,
    }


def main() -> None:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what it prints is not an answer
    cv2.setNumThreads(1)
    engine = rapidocr.RapidOCR(
        params={"Global.log_level": "critical", "EngineConfig.onnxruntime.intra_op_num_threads": 1}
    )
    models = {file.name: file.stat().st_size for file in Path(rapidocr.__file__).parent.rglob("*.onnx")}
    print(json.dumps({"models": models}), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(answer(engine, request["path"], request["detect"])), file=answers, flush=True)


if __name__ == "__main__":
    main()
