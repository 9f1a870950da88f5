"""Outputs that cannot be: no name of their own, or that of another kind of file. A sentence, at once, and no trace."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

import mnist_cnn
from conftest import Cli
from mnist_cnn.artifact import store
from mnist_cnn.cli import app
from mnist_cnn.errors import RunError
from mnist_cnn.terminal import readings
from test_read_cli import save

FIXTURE = Path(__file__).parent / "fixtures" / "format-2"
TRAIN = ["train", "--data", "digits", "--epochs", "1", "--repeats", "1", "--threads", "2"]
NO_NAME = [".", "", "/", "..", "new/.."]
# What a command says of an output that is no name, without the output.
COMMANDS = {
    "train": [*TRAIN, "--output"],
    "resume": ["train", "--resume"],
    "export": ["export", str(FIXTURE), "--to", "onnx", "--output"],
    "web": ["export", "--to", "web", "--packages", "none", "--output"],
    "study": ["study", "--data", "digits", "--seeds", "1", "--output"],
    "adapt": ["adapt", "labels.csv", "--output"],
    "score": ["score", "labels.csv", "--errors"],
    "ray": ["read", "a.png", "--ray", "local", "--output"],
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with an image and its label in it."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    save(Path("a.png"), "42")
    Path("labels.csv").write_text("path,label\na.png,42\n")
    return folder


def said(*words: str) -> tuple[int, str]:
    """The exit code of a command, and the one sentence that it has said."""
    done = CliRunner().invoke(app, [*words])
    assert isinstance(done.exception, SystemExit), done.exception
    sentences = [line for line in done.stderr.splitlines() if line.startswith("mnist-cnn: ")]
    assert len(sentences) == 1, done.stderr
    return done.exit_code, sentences[0]


def what_is_there() -> set[str]:
    return {str(path) for path in Path().rglob("*")}


@pytest.mark.parametrize("output", NO_NAME)
@pytest.mark.parametrize("command", COMMANDS)
def test_an_output_without_a_name_is_one_sentence(command: str, output: str) -> None:
    if command == "ray":
        pytest.importorskip("ray")
    before = what_is_there()
    code, sentence = said(*COMMANDS[command], output)
    assert code in (1, 2)
    assert not sentence.endswith("check the path and its permissions.")
    assert what_is_there() - {"new"} == before


@pytest.mark.parametrize("output", [".", ""])
@pytest.mark.parametrize("command", [["read", "a.png", "--annotate"], ["explain", "a.png", "--output"]])
def test_images_may_be_put_here(command: list[str], output: str) -> None:
    assert CliRunner().invoke(app, [*command, output]).exit_code == 0
    assert Path("a-1.png").is_file()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([*COMMANDS["train"], "model.keras"], 1),
        ([*COMMANDS["adapt"], "model.onnx"], 1),
        ([*COMMANDS["study"], "study.json"], 1),
        ([*COMMANDS["score"], "errors.jpg"], 2),
        ([*COMMANDS["score"], "errors"], 2),
        (["explain", "a.png", "--output", "why.jpg"], 2),
        (["explain", "a.png", "--output", "why.PDF"], 2),
        (["read", "a.png", "--annotate", "drawn.png"], 2),
        (["read", "a.png", "--annotate", "labels.csv"], 1),
        ([*COMMANDS["export"], "net.keras"], 2),
        ([*COMMANDS["web"], "site.html"], 2),
    ],
    ids=lambda words: " ".join(words[-2:]) if isinstance(words, list) else "",
)
def test_a_name_of_another_kind_of_file_is_rejected(words: list[str], code: int) -> None:
    before = what_is_there()
    assert said(*words)[0] == code
    assert what_is_there() == before


def test_a_model_is_not_saved_under_a_name_of_another_format() -> None:
    with pytest.raises(RunError, match=r"model\.h5 ends like a file, and what is saved is a folder"):
        mnist_cnn.load(FIXTURE).save("model.h5")


def test_a_number_in_the_name_of_a_folder_is_no_suffix() -> None:
    assert store.make_partial(Path("rate-0.5")).is_dir()


@pytest.mark.slow
def test_a_run_that_cannot_have_so_many_devices_leaves_nothing(warm_cli: Cli) -> None:
    done = warm_cli(*TRAIN, "--devices", "64", "--batch-size", "64", "--output", "run", cwd=Path.cwd())
    assert (done.returncode, what_is_there()) == (1, {"a.png", "labels.csv"})
    assert "devices is 64" in done.stderr


def test_an_output_is_rejected_before_data_are_looked_for() -> None:
    with pytest.raises(RunError, match=r"x\.keras ends like a file"):
        mnist_cnn.train("classic", "nowhere.npz", output="x.keras")


def test_a_refusal_after_the_first_epoch_leaves_what_can_be_resumed() -> None:
    partial = store.make_partial(Path("run"))
    (partial / "checkpoint" / "state.npz").touch()
    with pytest.raises(RunError), store.nothing_left_of_a_refusal(partial):
        raise RunError("The loss became nan in epoch 2: lower --learning-rate.")
    assert partial.is_dir()


# Names of images


@pytest.mark.parametrize(
    "name",
    ["a" * 250, "é" * 125, "esc\x1b]0;title\x07", "new\nline", "-", "--help", "back\\slash"],
)
def test_an_odd_name_does_not_stop_the_others(name: str) -> None:
    Path("images").mkdir()
    for one in (name, "first", "zz"):
        save(Path("images", "plain.png"), "42").rename(Path("images", f"{one}.png"))
    done = CliRunner().invoke(app, ["read", "images", "--annotate", "drawn"])
    assert (done.exit_code, len([*Path("drawn").iterdir()])) == (0, 3)


def test_many_images_of_one_long_name_are_told_apart() -> None:
    made = [readings.free_name(Path(), f"{folder}/{'é' * 125}.png") for folder in "ab" if not Path("x").touch()]
    assert made[0] == made[1]
    made[0].touch()
    other = readings.free_name(Path(), f"c/{'é' * 125}.png")
    assert other != made[0]
    assert len(os.fsencode(other.name)) <= 255


def test_a_name_that_the_disk_does_not_take_costs_one_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    free_name = readings.free_name
    monkeypatch.setattr(
        readings,
        "free_name",
        lambda folder, name, *_: folder / ("x" * 300) if "bad" in name else free_name(folder, name),
    )
    save(Path("bad.png"), "17")
    done = CliRunner().invoke(app, ["read", "a.png", "bad.png", "a.png", "--annotate", "drawn"])
    assert (done.exit_code, {path.name for path in Path("drawn").iterdir()}) == (1, {"a-1.png", "a.png"})
    assert done.stdout.splitlines() == ["a.png: 42", "bad.png: 17", "a.png: 42"]
    assert "bad.png has no annotated copy" in done.stderr
