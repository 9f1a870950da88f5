"""Build the documentation site in site/; check every link and anchor, and that nothing loads from other hosts."""

import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parents[1]
# What a browser loads automatically. An <a> may lead anywhere; a <link rel="canonical"> loads nothing.
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href", "object": "data"}
ONLY_SAID = {"canonical", "next", "prev", "alternate"}


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
    """Build the site of a folder with mkdocs.yml and return the site's folder. Raises CalledProcessError on failure."""
    site = root / "site"
    shutil.rmtree(site, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "zensical", "build", "--strict"], cwd=root, check=True)
    return site


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
