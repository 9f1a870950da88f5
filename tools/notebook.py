"""A script in the percent format (`# %%`, `# %% [markdown]`) becomes a notebook, and a notebook a page in Markdown."""

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Any

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def document(cells: list[dict[str, Any]]) -> str:
    """A notebook with these cells, as JSON."""
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    made = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def cells_of(script: str) -> list[tuple[str, str]]:
    """The type of each cell, "code" or "markdown", and its content."""
    parts = [part.partition("\n") for part in script.split("# %%")[1:]]
    return [
        ("markdown", uncommented(body)) if mark.strip() == "[markdown]" else ("code", body.strip())
        for mark, _, body in parts
    ]


def uncommented(body: str) -> str:
    """The text of comment lines."""
    return "\n".join(line.removeprefix("#").removeprefix(" ") for line in body.strip().splitlines())


def cell(
    kind: str, body: str, index: int, outputs: Sequence[dict[str, Any]] = (), count: int | None = None
) -> dict[str, Any]:
    """One notebook cell as nbformat 4 describes it."""
    source = body.splitlines(keepends=True)
    same = {"cell_type": kind, "id": f"cell-{index}", "metadata": {}, "source": source}
    return same if kind == "markdown" else {**same, "execution_count": count, "outputs": list(outputs)}


def page(notebook: dict[str, Any], name: str) -> tuple[str, dict[str, bytes]]:
    """A notebook as Markdown with its outputs, and its figures: PNG files whose names begin with `name`."""
    figures: dict[str, bytes] = {}
    parts, heading = [], ""
    for one in notebook["cells"]:
        source = "".join(one["source"])
        if one["cell_type"] == "markdown":
            parts.append(source)
            heading = ([line.lstrip("# ") for line in source.splitlines() if line.startswith("#")] or [heading])[-1]
            continue
        parts.append(f"```python\n{source}\n```")
        for output in one["outputs"]:
            if figure := output.get("data", {}).get("image/png"):
                file = f"{name}_{len(figures) + 1}.png"
                figures[file] = base64.b64decode(figure)
                parts.append(f"![Figure: {heading}]({file})")
            else:
                parts.append("\n".join(["```text", *lines_of(output), "```"]))
    return "\n\n".join(parts) + "\n", figures


def lines_of(output: dict[str, Any]) -> Iterator[str]:
    """The text of an output without a figure, line by line."""
    yield from "".join(output.get("text") or output["data"]["text/plain"]).rstrip().splitlines()
