"""Studies: many seeds, each in a process of its own, in a table that survives whatever happens."""

import csv
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import xml.dom.minidom
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import fake_seed
import mnist_cnn
from conftest import Cli, command_line, hear_ctrl_c
from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.cli import app
from mnist_cnn.errors import ArtifactError, RunError
from mnist_cnn.evaluation.comparison import Difference
from mnist_cnn.study import folder, local_training
from mnist_cnn.study.compare import StudyComparison, compare
from mnist_cnn.study.folder import Row, Study
from mnist_cnn.study.run import StudyCallback, run
from mnist_cnn.system import environment
from mnist_cnn.terminal import study as terminal_study
from mnist_cnn.training.recipe import Recipe

FAKE = (sys.executable, fake_seed.__file__)
QUICK = Recipe(epochs=1, repeats=1)
FIXTURE = fake_seed.FIXTURE
invoke = CliRunner().invoke


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Let the fake stand in for the training; gives what it did: "begin 0", "end 0", …"""
    log = tmp_path / "log"
    log.touch()
    monkeypatch.setattr(local_training, "COMMAND", FAKE)
    monkeypatch.setenv("FAKE_LOG", str(log))
    return lambda: [" ".join(line.split()[:2]) for line in log.read_text().splitlines()]


def study(out: Path, seeds: int = 2, recipe: Recipe = QUICK, **options: object) -> Study:
    return run(recipe, seeds, "digits", output=out, **options)[1]  # type: ignore[arg-type]


@pytest.mark.usefixtures("begun")
def test_a_study_keeps_a_row_a_summary_and_a_network_for_each_seed(tmp_path: Path) -> None:
    out = tmp_path / "study"
    made = study(out, 3)
    assert [row.accuracy for row in made.rows] == [410 / 500, 412 / 500, 414 / 500]
    assert [row.errors for row in made.rows] == [90, 88, 86]
    document = json.loads((out / "study.json").read_text())
    assert document["summary"]["accuracy"]["mean"] == pytest.approx(412 / 500)
    assert document["summary"]["accuracy"]["sd"] == pytest.approx(2 / 500)
    assert document["summary"]["median_seconds"] == 2.5
    assert document["data"]["sha256"] == mnist_cnn.load_data("digits").sha256
    assert (document["recipe"]["name"], document["recipe"]["epochs"]) == ("classic", 1)
    assert {"machine", "versions", "git_commit", "threads", "deterministic"} <= set(document)
    with (out / "seeds.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["seed"], row["accuracy"], row["failure"]) for row in rows] == [
        ("0", "0.82", ""),
        ("1", "0.824", ""),
        ("2", "0.828", ""),
    ]
    assert [mnist_cnn.load(out / f"seed-{seed}").card.seed for seed in range(3)] == [0, 1, 2]
    assert xml.dom.minidom.parse(str(out / "study.svg")).documentElement.tagName == "svg"  # noqa: S318  our own
    assert {path.name for path in out.iterdir()} == {
        *("seed-0", "seed-1", "seed-2", "seeds.csv", "study.json", "study.svg")
    }


def test_more_seeds_can_be_added_and_finished_ones_are_not_trained_again(
    tmp_path: Path, begun: Callable[[], list[str]]
) -> None:
    study(tmp_path / "study", 1)
    made = study(tmp_path / "study", 3)
    assert begun() == ["begin 0", "end 0", "begin 1", "end 1", "begin 2", "end 2"]
    assert [row.seed for row in made.finished] == [0, 1, 2]
    study(tmp_path / "study", 2)
    assert len(begun()) == 6


@pytest.mark.usefixtures("begun")
@pytest.mark.parametrize(
    ("recipe", "options", "sentence"),
    [
        (Recipe(epochs=2, repeats=1), {}, "--epochs was 1 and is now 2"),
        (Recipe(name="tiny", epochs=1, repeats=1), {}, "the recipe was classic and is now tiny"),
        (QUICK, {"threads": 7}, "--threads was 1 and is now 7"),
        (QUICK, {"deterministic": True}, "--deterministic was False and is now True"),
        (QUICK, {"teacher": "robust"}, "--teacher was none and is now the model with SHA-256 "),
    ],
    ids=["epochs", "recipe", "threads", "deterministic", "teacher"],
)
def test_a_study_with_other_settings_is_refused_and_says_what_differs(
    recipe: Recipe, options: dict[str, object], sentence: str, tmp_path: Path
) -> None:
    study(tmp_path / "study", 1, threads=1)
    before = (tmp_path / "study" / "study.json").read_bytes()
    with pytest.raises(RunError, match=sentence):
        study(tmp_path / "study", 1, recipe, **options)
    assert (tmp_path / "study" / "study.json").read_bytes() == before


@pytest.mark.usefixtures("begun")
def test_a_study_of_other_data_is_refused(tmp_path: Path) -> None:
    study(tmp_path / "study", 1)
    change(tmp_path / "study", lambda document: document["data"].update(sha256="0" * 64))
    with pytest.raises(RunError, match=r"the data was digits \(SHA-256 0000000000000000…\)"):
        study(tmp_path / "study", 1)


@pytest.mark.usefixtures("begun")
def test_a_study_with_a_teacher_records_it_and_goes_on_with_it(tmp_path: Path) -> None:
    recipe = Recipe("tiny", epochs=1, repeats=1, parameters=2000)
    out = tmp_path / "study"
    made = study(out, 1, recipe, teacher="robust")
    assert made.teacher == {"origin": "robust", "sha256": mnist_cnn.load("robust").card.digest}
    assert made.recipe["parameters"] == 2000
    assert folder.read(out).teacher == made.teacher
    assert len(study(out, 2, recipe, teacher="robust").finished) == 2
    with pytest.raises(RunError, match=r"--teacher was the model with SHA-256 .* and is now none"):
        study(out, 2, recipe)
    without = card.read(out / "seed-1")
    without.data.pop("teacher")
    card.write(out / "seed-1", without.sealed())
    change(out, lambda document: document["rows"].pop())
    assert "seed-1 is a model of another study" in str(study(out, 2, recipe, teacher="robust").rows[1].failure)


@pytest.mark.usefixtures("begun")
def test_threads_that_are_not_named_are_those_of_the_study(tmp_path: Path) -> None:
    study(tmp_path / "study", 1, threads=1)
    assert study(tmp_path / "study", 2, workers=2).threads == 1


@pytest.mark.usefixtures("begun")
def test_what_has_changed_around_a_study_that_goes_on_is_noted(tmp_path: Path) -> None:
    study(tmp_path / "study", 1)
    change(tmp_path / "study", lambda document: document["versions"].update(keras="1.0"))
    notes = study(tmp_path / "study", 2).notes
    assert len(notes) == 1
    assert "Resumed after 1 finished seeds" in notes[0]
    assert "keras was 1.0 and is now 3." in notes[0]


@pytest.mark.usefixtures("begun")
@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_folder_that_is_no_study_is_left_alone(kind: str, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    if kind == "folder":
        out.mkdir()
        (out / "thesis.txt").write_text("mine")
    else:
        out.write_text("mine")
    with pytest.raises(RunError, match="already exists and is not a study"):
        study(out)
    assert out.read_text() == "mine" if kind == "file" else [path.name for path in out.iterdir()] == ["thesis.txt"]


@pytest.mark.usefixtures("begun")
def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    assert len(study(tmp_path / "study", 1).finished) == 1


def test_a_seed_that_fails_costs_no_other_and_is_tried_again(
    tmp_path: Path, begun: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "study"
    monkeypatch.setenv("FAKE_FAIL", "1")
    made = study(out, 3)
    assert [row.seed for row in made.finished] == [0, 2]
    assert made.rows[1] == Row(1, failure="The loss became nan in epoch 1: lower --learning-rate.")
    assert made.summary
    assert made.summary.count == 2
    assert "The loss became nan" in (out / "seeds.csv").read_text()
    assert "The loss became nan" in (out / "seed-1.log").read_text()
    monkeypatch.delenv("FAKE_FAIL")
    assert len(study(out, 3).finished) == 3
    assert begun().count("begin 1") == 2
    assert not (out / "seed-1.log").exists()


@pytest.mark.usefixtures("begun")
def test_a_seed_that_is_killed_says_by_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_CRASH", "0")
    made = study(tmp_path / "study", 2)
    assert "was ended by SIGKILL" in str(made.rows[0].failure)
    assert made.rows[1].failure is None


def test_a_network_whose_row_was_not_written_any_more_is_taken(tmp_path: Path, begun: Callable[[], list[str]]) -> None:
    study(tmp_path / "study", 2)
    change(tmp_path / "study", lambda document: document["rows"].pop())
    assert len(study(tmp_path / "study", 2).finished) == 2
    assert begun().count("begin 1") == 1


@pytest.mark.usefixtures("begun")
def test_a_foreign_network_in_the_folder_is_neither_counted_nor_overwritten(tmp_path: Path) -> None:
    study(tmp_path / "study", 2)
    (tmp_path / "study" / "seed-1").rename(tmp_path / "study" / "seed-2")
    made = study(tmp_path / "study", 3)
    assert "seed-2 is a model of another study" in str(made.rows[2].failure)
    assert mnist_cnn.load(tmp_path / "study" / "seed-2").card.seed == 1


def test_workers_run_in_parallel_and_share_the_cores(
    tmp_path: Path, begun: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_SECONDS", "1")
    study(tmp_path / "study", 3, workers=2)
    assert {begun()[0], begun()[1]} == {"begin 0", "begin 1"}
    threads = {line.split()[2] for line in (tmp_path / "log").read_text().splitlines()}
    assert threads == {str(max(1, environment.cores() // 2))}


@pytest.mark.usefixtures("begun")
def test_a_study_tells_of_epochs_and_seeds_as_they_are_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_SECONDS", "0.5")
    heard: list[object] = []

    class Listener(StudyCallback):
        def on_study_begin(self, folder: Path, study: Study, waiting: int) -> None:
            heard.append((folder.name, len(study.rows), waiting))

        def on_epochs(self, done: dict[int, int]) -> None:
            if done == {0: 1} and done not in heard:
                heard.append(done)

        def on_row(self, row: Row) -> None:
            heard.append(row.accuracy)

    study(tmp_path / "study", 1, callback=Listener())
    assert heard == [("study", 0, 1), {0: 1}, 0.82]


@pytest.mark.usefixtures("begun")
def test_two_calls_cannot_work_on_one_study(tmp_path: Path) -> None:
    study(tmp_path / "study", 1)
    with folder.locked_study(tmp_path / "study"), pytest.raises(RunError, match="is in use by another process"):
        study(tmp_path / "study", 2)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": 1, "rows": 5}'])
def test_a_damaged_study_is_one_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "study.json").write_text(text)
    with pytest.raises(ArtifactError, match="is damaged or not a study of mnist-cnn"):
        folder.read(tmp_path)


def test_a_study_of_a_newer_form_is_not_guessed_at(tmp_path: Path) -> None:
    (tmp_path / "study.json").write_text('{"format": 7}')
    with pytest.raises(ArtifactError, match="update it"):
        folder.read(tmp_path)


def change(out: Path, edit: Callable[[dict], object]) -> None:
    document = json.loads((out / "study.json").read_text())
    edit(document)
    (out / "study.json").write_text(json.dumps(document))


# The command line


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    return ["study", "--data", "digits", "--epochs", "1", "--repeats", "1", "--output", str(tmp_path / "study")]


@pytest.mark.usefixtures("begun")
def test_seeds_and_their_summary_are_on_stdout_and_progress_is_on_stderr(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_SECONDS", "0.3")
    done = invoke(app, [*words, "--seeds", "3", "--threads", "1"])
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[:3] == [
        "seed   0  accuracy 82.00%    90 errors  1.5 s",
        "seed   1  accuracy 82.40%    88 errors  2.5 s",
        "seed   2  accuracy 82.80%    86 errors  3.5 s",
    ]
    # 4.303 standard errors on either side, as a table of the t distribution has it for two degrees of freedom.
    assert lines[3] == (
        "Accuracy of classic on digits (not MNIST): 82.40 ± 0.40% (mean ± SD of 3 seeds; 95% CI of the mean 81.41% to "
        "83.39%; min 82.00%, max 82.80%)"
    )
    assert lines[4] == "Training time: 2.5 s (median; 1 thread per seed). Parameters: 500"
    assert "press Ctrl-C to stop" in done.stderr
    assert "seed   0  epoch   1/1" in done.stderr


@pytest.mark.usefixtures("begun")
def test_a_quiet_study_shows_results_only(words: list[str]) -> None:
    done = invoke(app, [*words, "--seeds", "1", "--quiet"])
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("seed   0  accuracy 82.00%")


@pytest.mark.usefixtures("begun")
def test_json_is_the_document_and_nothing_else(words: list[str], tmp_path: Path) -> None:
    done = invoke(app, [*words, "--seeds", "1", "--json"])
    assert json.loads(done.stdout) == json.loads((tmp_path / "study" / "study.json").read_text())
    assert "82.00%" in done.stderr


@pytest.mark.usefixtures("begun")
def test_a_failed_seed_ends_with_1_and_is_said(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_FAIL", "0")
    done = invoke(app, [*words, "--seeds", "2"])
    assert done.exit_code == 1
    assert "seed   0  failed: The loss became nan" in done.stdout
    assert "Failed seeds: 0 (retry with the same command and --output" in done.stdout


@pytest.mark.parametrize(
    ("bad", "code", "sentence"),
    [
        (["--seeds", "0"], 2, "seeds is 0: it must be a whole number from 1 to 10,000"),
        (["--workers", "0"], 2, "workers is 0"),
        (["--threads", "0"], 2, "threads is 0"),
        (["--epochs", "0"], 2, "epochs is 0"),
        (["--recipe", "quick"], 2, "There is no recipe 'quick'"),
        (["--parameters", "700"], 2, "parameters is not a hyperparameter of the recipe classic"),
        (
            ["--recipe", "tiny", "--parameters", "500", "--data", "digits"],
            2,
            "the smallest tiny for these images has 684",
        ),
        (["--teacher", "nowhere"], 1, "There is no model 'nowhere'"),
        (["--teacher-epochs", "3"], 2, "teacher-epochs is about a teacher: name one with --teacher, or leave it out"),
        (
            ["--teacher", "robust", "--data", "digits", "--image-size", "32"],
            1,
            "robust classifies 28×28×1 images of 10",
        ),
        (["--data", "nowhere"], 1, "There is no dataset, file or folder 'nowhere'"),
        (["--ray", "local", "--workers", "2"], 2, "leave --workers out and give --threads"),
        (["--epochs", "3", "compare", "a", "b"], 2, "--epochs cannot stand before compare"),
        (["compare", ".", "."], 1, ". is neither a study nor a model: name"),
        (["compare", "a.json", str(FIXTURE)], 1, "a.json is a study and"),
        (["compare", "a.json", "b.json"], 1, "There is no study at a.json"),
        (["compare", str(FIXTURE), "b.onnx"], 1, "b.onnx cannot be read"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_is_one_sentence(
    bad: list[str], code: int, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = invoke(app, ["study", *bad])
    assert done.exit_code == code
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_without_ray_the_command_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ray" else name)
    done = invoke(app, ["study", "--ray", "local"])
    assert done.exit_code == 1
    assert 'pip install "mnist-cnn[ray]"' in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_time_left_counts_epochs_of_seeds_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = terminal_study.StudyProgress(lambda _: None)
    watch.waiting, watch.all_epochs, watch.ended = 4, 10, 1
    watch.under_way = {1: 5, 2: 5}
    watch.started = 0
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    assert watch.left() == "1:40 left"


def test_epochs_of_an_earlier_start_do_not_shorten_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = terminal_study.StudyProgress(lambda _: None)
    watch.waiting, watch.all_epochs, watch.started = 2, 10, 0
    watch.on_epochs({1: 4})
    assert watch.left() == ""
    monkeypatch.setattr(time, "monotonic", lambda: 20.0)
    watch.on_epochs({1: 6})  # ten seconds an epoch, and fourteen to go
    assert watch.left() == "2:20 left"


def test_corrected_accuracies_are_shown_and_summed_up_where_all_have_them() -> None:
    row = Row(3, 0.9912, 88, 0.9931, 61.2, 33_658)
    assert terminal_study.line_of(row) == "seed   3  accuracy 99.12%  corrected 99.31%    88 errors  61.2 s"
    made = Study(1, "", {"name": "best"}, {"name": "mnist"}, 2, False, {}, {}, None, [], [row, row])
    assert made.corrected
    assert made.corrected.mean == pytest.approx(0.9931)
    assert made.with_row(Row(4, 0.99, 100)).corrected is None


# What stops a study


@pytest.fixture
def held_study(tmp_path: Path, words: list[str]) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """A study as a process whose second seed is under way, and that seed's process."""
    log = tmp_path / "log"
    code = (
        f"from mnist_cnn.study import local_training\nlocal_training.COMMAND = {FAKE!r}\n"
        f"import sys\nsys.argv[1:] = {[*words, '--seeds', '3']!r}\nfrom mnist_cnn.cli import main\nmain()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | {"FAKE_LOG": str(log), "FAKE_HOLD": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_ctrl_c,
    )
    partial = tmp_path / "study" / "seed-1.partial" / "history.csv"
    wait_until(lambda: partial.exists() and partial.stat().st_size > 0, process)
    yield process, int(log.read_text().splitlines()[-1].split()[3])
    process.kill()
    process.communicate()


def wait_until(event: Callable[[], bool], process: "subprocess.Popen[str] | None" = None, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not event():
        assert process is None or process.poll() is None, f"it ended too early: {process.communicate()}"
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def is_gone(pid: int) -> bool:
    """Whether a process has ended, be it that nobody has asked for its exit code."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.usefixtures("begun")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_study_that_is_stopped_leaves_no_process_and_goes_on(
    number: signal.Signals,
    held_study: tuple["subprocess.Popen[str]", int],
    tmp_path: Path,
    begun: Callable[[], list[str]],
) -> None:
    process, seed = held_study
    process.send_signal(number)
    out, said = process.communicate(timeout=30)
    if number == signal.SIGKILL:
        assert process.returncode == -number
    else:
        assert process.returncode == 128 + number
        assert f"Resume with the same command and --output {tmp_path / 'study'}" in said
        assert "Traceback" not in said
    assert "seed   0  accuracy 82.00%" in out
    wait_until(lambda: is_gone(seed), seconds=5)
    assert [row.seed for row in folder.read(tmp_path / "study").rows] == [0]
    assert len(study(tmp_path / "study", 3).finished) == 3
    assert begun() == ["begin 0", "end 0", "begin 1", "resume 1", "end 1", "begin 2", "end 2"]


# Comparing


@pytest.fixture
def two_studies(tmp_path: Path, begun: Callable[[], list[str]]) -> tuple[Path, Path]:  # noqa: ARG001
    study(tmp_path / "a", 3)
    study(tmp_path / "b", 3, Recipe(epochs=2, repeats=1))
    return tmp_path / "a", tmp_path / "b"


def test_two_studies_are_compared_across_seeds_and_on_the_same_images(two_studies: tuple[Path, Path]) -> None:
    found = compare(*two_studies)
    assert isinstance(found, StudyComparison)
    assert found.seeds.value == pytest.approx(10 / 500)
    assert found.seeds.is_significant
    assert found.images  # their networks are one and the same
    assert (found.images.value, found.images.p) == (0, 1)
    assert found.verdict.startswith("B is better by 2.00 percentage points (95% CI 1.")
    assert found.verdict.endswith("on these test images, but this may not hold on others (p = 1.000).")
    assert compare(two_studies[1], two_studies[0]).verdict.startswith(
        "A is better by 2.00 percentage points (95% CI 1."
    )


def test_a_study_json_without_its_networks_is_compared_across_seeds_only(
    two_studies: tuple[Path, Path], tmp_path: Path
) -> None:
    lone = tmp_path / "lone.json"
    lone.write_bytes((two_studies[0] / "study.json").read_bytes())
    done = invoke(app, ["study", "compare", str(lone), str(two_studies[1] / "study.json")])
    assert done.exit_code == 0
    assert "The models cannot be compared image by image" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("B is better by 2.00 percentage points")
    document = json.loads(invoke(app, ["study", "compare", str(lone), str(two_studies[1]), "--json"]).stdout)
    assert document["on_the_same_images"] is None
    assert document["across_seeds"]["value"] == pytest.approx(0.02)


def test_studies_that_cannot_be_compared_say_why(two_studies: tuple[Path, Path], tmp_path: Path) -> None:
    a, b = map(str, two_studies)
    assert "leave --data out" in invoke(app, ["study", "compare", a, b, "--data", "digits"]).stderr
    change(two_studies[0], lambda document: document["data"].update(sha256="0" * 64, origin="mnist"))
    said = invoke(app, ["study", "compare", a, b]).stderr
    assert f"{a} was trained on mnist and {b} on other data, digits" in said
    study(tmp_path / "c", 1)
    said = invoke(app, ["study", "compare", str(tmp_path / "c"), b]).stderr
    assert "has too few finished seeds (1, and a spread needs two)" in said


REAL, MAYBE, NONE = Difference(0.0012, (0.0003, 0.0021), 0.012), Difference(0.0002, (-0.0007, 0.0011), 0.71), None


@pytest.mark.parametrize(
    ("seeds", "images", "sentence"),
    [
        (REAL, REAL, "B is better by 0.12 percentage points (95% CI 0.03 to 0.21, p = 0.012)."),
        (REAL, NONE, "B is better by 0.12 percentage points (95% CI 0.03 to 0.21, p = 0.012)."),
        (
            REAL,
            MAYBE,
            "B is better by 0.12 percentage points (95% CI 0.03 to 0.21, p = 0.012) on these test images, but this "
            "may not hold on others (p = 0.710).",
        ),
        (
            MAYBE,
            MAYBE,
            "The difference between the recipes is not significant: B − A is 0.02 percentage points (95% CI -0.07 to "
            "0.11, p = 0.710).",
        ),
        (
            MAYBE,
            REAL,
            "The difference between the recipes is not significant: B − A is 0.02 percentage points (95% CI -0.07 to "
            "0.11, p = 0.710); between these particular models it is.",
        ),
        (
            Difference(0.002, None, None),
            REAL,
            "The significance is unknown: B − A is 0.20 percentage points, but within each study all seeds have the "
            "same accuracy, so there is no spread to compare it with: train more seeds.",
        ),
    ],
)
def test_both_sources_of_variation_are_in_the_verdict(
    seeds: Difference, images: Difference | None, sentence: str
) -> None:
    made = Study(1, "", {"name": "best"}, {"name": "mnist"}, 2, False, {}, {}, None, [], [])
    assert StudyComparison("a", "b", {}, (made, made), seeds, images, None).verdict == sentence


def test_a_network_and_its_onnx_form_do_not_differ() -> None:
    done = invoke(app, ["study", "compare", str(FIXTURE), str(FIXTURE / "model.onnx"), "--json"])
    document = json.loads(done.stdout)
    assert (document["counts"]["only_a_correct"], document["counts"]["only_b_correct"]) == (0, 0)
    assert document["difference"]["p"] == 1
    assert document["verdict"].startswith("The difference is not significant")


def test_the_bundled_model_is_compared_by_its_name() -> None:
    done = invoke(app, ["study", "compare", "robust", str(FIXTURE / "model.onnx"), "--data", "digits"])
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("A: robust: 99.20% (496 of 500 correct")
    assert lines[1].startswith(f"B: {FIXTURE / 'model.onnx'}: 91.80% (459 of 500 correct")


def test_two_networks_are_compared_on_the_same_images(
    trained: tuple[Path, "subprocess.CompletedProcess[str]"],
) -> None:
    done = invoke(app, ["study", "compare", str(FIXTURE), str(trained[0])])
    assert done.exit_code == 0
    assert "Of 500 test images of digits (not MNIST): both correct" in done.stdout
    assert "McNemar's exact test" in done.stdout
    assert "is better by" in done.stdout or "The difference is not significant" in done.stdout


# With real training


REAL_SEEDS = [
    "--data",
    "digits",
    "--epochs",
    "3",
    "--repeats",
    "4",
    "--threads",
    "1",
    "--deterministic",
    "--seeds",
    "2",
]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, cli: Cli) -> Path:
    """The study as it is when nothing goes wrong."""
    out = tmp_path_factory.mktemp("undisturbed") / "study"
    done = cli("study", *REAL_SEEDS, "--output", out)
    assert done.returncode == 0, done.stderr
    return out


def numbers(out: Path) -> list[tuple[int, float | None, int | None]]:
    return [(row.seed, row.accuracy, row.errors) for row in folder.read(out).rows]


@pytest.mark.slow
@pytest.mark.extended
def test_a_study_killed_in_the_middle_goes_on_to_the_same_numbers(tmp_path: Path, undisturbed: Path, cli: Cli) -> None:
    out = Path(shutil.copytree(undisturbed, tmp_path / "study"))
    shutil.rmtree(out / "seed-1")
    change(out, lambda document: document["rows"].pop())
    process = subprocess.Popen(
        command_line("study", *REAL_SEEDS, "--output", out), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_until((out / "seed-1.partial" / "checkpoint" / "state.npz").exists, process, seconds=120)
    process.kill()
    process.communicate()
    assert [row.seed for row in folder.read(out).rows] == [0]
    done = cli("study", *REAL_SEEDS, "--output", out)
    assert done.returncode == 0, done.stderr
    assert numbers(out) == numbers(undisturbed)
    assert "Resumed after epoch" in mnist_cnn.load(out / "seed-1").card.notes[0]


@pytest.mark.slow
@pytest.mark.extended
def test_a_study_of_few_parameters_with_a_teacher_ends_on_a_microcontroller(tmp_path: Path, cli: Cli) -> None:
    few = ["--recipe", "tiny", "--parameters", "2000", "--data", "digits", "--epochs", "8", "--repeats", "2"]
    done = cli("study", *few, "--teacher", "robust", "--seeds", "2", "--output", "study", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    made = folder.read(tmp_path / "study")
    saved = mnist_cnn.load(tmp_path / "study" / "seed-1").card
    assert saved.data["teacher"] == made.teacher
    assert [row.parameters for row in made.finished] == [1976, 1976]
    assert min(made.accuracies.values()) > 0.8
    done = cli("export", "study/seed-1", "--to", "microcontroller", "-o", "chip", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["code"]["weight_bytes"] < 2500


@pytest.mark.slow
@pytest.mark.extended
def test_ray_gives_the_same_numbers_though_a_worker_is_killed(tmp_path: Path, undisturbed: Path) -> None:
    if not importlib.util.find_spec("ray"):
        pytest.skip('Ray is not installed: pip install "mnist-cnn[ray]"')
    out = tmp_path / "study"
    process = subprocess.Popen(
        command_line("study", *REAL_SEEDS, "--ray", "local", "--json", "--output", out),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: len(workers_of(process)) == 2, process, seconds=150)
    os.kill(workers_of(process)[0], signal.SIGKILL)
    said, progress = process.communicate(timeout=400)
    assert process.returncode == 0, progress
    assert numbers(out) == numbers(undisturbed)
    assert "died, and Ray restarted the seed" in json.loads(said)["notes"][0]
    ours = ("Study in ", "seed ", "The worker of seed ")
    assert not [line for line in progress.splitlines() if not line.startswith(ours)]
    assert not list(out.glob("*.log")) + list(out.glob("*.partial"))
    for seed in range(2):
        store.load(out / f"seed-{seed}")


def workers_of(study: "subprocess.Popen[str]") -> list[int]:
    """The processes of Ray that train for this study: those that have begun a seed."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(path.name)] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            words = (path / "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if not any(b"mnist_cnn.study.seed" in word for word in words):
            del parents[int(path.name)]
    return [parent for parent in parents.values() if descends(parent, study.pid)]


def descends(pid: int, ancestor: int) -> bool:
    while pid not in (0, 1, ancestor):
        try:
            pid = int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            return False
    return pid == ancestor


@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    if not importlib.util.find_spec("ray"):
        pytest.skip('Ray is not installed: pip install "mnist-cnn[ray]"')
    words = ["study", *REAL_SEEDS, "--ray", "127.0.0.1:1", "--output", str(tmp_path / "study")]
    code = (
        "from mnist_cnn.workers import ray_cluster\nray_cluster.PATIENCE = 8\n"
        f"import sys\nsys.argv[1:] = {words!r}\nfrom mnist_cnn.cli import main\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "The Ray cluster '127.0.0.1:1' cannot be reached (no answer in 8 s)" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 2
