"""The rooms, the direction of imports between them, and what importing costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mnist_cnn

FIXTURE = Path(__file__).parent / "fixtures" / "format-1"
ROOT = Path(mnist_cnn.__file__).parent
# From left to right an import is allowed, from right to left it is not.
ROOMS = [
    "cli",
    "web",
    "serving",
    "terminal",
    "bulk",
    "study",
    "workflows",
    "evaluation",
    "artifact",
    "training",
    "models",
    "data",
    "reading",
]
ANYBODY_MAY_IMPORT = {"errors", "card", "system", "workers", "callbacks"}


def imports_of(module: Path) -> set[str]:
    """The rooms that a module imports, wherever in it the import stands."""
    rooms = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "mnist_cnn":
            rooms |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mnist_cnn."):
            rooms.add(str(node.module).split(".")[1])
        elif isinstance(node, ast.Import):
            rooms |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("mnist_cnn.")}
    return rooms


def room_of(module: Path) -> str:
    return module.relative_to(ROOT).parts[0].removesuffix(".py")


MODULES = sorted(path for path in ROOT.rglob("*.py") if room_of(path) not in {"__init__", "__main__"})


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(module: Path) -> None:
    room = room_of(module)
    if room in ANYBODY_MAY_IMPORT:
        allowed = ANYBODY_MAY_IMPORT
    else:
        allowed = ANYBODY_MAY_IMPORT | set(ROOMS[ROOMS.index(room) :]) | {"__version__"}
    assert imports_of(module) <= allowed


def test_reading_imports_nothing_else_of_ours() -> None:
    for module in (ROOT / "reading").glob("*.py"):
        assert imports_of(module) <= {"reading", "errors", "card"}


def test_serving_imports_only_what_reads() -> None:
    for module in (ROOT / "serving").glob("*.py"):
        assert imports_of(module) <= {"serving", "reading", "errors", "card", "__version__"}


def test_bulk_reading_imports_only_what_reads_and_what_begins_processes() -> None:
    for module in (ROOT / "bulk").glob("*.py"):
        allowed = {"bulk", "reading", "errors", "card", "system", "workers", "__version__"}
        assert imports_of(module) <= allowed


def test_the_static_page_needs_only_what_reads() -> None:
    for module in (ROOT / "web").glob("*.py"):
        assert imports_of(module) <= {"web", "reading", "errors", "card", "__version__"}


def test_every_room_is_known_and_none_is_empty() -> None:
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= set(ROOMS) | ANYBODY_MAY_IMPORT
    for folder in folders:
        assert any(path.name != "__init__.py" for path in (ROOT / folder).glob("*.py")), f"{folder} is empty"


def loaded_by(statement: str) -> set[str]:
    """The top-level packages that a fresh interpreter has loaded after a statement."""
    code = f"{statement}\nimport sys\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.splitlines()[-1].split())


HEAVY = {"ray", "tensorflow", "keras", "sklearn", "scipy", "matplotlib", "onnxruntime", "cv2"}
HEAVY |= {"fastapi", "starlette", "uvicorn", "prometheus_client"}


def test_importing_the_package_loads_nothing_but_itself() -> None:
    extra = loaded_by("import mnist_cnn") - loaded_by("import importlib, typing")
    assert extra <= {"mnist_cnn", "_mnist_cnn_editable"}


def light_install(words: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line as if the packages of the extra `train` were not installed."""
    absent = ["tensorflow", "keras", "sklearn", "scipy", "matplotlib", "jinja2", "onnx", "tf2onnx", "tensorboard"]
    code = (
        f"import sys\nsys.modules.update(dict.fromkeys({absent!r}))\nsys.argv[1:] = {words!r}\n"
        "from mnist_cnn.cli import main\nmain()"
    )
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=home, timeout=60, check=False
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
        ["report", str(FIXTURE)],
        ["export", str(FIXTURE), "--to", "onnx"],
        ["adapt", "labels.csv"],
        ["disputes", str(FIXTURE)],
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
