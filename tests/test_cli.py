import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from conftest import Cli
from mnist_cnn import __version__
from mnist_cnn.cli import app
from mnist_cnn.training.recipe import ABOUT, MEASURED, RECIPES, Recipe

ROOT = Path(__file__).parents[1]
FIXTURE = ROOT / "tests" / "fixtures" / "format-1"
CLASSIC = (ROOT / "examples" / "classic.py").read_text(encoding="utf-8")
run = CliRunner().invoke


def test_every_hyperparameter_of_a_recipe_can_be_set() -> None:
    said = run(app, ["train", "--help"], env={"COLUMNS": "200"}).stdout
    for hyperparameter in Recipe.hyperparameters():
        assert f"--{hyperparameter.name.replace('_', '-')}" in said


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_the_packages(option: str) -> None:
    assert run(app, [option]).stdout == f"mnist-cnn {__version__}\n"
    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text()


def test_recipes_are_listed_with_their_size_accuracy_and_time(cli: Cli) -> None:
    # In a process of its own: the width is settled when the screen is imported.
    said = cli("info", COLUMNS="120").stdout
    for name in RECIPES:
        assert re.search(rf"^{name} +{MEASURED[name].parameters:,} .*{re.escape(ABOUT[name])} *$", said, re.MULTILINE)
    assert re.search(r"^classic +33,658 +98\.08% +85 s ", said, re.MULTILINE)
    assert re.search(r"^best +554,370 +99\.75% +30 min ", said, re.MULTILINE)
    assert re.search(r"^finder +483,534 +– +– ", said, re.MULTILINE)
    assert "--batch-size" not in said
    assert len(said.splitlines()) < 15
    assert json.loads(run(app, ["info", "--json"]).stdout)["classic"]["batch_size"] == 64


def test_a_recipe_is_shown_with_what_its_hyperparameters_mean() -> None:
    said = run(app, ["info", "fast"]).stdout
    assert said.startswith(f"fast  {ABOUT['fast']}\n")
    for one in RECIPES["fast"].own_hyperparameters():
        assert set(one.metadata["meaning"].split()) <= set(said.split())  # in a column, beside others
    assert "--learning-rate" in said
    assert "--gradient-clipping" not in said  # which means nothing for it
    assert json.loads(run(app, ["info", "fast", "--json"]).stdout) == RECIPES["fast"].to_dict()


def test_the_bundled_model_is_shown_with_its_recipe() -> None:
    both, alone = (run(app, ["info", name]).stdout for name in ("robust", "bundled"))
    assert both.startswith("robust  ")
    assert both.endswith(alone)
    assert alone.startswith("The bundled model\n")
    document = json.loads(run(app, ["info", "robust", "--json"]).stdout)
    assert document["recipe"] == RECIPES["robust"].to_dict()
    assert document["model_card"] == json.loads(run(app, ["info", "bundled", "--json"]).stdout)


@pytest.mark.parametrize("name", [FIXTURE, FIXTURE / "card.json"])
def test_a_model_card_is_shown_by_its_folder_or_a_file_in_it(name: Path) -> None:
    done = run(app, ["info", str(name)])
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{FIXTURE}\n")
    assert "91.80% (459 of 500 correct" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["train", "--epochs", "0"], 2, "epochs is 0: it must be a whole number from 1 to 10,000"),
        (["train", "--dropout", "1"], 2, "dropout is 1.0: it must be a number from 0 to 0.95"),
        (["train", "--learning-rate", "nan"], 2, "learning-rate is nan"),
        (["train", "--seed", "-1"], 2, "seed is -1"),
        (["train", "--threads", "0"], 2, "threads is 0"),
        (["train", "--recipe", "quick"], 2, "There is no recipe 'quick'"),
        (["train", "--resume", "x", "--epochs", "3"], 2, "--resume keeps the settings of the run: leave --epochs out"),
        (["train", "--resume", "nowhere"], 1, "There is no run at nowhere"),
        (["train", "--data", "nowhere.npz"], 1, "nowhere.npz"),
        (["evaluate", "nowhere"], 1, "There is no model 'nowhere'"),
        (["evaluate", "."], 1, "is not a saved model"),
        (["report", "nowhere"], 1, "There is no model 'nowhere'"),
        (["info", "nowhere"], 1, "There is no recipe or model 'nowhere': choose one of classic, fast, "),
        (["info", "rubust"], 1, "There is no recipe or model 'rubust': did you mean 'robust'?"),
        (["info", "runs/nowhere"], 1, "runs/nowhere is not a saved model"),
        (["read", "x.png", "--model", "rubust"], 1, "There is no model 'rubust'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_input_is_one_sentence(
    words: list[str], code: int, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(app, words)
    assert done.exit_code == code
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["train", "--epochs", "many"], ["nonsense"], ["evaluate"]], ids=" ".join)
def test_wrong_usage_ends_with_2(words: list[str]) -> None:
    assert run(app, words).exit_code == 2


def test_a_reader_that_goes_away_does_no_harm() -> None:
    pipe = f"{sys.executable} -m mnist_cnn info | true"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {pipe}"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_readme_names_only_commands_and_options_that_there_are() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = set(re.findall(r"`mnist-cnn ([a-z-]+)", text)) | set(
        re.findall(r"^mnist-cnn ([a-z-]+)", text, re.MULTILINE)
    )
    assert {"train", "evaluate", "report", "info"} <= commands
    for name in commands:
        assert run(app, [name, "--help"]).exit_code == 0, f"README names the command {name}"


def test_the_readmes_two_commands_are_in_the_makefile() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^make ([a-z-]+)", text, re.MULTILINE))
    assert {"train", "test"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"README names `make {target}`"


def test_every_python_block_of_the_readme_runs(tmp_path: Path) -> None:
    found = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    # test_classic.py runs the recipe, and test_readme.py what reads the photo.
    blocks = [block for block in found if block != CLASSIC and "examples/photo.jpg" not in block]
    assert blocks
    for block in blocks:
        quick = block.replace('"classic"', '"classic", "digits", epochs=1, repeats=1')
        assert quick != block
        done = subprocess.run(
            [sys.executable, "-c", quick], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stderr
        assert "of scikit-learn's digits, 95% CI" in done.stdout
