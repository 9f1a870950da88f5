"""A dataset as one self-contained page: how many images of each class, what they look like, what the checks say."""

import html
from collections.abc import Sequence

from mnist_cnn.data.data_checks import Finding
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.data.gallery import gallery
from mnist_cnn.system.visible import visible

STYLE = """
:root { color-scheme: light dark; --line: #8884; --grave: #c2410c; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: .15em .7em; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:last-child { text-align: left; }
td img { display: block; max-width: none; }
li { margin: .4em 0; } li.grave { color: var(--grave); font-weight: 600; }
.scroll { overflow-x: auto; } .muted { opacity: .7; }
"""


def page(dataset: Dataset, found: Sequence[Finding]) -> str:
    """The page as HTML; every text in it is escaped, and it loads nothing."""
    parts = {"training": dataset.train, "validation": dataset.validation, "test": dataset.test}
    labels = {name: part.labels for name, part in parts.items() if len(part)}
    names = [visible(name) for name in dataset.class_names]
    title = html.escape(visible(dataset.name))
    items = "".join(
        f'<li class="{"grave" if one.grave else "note"}">{html.escape(visible(one.text))}</li>' for one in found
    )
    said = f"<ul>{items}</ul>" if items else "<p>The checks found nothing to say.</p>"
    shape = "×".join(map(str, dataset.task.input_shape))
    counted = ", ".join(f"{len(part):,} {name}" for name, part in parts.items() if len(part)) + " images"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">"
        f"<title>{title}</title><style>{STYLE}</style></head><body>"
        f"<h1>{title}</h1>"
        f'<p class="muted">{len(dataset.class_names)} classes, images of {shape} pixels, '
        f"SHA-256 {dataset.sha256[:16]}…</p>"
        f"<h2>Checks</h2>{said}<h2>Classes</h2>"
        f'<div class="scroll">{gallery(counted, dataset.train.images, labels, names)}</div></body></html>\n'
    )
