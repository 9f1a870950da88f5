"""Build the documentation site in site/; check every link and anchor, and that nothing loads from other hosts.

Each notebook with outputs becomes a page, and a file to download beside it.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import notebook

ROOT = Path(__file__).parents[1]
# What a browser loads automatically. An <a> may lead anywhere; a <link rel="canonical"> loads nothing.
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href", "object": "data"}
ONLY_SAID = {"canonical", "next", "prev", "alternate"}
DEMO = "demo"  # the folder of the web app without a server, which `make demo` writes into the site
PLACE, TRY = "<!-- demo -->", "Try it in your browser"
BESIDE, BACK = '<a id="card"', '<a href="../index.html">Documentation</a> '  # in the web app's page


class Page(HTMLParser):
    """The anchors of a page, the targets of its links, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record the anchors, links and loaded files of a tag."""
        named = {name: value or "" for name, value in attrs}
        self.anchors |= {named[name] for name in ("id", "name") if name in named}
        if tag == "a" and "href" in named:
            self.links.append(named["href"])
        elif tag in LOADED and LOADED[tag] in named and named.get("rel") not in ONLY_SAID:
            self.loads.append(named[LOADED[tag]])


def build(root: Path) -> Path:
    """Build the site of a folder with docs/, notebooks/ and mkdocs.yml and return the site's folder.

    The web app that `make demo` wrote into the older site stays there, and is linked. Raises CalledProcessError if
    Zensical does.
    """
    site = root / "site"
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder)
        shutil.copytree(root / "docs", made / "docs")
        shutil.copy(root / "mkdocs.yml", made)
        add_notebooks(root / "notebooks", made / "docs")
        if (site / DEMO / "index.html").is_file():
            link_demo(made / "docs")
        subprocess.run([sys.executable, "-m", "zensical", "build", "--strict"], cwd=made, check=True)
        if (site / DEMO).is_dir():
            shutil.move(site / DEMO, made / "site" / DEMO)
            link_back(made / "site" / DEMO / "index.html")
        shutil.rmtree(site, ignore_errors=True)
        shutil.move(made / "site", site)
    return site


def add_notebooks(notebooks: Path, docs: Path) -> None:
    """Write each notebook as a page with its outputs, and make what links to a notebook lead to that page."""
    (docs / "notebooks").mkdir()
    for path in sorted(notebooks.glob("*.ipynb")):
        text, figures = notebook.page(json.loads(path.read_text(encoding="utf-8")), path.stem)
        download = f"[Download this notebook](notebooks/{path.name})"
        title, rest = text.split("\n", 1)
        (docs / f"{path.stem}.md").write_text(f"{title}\n\n{download}\n{rest}", encoding="utf-8")
        for name, content in figures.items():
            (docs / name).write_bytes(content)
        shutil.copy(path, docs / "notebooks")
    for path in docs.glob("*.md"):
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"\.\./notebooks/(\w+)\.ipynb", r"\1.md", text), encoding="utf-8")


def link_demo(docs: Path) -> None:
    """Put a link to the web app that runs in the browser where a page has a place for it."""
    for path in docs.glob("*.md"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(PLACE, f'<a href="{DEMO}/index.html">{TRY}</a>'), encoding="utf-8")


def link_back(page: Path) -> None:
    """Put a link to the documentation into the web app's page, unless an older build did."""
    text = page.read_text(encoding="utf-8")
    if BACK not in text:
        page.write_text(text.replace(BESIDE, BACK + BESIDE), encoding="utf-8")


def faults(site: Path) -> list[str]:
    """One sentence for each broken link, and for each file that a page loads from another host."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        name = path.relative_to(site)
        found += [f"{name} loads {target}" for target in page.loads if urlsplit(target).netloc]
        if path.name == "404.html":  # served for any address, so its links start at the site's root
            continue
        targets = [target for target in [*page.links, *page.loads] if leads_nowhere(path, target, pages)]
        found += [f"{name} links to {target}, which does not exist" for target in targets]
    return found


def leads_nowhere(path: Path, target: str, pages: dict[Path, Page]) -> bool:
    """Whether a link of a page points to a file or an anchor that is not in the site."""
    where = urlsplit(target)
    if where.scheme or where.netloc:
        return False
    file = (path.parent / unquote(where.path)).resolve() if where.path else path
    file = file / "index.html" if file.is_dir() else file
    if not file.is_file():
        return True
    return bool(where.fragment) and file in pages and unquote(where.fragment) not in pages[file].anchors


def main() -> None:
    """Build and check the site, and print how to open it."""
    try:
        site = build(ROOT)
    except subprocess.CalledProcessError:
        sys.exit("Building the site failed; zensical reported the error above.")
    if found := faults(site):
        sys.exit("\n".join(found))
    print(f"Built in {site}: python -m http.server --directory {site.name}")


if __name__ == "__main__":
    main()
