"""Store the scripts of the course, examples/course/*.py, and the tour as notebooks with outputs: `make notebooks`.

    python tools/notebooks.py [--again] [2]

A script is run if its code is not that of the stored notebook, or with `--again`; otherwise the outputs are kept and
only the text is brought up to date. A cell is run as Jupyter runs it: what it prints, the figures that it shows and the
value of its last expression are its outputs. Jupyter itself would take 22 more packages.
"""

import ast
import base64
import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import Any

from notebook import cell, cells_of, document

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "notebooks"
SHOWN = "# (examples/classic.py)\n"  # where the tour shows that script
COLOURS = 64  # of a stored figure: a third of the bytes, and no difference to be seen
DPI = 90
ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "3"}  # TensorFlow's log lines are no outputs of a cell


class Outputs(io.TextIOBase):
    """The outputs of one cell, in their order, as nbformat describes them. It takes the place of stdout."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []

    def write(self, text: str) -> int:
        """Add printed text, to the text before it if nothing came between."""
        if self.found and self.found[-1]["output_type"] == "stream":
            lines = "".join(self.found.pop()["text"]) + text
        else:
            lines = text
        if lines:
            self.found.append({"name": "stdout", "output_type": "stream", "text": lines.splitlines(keepends=True)})
        return len(text)

    def add_figures(self, *_: object, **__: object) -> None:
        """Add every open figure of matplotlib and close it."""
        from matplotlib import pyplot

        for number in pyplot.get_fignums():
            figure = pyplot.figure(number)
            data = {"image/png": png(figure), "text/plain": ["<Figure>"]}
            self.found.append({"data": data, "metadata": {}, "output_type": "display_data"})
            pyplot.close(figure)

    def add_value(self, value: object, count: int) -> None:
        """Add the value of the cell's last expression."""
        if value is not None:
            data = {"text/plain": repr(value).splitlines(keepends=True)}
            self.found.append({"data": data, "execution_count": count, "metadata": {}, "output_type": "execute_result"})


def png(figure: Any) -> str:
    """A figure as a small PNG in base64, with the same bytes for the same pixels."""
    from PIL import Image

    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=DPI, bbox_inches="tight", facecolor="white")
    Image.open(drawn).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return base64.b64encode(small.getvalue()).decode() + "\n"


def executed(script: str) -> str:
    """The notebook of a script with the outputs of its cells, as JSON. Raises what a cell raises."""
    from matplotlib import pyplot

    pyplot.switch_backend("agg")  # now, because that puts a `show` of its own in place
    namespace: dict[str, Any] = {"__name__": "__main__"}
    cells, count = [], 0
    for index, (kind, body) in enumerate(cells_of(script)):
        if kind == "markdown":
            cells.append(cell(kind, body, index))
            continue
        count += 1
        outputs = Outputs()
        pyplot.show = outputs.add_figures
        with contextlib.redirect_stdout(outputs):
            outputs.add_value(value_of(body, namespace), count)
        outputs.add_figures()
        cells.append(cell(kind, body, index, outputs.found, count))
    return document(cells)


def value_of(body: str, namespace: dict[str, Any]) -> object:
    """Run a cell; gives the value of its last statement if that is an expression."""
    statements = ast.parse(body).body
    last = statements.pop() if statements and isinstance(statements[-1], ast.Expr) else None
    exec(compile(ast.Module(statements, []), "<cell>", "exec"), namespace)  # noqa: S102  our own script
    return last and eval(compile(ast.Expression(last.value), "<cell>", "eval"), namespace)  # noqa: S307


def scripts() -> dict[str, str]:
    """The script of each notebook, by the name of both."""
    examples = ROOT / "examples"
    found = {path.stem: path.read_text(encoding="utf-8") for path in sorted((examples / "course").glob("*.py"))}
    return found | {"tour": tour((examples / "tour.py").read_text(encoding="utf-8"))}


def tour(script: str) -> str:
    """The script of the tour with the example that it shows."""
    classic = (ROOT / "examples" / "classic.py").read_text(encoding="utf-8").rstrip()
    shown = textwrap.indent(f"```python\n{classic}\n```", "# ", lambda _: True)
    before, after = script.split(SHOWN)
    return f"{before}{shown}\n{after}"


def run(script: str) -> str:
    """The notebook of a script, run in a new process and an empty folder. Raises RuntimeError if a cell fails."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, __file__, "--here"],
            input=script,
            cwd=folder,
            env=os.environ | ENVIRONMENT,
            check=False,
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def stored(name: str) -> dict[str, Any]:
    """The stored notebook of this name; one without cells if there is none."""
    path = FOLDER / f"{name}.ipynb"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {"cells": []}


def with_outputs_of(old: dict[str, Any], script: str) -> str | None:
    """The notebook of a script with the outputs of an older one, as JSON; None if that has not run the same code."""
    ran = [one for one in old["cells"] if one["cell_type"] == "code"]
    cells = cells_of(script)
    if [body for kind, body in cells if kind == "code"] != [
        "".join(one["source"]) for one in ran if one["execution_count"]
    ]:
        return None
    left = iter(ran)
    return document(
        [
            cell(kind, body, index, *((one := next(left))["outputs"], one["execution_count"]) if kind == "code" else ())
            for index, (kind, body) in enumerate(cells)
        ]
    )


def main(only: str, again: bool) -> None:
    """Bring the notebooks whose names begin so up to date."""
    for name, script in scripts().items():
        if not name.startswith(only):
            continue
        begin = time.perf_counter()
        try:
            text = (None if again else with_outputs_of(stored(name), script)) or run(script)
        except RuntimeError as error:
            sys.exit(f"{name} failed:\n{error}")
        path = FOLDER / f"{name}.ipynb"
        path.write_text(text, encoding="utf-8")
        seconds, size = time.perf_counter() - begin, len(text.encode()) / 1000
        print(f"{path.relative_to(ROOT)}: {seconds:.1f} s, {size:.0f} kB", flush=True)


if __name__ == "__main__":
    if "--here" in sys.argv:
        sys.stdout.write(executed(sys.stdin.read()))
    else:
        main("".join(word for word in sys.argv[1:] if word != "--again"), "--again" in sys.argv)
