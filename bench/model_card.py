"""Write the figures of docs/model_card.md, the model card of the bundled model in Hugging Face's form.

    python bench/model_card.py

They are those of the model's own card.json and of bench/results; nothing is measured.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mnist_cnn import card
from mnist_cnn.card import ONNX_MODEL
from mnist_cnn.evaluation.metrics import Accuracy
from mnist_cnn.reading.model_names import BUNDLED
from picture_tables import correct, line

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "model_card.md"
RESULTS = Path(__file__).parent / "results"
BLOCK = re.compile(r"(<!-- bench/model_card\.py: (\w+) -->\n\n).*?(\n\n<!-- end -->)", re.DOTALL)
FRONT = re.compile(r"^model-index:\n.*?^---$", re.DOTALL | re.MULTILINE)
HARDEST = 3  # corruptions
BUNDLE = card.read(BUNDLED)


def main() -> None:
    """Write them into the page."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def filled(document: str) -> str:
    """The page with every figure made again."""
    blocks = {"details": details, "results": results, "failures": failures}
    document = FRONT.sub("\n".join([*model_index(), "---"]), document)
    return BLOCK.sub(lambda found: found[1] + "\n".join(blocks[found[2]]()) + found[3], document)


def measured(name: str) -> Any:
    """The results of a benchmark."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def model_index() -> Iterator[str]:
    """The results in the form that Hugging Face reads."""
    yield from (
        "model-index:",
        "  - name: mnist-cnn robust",
        "    results:",
        "      - task:",
        "          type: image-classification",
        "        dataset:",
        "          type: ylecun/mnist",
        "          name: MNIST",
        "          split: test",
        "        metrics:",
        "          - type: accuracy",
        f"            value: {BUNDLE.evaluation['accuracy']}",
    )


def details() -> Iterator[str]:
    """What the model is and how it was made, in numbers."""
    ink = BUNDLE.data["ink"]
    yield line(["", ""])
    yield "|---|---|"
    yield line(["parameters", f"{BUNDLE.parameters:,}"])
    yield line(
        ["training images of MNIST", f"{BUNDLE.data['training']:,}; {BUNDLE.data['validation']:,} for validation"]
    )
    yield line(
        [
            "digital ink (UNIPEN, Pen-Digits)",
            f"{ink['training']['digits']:,} digits and {ink['training']['others']:,} other characters of "
            f"{ink['training']['writers']} people; {ink['held_out']['writers']} other people were held out",
        ]
    )
    yield line(["epochs, batch size", f"{BUNDLE.recipe['epochs']}, {BUNDLE.recipe['batch_size']}"])
    yield line(["temperature", f"{BUNDLE.evaluation['temperature']:.3f}, built into the model"])
    yield line([f"SHA-256 of {ONNX_MODEL}", f"`{BUNDLE.files[ONNX_MODEL]}`"])


def results() -> Iterator[str]:
    """How good it is on digits that it is made for."""
    ink, evaluation = BUNDLE.data["ink"]["accuracy"], BUNDLE.evaluation
    yield line(["images", "correct", "accuracy, 95% CI"])
    yield "|---|---|---|"
    yield correct("MNIST test", evaluation)
    yield correct("MNIST test, disputed labels corrected or left out", evaluation["corrected"])
    yield correct("digits of UNIPEN, people held out from training", ink["unipen"])
    yield correct("Pen-Digits, people held out from training", ink["pendigits"])
    yield correct("the same people's digits in other styles and with other pens", other_pens()["accuracy"])


def other_pens() -> Any:
    """What was measured on the digits of held-out people, drawn otherwise."""
    return measured("ink")["measured"]["bundled"]["rewritten, other pens"]


def failures() -> Iterator[str]:
    """Where it fails, worst first by kind."""
    people = measured("read_pictures")["measured"]["strangers"]["layouts"]
    among, blank = people["mixed"]["digits"], people["none"]["images"]
    letters = measured("refusal")["networks"]["robust"]["kinds"]["letters"]["at_99_percent_kept"]
    corruptions = measured("corruptions")["networks"]["robust"]["corruptions"]
    worst = sorted(corruptions, key=lambda name: corruptions[name]["reader"]["accuracy"])[:HARDEST]
    told = [f"{name.replace('_', ' ')} {corruptions[name]['reader']['accuracy']:.1%}" for name in worst]
    yield line(["what", "how often"])
    yield "|---|---|"
    yield line(
        [
            "a letter is taken for a digit, when 1% of MNIST's digits are rejected",
            f"{letters['count']} of {letters['of']:,} letters, {letters['share']:.2%}",
        ]
    )
    yield line(["digits among words, in forms and equations, read in order", shares(among)])
    yield line(["images without digits, in which nothing is predicted", shares(blank)])
    yield line(
        [
            "most common confusions, of held-out people in other styles",
            other_pens()["confusions"].replace(" as ", " predicted as "),
        ]
    )
    yield line(["MNIST-C: the corruptions with the lowest accuracy, with the reader", "; ".join(told)])


def shares(counts: dict[str, Any]) -> str:
    """So many of so many, with the accuracy."""
    one = Accuracy.from_dict(counts)
    return f"{one.correct:,} of {one.count:,}, {one.value:.2%}"


if __name__ == "__main__":
    main()
