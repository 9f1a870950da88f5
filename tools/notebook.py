"""Convert a script in the percent format (`# %%`, `# %% [markdown]`) to a notebook without outputs."""

import json
from typing import Any

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def notebook(script: str) -> str:
    """The notebook of a script, as JSON."""
    cells = [cell(kind, body, index) for index, (kind, body) in enumerate(cells_of(script))]
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    document = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


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


def cell(kind: str, body: str, index: int) -> dict[str, Any]:
    """One notebook cell as nbformat 4 describes it."""
    source = body.splitlines(keepends=True)
    same = {"cell_type": kind, "id": f"cell-{index}", "metadata": {}, "source": source}
    return same if kind == "markdown" else {**same, "execution_count": None, "outputs": []}
