"""Make what the README says about other software from bench/results/: one sentence, and one table.

`python bench/compared.py` replaces what stands between two comments. mnist-cnn's figures are those of today's reader
(`read_pictures.py`), RapidOCR's those of `peers.py`, on the same images; the times are those of `time_to_99.py`.
"""

import json
import re
from pathlib import Path
from statistics import fmean
from typing import Any

from mnist_cnn.evaluation.metrics import Accuracy
from mnist_cnn.reading.model_names import BUNDLED
from results import median

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "README.md"
RESULTS = Path(__file__).parent / "results"
BLOCK = re.compile(r"(<!-- bench/compared\.py: (\w+) -->\n\n?).*?(\n\n<!-- end -->)", re.DOTALL)
RAPIDOCR, RECOGNITION = "RapidOCR", "RapidOCR, recognition only"
LAYOUTS = {
    "single": "one digit",
    "line": "lines of digits",
    "rows": "several rows",
    "print": "printed digits",
    "mixed": "digits among words, in forms and equations",
}


def results(name: str) -> dict[str, Any]:
    """A file of results."""
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def filled(document: str) -> str:
    """The document with the sentence and the table made again from the results."""
    ours, theirs = results("read_pictures")["measured"]["strangers"], results("peers")
    made = {"sentence": sentence(ours, theirs), "table": table(ours, theirs)}
    return BLOCK.sub(lambda found: found[1] + made[found[2]] + found[3], document)


def sentence(ours: dict[str, Any], theirs: dict[str, Any]) -> str:
    """How it compares, in one sentence."""
    single, rapidocr = ours["layouts"]["single"], theirs["layouts"]["single"]
    times = results("time_to_99")
    slower, faster = (median([one["seconds"] for one in times[name]]) for name in ("keras_example", "fast"))
    accuracy = fmean(one["accuracy"] for one in times["fast"])
    return (
        f"**How it compares:** of {single['images']['count']} photos, scans and drawings of one digit from "
        f"{single['mean_over_sources']['sources']} projects, on which nothing was tuned, mnist-cnn reads "
        f"{percent(single['images'])} correctly. RapidOCR {version(theirs)} has "
        f"{percent(rapidocr[RECOGNITION]['images'])} if told that each is one text, else "
        f"{percent(rapidocr[RAPIDOCR]['images'])}. On MNIST "
        f"`fast` has {accuracy:.2f}% after {faster:.1f} s, 1/{slower / faster:.0f} of the time that the keras.io "
        "example takes to 99.0%. [More](#how-it-compares)"
    )


def percent(counts: dict[str, Any]) -> str:
    """An accuracy, without its interval."""
    return f"{counts['accuracy']:.1%}"


def table(ours: dict[str, Any], theirs: dict[str, Any]) -> str:
    """Both readers on each layout of images."""
    rows = [
        ("images; wholly correct, 95% CI; F1 of digits", "mnist-cnn", f"RapidOCR {version(theirs)}"),
        ("---",) * 3,
    ]
    for layout, name in LAYOUTS.items():
        mine, rival = ours["layouts"][layout], theirs["layouts"][layout]
        if mine["images"]["count"] != rival[RAPIDOCR]["images"]["count"]:
            raise SystemExit(f"{name}: the two were measured on different images: run bench/peers.py again.")
        named = f"{name} ({mine['images']['count']})"
        rows.append((named, cell(mine["images"], mine["digit_counts"]), of(rival[RAPIDOCR])))
        if RECOGNITION in rival:
            rows.append(("… known to be one text", "", of(rival[RECOGNITION])))
    nothing = ours["layouts"]["none"]["images"]
    name = f"without digits ({nothing['count']}): nothing predicted"
    rows.append((name, correct(nothing), correct(theirs["layouts"]["none"][RAPIDOCR]["images"])))
    sizes = sum(path.stat().st_size for path in BUNDLED.glob("*.onnx")), sum(theirs["models"][RAPIDOCR].values())
    rows.append(("size of the networks", f"{sizes[0] / 1e6:.1f} MB", f"{sizes[1] / 1e6:.1f} MB"))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def version(theirs: dict[str, Any]) -> str:
    """The version of RapidOCR that was measured."""
    (pinned,) = (one for one in theirs["peers"] if one.startswith("rapidocr=="))
    return str(pinned.partition("==")[2].rpartition(".")[0])


def of(measured: dict[str, Any]) -> str:
    """A cell for what bench/peers.py measured."""
    return cell(measured["images"], measured["digits"])


def cell(images: dict[str, Any], digits: dict[str, Any]) -> str:
    """The share of images that are wholly correct, and the F1 of digits."""
    return f"{correct(images)}; {digits['f1']:.1%}"


def correct(images: dict[str, Any]) -> str:
    """How many images are wholly correct, in per cent with the confidence interval."""
    one = Accuracy.from_dict(images)
    low, high = one.confidence_interval
    return f"{one.correct}: {one.value:.1%} ({100 * low:.1f} to {100 * high:.1f})"


def main() -> None:
    """Write both into the README."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
