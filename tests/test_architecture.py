"""The rooms, the direction of imports between them, and what importing costs."""

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import mnist_cnn

FIXTURE = Path(__file__).parent / "fixtures" / "format-1"
ROOT = Path(mnist_cnn.__file__).parent
PACKAGE = "mnist_cnn"
DESIGN = Path(__file__).parents[1] / "docs" / "design.md"
# From the top floor down. A room may import those on the floors below, and none beside it. docs/design.md draws these.
FLOORS = [
    {"cli"},
    {"web"},
    {"serving", "terminal"},
    {"bulk", "study"},
    {"workflows"},
    {"evaluation", "artifact"},
    {"training"},
    {"models", "data", "sheets"},
    {"reading"},
    {"workers", "callbacks", "card"},
    {"system"},
    {"errors"},
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
# Rooms that promise more: they import these and nothing else of ours.
ONLY = {
    "serving": {"sheets", "reading", "workers", "system", "errors"},  # a server answers on the base install
    "web": {"serving", "reading", "workers", "card", "errors"},  # the page itself is one of the files of `serving`
    "bulk": {"sheets", "reading", "workers", "errors"},  # images of forms are many images as well
    "sheets": {"reading", "system", "errors"},  # templates are files
    "reading": {"card", "errors"},
    "workers": {"system", "errors"},
    "callbacks": {"system", "errors"},
    "system": {"errors"},
}
LOOSE = {"__init__.py", "__main__.py", "errors.py", "card.py"}  # modules beside the rooms


def imports_of(module: Path, names: set[str]) -> set[str]:
    """The modules of ours, out of `names`, that a module imports or starts as a process, wherever in it that stands.

    Imports for types alone count as well. `from mnist_cnn import __version__` does not: Python has loaded the package
    itself before any module of it, and the names that the package gives on are loaded when they are first used.
    """
    found = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(f"{PACKAGE}."):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in names else str(node.module))
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)  # the argument of `child_process.command`
    return found & names - {PACKAGE}


def graph_of(root: Path) -> dict[str, set[str]]:
    """Every module of a package, without the package itself and `__main__`, and what it imports."""
    paths = {}
    for path in root.rglob("*.py"):
        parts = path.relative_to(root.parent).with_suffix("").parts
        paths[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    names = set(paths)
    outside = {PACKAGE, f"{PACKAGE}.__main__"}
    return {name: imports_of(path, names) - {name} for name, path in sorted(paths.items()) if name not in outside}


def room_of(module: str) -> str:
    return module.split(".")[1]


def pointing_back(graph: dict[str, set[str]]) -> list[str]:
    """The imports of a room above or beside, or of one that the importing room promises not to need."""
    found = []
    for module, imported in graph.items():
        room = room_of(module)
        below = {other for other in FLOOR if FLOOR[other] > FLOOR[room]} & ONLY.get(room, set(FLOOR))
        found += [f"{module} → {other}" for other in sorted(imported) if room_of(other) not in below | {room}]
    return found


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The modules that import each other, directly or not, each circle once."""
    reached = {module: set(reachable(graph, module)) for module in graph}
    together = {
        tuple(sorted(other for other in reached[module] if module in reached[other]))
        for module in graph
        if module in reached[module]
    }
    return sorted(map(list, together))


def reachable(graph: dict[str, set[str]], start: str) -> Iterator[str]:
    """Every module that a module needs."""
    waiting, seen = [*graph[start]], set[str]()
    while waiting:
        if (module := waiting.pop()) not in seen:
            seen.add(module)
            yield module
            waiting += graph[module]


def same_names(graph: dict[str, set[str]]) -> list[list[str]]:
    """The modules of different rooms that bear the same name; a folder in a room, such as data/ink/, is no module."""
    named = defaultdict(list)
    folders = {module.rpartition(".")[0] for module in graph}
    for module in graph:
        if module.count(".") > 1 and module not in folders:
            named[module.rpartition(".")[2]].append(module)
    return [modules for _, modules in sorted(named.items()) if len(set(map(room_of, modules))) > 1]


HOUSE = graph_of(ROOT)


def test_imports_point_down() -> None:
    assert pointing_back(HOUSE) == []


def test_no_modules_import_each_other() -> None:
    assert circles(HOUSE) == []


def test_no_two_rooms_have_modules_of_one_name() -> None:
    assert same_names(HOUSE) == []


def test_every_module_is_in_a_room_and_no_room_is_empty() -> None:
    assert {path.name for path in ROOT.glob("*.py")} <= LOOSE
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders | {Path(file).stem for file in LOOSE if not file.startswith("__")} == set(FLOOR)
    for folder in folders:
        assert any(path.name != "__init__.py" for path in (ROOT / folder).glob("*.py")), f"{folder} is empty"


def test_the_design_document_draws_the_rooms() -> None:
    lines = [line.partition("│")[0] for line in DESIGN.read_text(encoding="utf-8").splitlines() if "│" in line]
    assert [{room.removesuffix(".py") for room in line.split()} for line in lines] == FLOORS


def test_the_design_document_lists_the_modules_of_each_room() -> None:
    rows = re.findall(r"^\| `(\w+)(/|\.py)` \| (.*) \|$", DESIGN.read_text(encoding="utf-8"), re.MULTILINE)
    assert {room for room, *_ in rows} == set(FLOOR)
    for room, end, text in rows:
        if end == "/":
            files = {path.stem for path in (ROOT / room).rglob("*.py")} - {"__init__"}
            folders = {path.name for path in (ROOT / room).iterdir() if path.is_dir()} - {"__pycache__"}
            named = set(re.findall(r"`(\w+)`", text))
            assert named <= files | folders, f"{room}/ has no {named - files - folders}"
            assert files <= named, f"{room}/: {files - named} is missing"


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A package with one fault of each kind."""
    root = tmp_path / PACKAGE
    files = {
        "__init__.py": "from mnist_cnn.cli.main import main",
        "cli/main.py": "from mnist_cnn import __version__, card\nfrom mnist_cnn.data import source\n",
        "cli/source.py": "",
        "data/__init__.py": "",
        "data/batches/__init__.py": "",
        "data/batches/other.py": "",
        "data/source.py": "def load():\n    from mnist_cnn.training.fit import fit\n",
        "training/fit.py": "if TYPE_CHECKING:\n    from mnist_cnn.training.epochs import epochs\n",
        "training/epochs.py": "import mnist_cnn.training.batches\n",
        "training/batches.py": "COMMAND = command('mnist_cnn.training.fit')\n",
        "serving/app.py": "import mnist_cnn.card\n",
        "card.py": "",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_planted_faults_are_found(planted: Path) -> None:
    graph = graph_of(planted)
    assert graph["mnist_cnn.cli.main"] == {"mnist_cnn.card", "mnist_cnn.data.source"}
    assert pointing_back(graph) == [
        "mnist_cnn.data.source → mnist_cnn.training.fit",
        "mnist_cnn.serving.app → mnist_cnn.card",
    ]
    assert circles(graph) == [["mnist_cnn.training.batches", "mnist_cnn.training.epochs", "mnist_cnn.training.fit"]]
    assert same_names(graph) == [["mnist_cnn.cli.source", "mnist_cnn.data.source"]]


def loaded_by(statement: str) -> set[str]:
    """The top-level packages that a fresh interpreter has loaded after a statement."""
    code = f"{statement}\nimport sys\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    return set(done.stdout.splitlines()[-1].split())


HEAVY = {"ray", "tensorflow", "keras", "sklearn", "scipy", "matplotlib", "onnxruntime", "cv2"}
HEAVY |= {"fastapi", "starlette", "uvicorn", "prometheus_client"}


def test_importing_the_package_loads_nothing_but_itself() -> None:
    extra = loaded_by("import mnist_cnn") - loaded_by("import importlib, typing")
    assert extra <= {"mnist_cnn", "_mnist_cnn_editable"}


def light_install(words: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line as if the packages of the extra `train` were not installed."""
    absent = ["tensorflow", "keras", "sklearn", "scipy", "matplotlib", "onnx", "tf2onnx", "tensorboard"]
    code = (
        f"import sys\nsys.modules.update(dict.fromkeys({absent!r}))\nsys.argv[1:] = {words!r}\n"
        "from mnist_cnn.cli import main\nmain()"
    )
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=home, timeout=300, check=False
    )


def test_info_works_on_the_light_install(tmp_path: Path) -> None:
    done = light_install(["info", str(FIXTURE)], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "91.80%" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["train"],
        ["study"],
        ["study", "compare", str(FIXTURE), str(FIXTURE)],
        ["evaluate", str(FIXTURE)],
        ["export", str(FIXTURE), "--to", "onnx"],
        ["adapt", "labels.csv"],
        ["label-errors", str(FIXTURE)],
    ],
    ids=lambda w: " ".join(w[:2]),
)
def test_what_needs_more_says_what_to_install_on_the_light_install(words: list[str], tmp_path: Path) -> None:
    done = light_install(words, tmp_path)
    assert done.returncode == 1
    assert 'pip install "mnist-cnn[train]"' in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["--version"],
        ["info"],
        ["train", "--help"],
        ["study", "--help"],
        ["adapt", "--help"],
        ["export", "--help"],
    ],
    ids=" ".join,
)
def test_light_commands_load_nothing_heavy(words: list[str]) -> None:
    statement = (
        f"import sys\nsys.argv[1:] = {words!r}\nfrom mnist_cnn.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass"
    )
    assert not loaded_by(statement) & HEAVY


def test_reading_loads_no_tensorflow() -> None:
    assert not loaded_by("import mnist_cnn.reading.network, mnist_cnn.reading.normalise") & {"tensorflow", "keras"}


def test_the_pipeline_loads_tensorflow_only_when_it_trains() -> None:
    assert not loaded_by("import mnist_cnn.workflows.train") & {"tensorflow", "keras"}


def test_public_names_are_sorted_documented_and_there() -> None:
    assert mnist_cnn.__all__ == sorted(mnist_cnn.__all__)
    for name in mnist_cnn.__all__:
        assert getattr(mnist_cnn, name).__doc__, f"{name} has no docstring"
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = mnist_cnn.nonsense


def test_dir_shows_public_names_only() -> None:
    assert dir(mnist_cnn) == mnist_cnn.__all__
    assert not [name for name in dir(mnist_cnn) if name.startswith("_")]
