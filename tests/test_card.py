import dataclasses
import json
import os
import shutil
from pathlib import Path

import pytest

from mnist_cnn import card
from mnist_cnn.artifact import store
from mnist_cnn.card import digest_of, text_of
from mnist_cnn.errors import ArtifactError
from mnist_cnn.evaluation.metrics import Evaluation
from mnist_cnn.reading.model_names import BUNDLED
from mnist_cnn.training.recipe import Recipe

FIXTURE = Path(__file__).parent / "fixtures" / "format-1"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A copy of the kept network of format 1, to be damaged."""
    return Path(shutil.copytree(FIXTURE, tmp_path / "kept"))


def rewrite(folder: Path, **changes: object) -> None:
    """Change a card and give it the digest that fits, as somebody who means harm would."""
    document = json.loads((folder / "card.json").read_text()) | changes
    (folder / "card.json").write_text(text_of(document | {"digest": digest_of(document)}))


def test_a_network_kept_in_format_1_loads_for_ever() -> None:
    artifact = store.load(FIXTURE)
    assert artifact.card.recipe["name"] == "classic"
    assert artifact.card.data["name"] == "digits"
    evaluation = Evaluation.from_dict(artifact.card.evaluation)
    assert (evaluation.correct, evaluation.corrected) == (459, None)


def test_a_network_kept_in_format_2_loads_for_ever() -> None:
    artifact = store.load(FIXTURE.with_name("format-2"))
    evaluation = Evaluation.from_dict(artifact.card.evaluation)
    assert (artifact.card.format, evaluation.correct, evaluation.temperature) == (2, 459, 1.5)
    assert evaluation.risk_coverage is not None


def test_in_format_1_the_temperature_is_outside_the_network_and_from_then_on_inside(kept: Path) -> None:
    assert card.read(kept).outside_temperature == 1
    rewrite(kept, evaluation=json.loads((kept / "card.json").read_text())["evaluation"] | {"temperature": 1.5})
    assert card.read(kept).outside_temperature == 1.5
    assert card.read(FIXTURE.with_name("format-2")).outside_temperature == 1


def test_a_card_written_is_the_card_read(kept: Path) -> None:
    before = dataclasses.replace(card.read(kept), format=card.FORMAT).sealed()
    card.write(kept, before)
    assert card.read(kept) == before


@pytest.mark.parametrize("folder", [FIXTURE, FIXTURE.with_name("format-2"), BUNDLED], ids=lambda path: path.name)
def test_an_older_card_has_the_hyperparameters_of_today(folder: Path) -> None:
    written = json.loads((folder / "card.json").read_text())
    found = card.read(folder)
    recipe = Recipe(**found.recipe)
    assert recipe.repeats == written["recipe"].get("passes", 1)
    assert (recipe.ink_digits > 0) == (folder == BUNDLED)  # the others are older than that
    assert (found.format, found.digest) == (written["format"], written["digest"])


def test_a_newer_format_says_how_to_update(kept: Path) -> None:
    rewrite(kept, format=card.FORMAT + 1)
    with pytest.raises(ArtifactError, match=r"has format 6, and this program reads formats up to 5: update it"):
        store.load(kept)


def test_a_better_accuracy_written_into_the_card_is_noticed(kept: Path) -> None:
    text = (kept / "card.json").read_text()
    (kept / "card.json").write_text(text.replace('"correct": 459', '"correct": 500'))
    with pytest.raises(ArtifactError, match="was changed after it was written"):
        store.load(kept)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"format": 1}', '{"format": "1", "recipe": {}}', "null", "[" * 100_000, "\xff\xfe", '{"a": NaN}'],
    ids=["empty", "list", "object", "no recipe", "text format", "null", "deep", "latin-1", "foreign"],
)
def test_a_card_that_is_not_ours_is_one_sentence(kept: Path, content: str) -> None:
    (kept / "card.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(ArtifactError) as caught:
        store.load(kept)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value"), [("seed", "0"), ("history", {}), ("recipe", []), ("notes", None), ("parameters", 1.5)]
)
def test_a_card_with_a_value_of_another_kind_is_refused(kept: Path, field: str, value: object) -> None:
    rewrite(kept, **{field: value})
    with pytest.raises(ArtifactError, match="does not have the fields"):
        store.load(kept)


def test_a_card_with_a_field_more_is_refused(kept: Path) -> None:
    rewrite(kept, extra=1)
    with pytest.raises(ArtifactError, match="extra"):
        store.load(kept)


def test_a_card_cannot_name_a_file_elsewhere(kept: Path) -> None:
    rewrite(kept, files={"../../secret": "0" * 64})
    with pytest.raises(ArtifactError, match="lists files that do not belong there"):
        store.load(kept)


def test_a_card_cannot_leave_the_network_out(kept: Path) -> None:
    files = json.loads((kept / "card.json").read_text())["files"]
    rewrite(kept, files={name: digest for name, digest in files.items() if name == "history.csv"})
    with pytest.raises(ArtifactError, match=r"model\.keras or model\.onnx is not listed in the model card"):
        store.load(kept)


def test_a_folder_without_a_card_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="is not a saved model"):
        store.load(tmp_path)
    with pytest.raises(ArtifactError, match="is not a saved model"):
        store.load(tmp_path / "nowhere")


def test_an_enormous_card_is_not_read(kept: Path) -> None:
    os.truncate(kept / "card.json", 2**40)
    with pytest.raises(ArtifactError, match="is larger than"):
        store.load(kept)


def test_a_card_may_have_sixteen_mebibytes_and_not_one_byte_more(kept: Path) -> None:
    os.truncate(kept / "card.json", 16 * 2**20)
    with pytest.raises(ArtifactError, match="is damaged"):
        card.read(kept)
    os.truncate(kept / "card.json", 16 * 2**20 + 1)
    with pytest.raises(ArtifactError, match="is larger than 16 MiB"):
        card.read(kept)


@pytest.mark.parametrize("version", [0, -1, 2.5])
def test_a_format_that_never_was_is_refused(kept: Path, version: float) -> None:
    rewrite(kept, format=version)
    with pytest.raises(ArtifactError, match="is not a model card"):
        card.read(kept)


def test_the_same_values_written_in_another_way_are_noticed(kept: Path) -> None:
    document = json.loads((kept / "card.json").read_text())
    (kept / "card.json").write_text(json.dumps(document))
    with pytest.raises(ArtifactError, match="was changed after it was written"):
        card.read(kept)


def test_only_up_to_format_2_hyperparameters_have_old_names() -> None:
    old = {"recipe": {"passes": 3, "shift": 1, "epochs": 2}}
    assert card.with_current_names(old | {"format": 4})["recipe"] == old["recipe"]
    assert card.with_current_names(old | {"format": 3})["recipe"] == old["recipe"] | card.WITHOUT_INK
    for version in (1, 2):
        renamed = card.with_current_names(old | {"format": version})
        assert renamed["recipe"] == {"repeats": 3, "translation": 1, "epochs": 2} | card.WITHOUT_INK


@pytest.mark.parametrize("name", ["model.keras", "model.onnx", "history.csv"])
def test_each_file_that_a_card_lists_is_verified(kept: Path, name: str) -> None:
    found = card.read(kept)
    card.verify(kept, found)
    content = bytearray((kept / name).read_bytes())
    content[-1] ^= 1
    (kept / name).write_bytes(content)
    with pytest.raises(ArtifactError, match=f"{name} is damaged or was changed"):
        card.verify(kept, found)
    (kept / name).unlink()
    with pytest.raises(ArtifactError, match=f"{name} cannot be read"):
        card.verify(kept, found)
    (kept / name).symlink_to(FIXTURE / name)
    with pytest.raises(ArtifactError, match=f"{name} is a link"):
        card.verify(kept, found)


def test_a_card_may_leave_out_one_form_of_the_network_but_no_other_file(kept: Path) -> None:
    found = card.read(kept)
    for name in found.files:
        less = dataclasses.replace(found, files={other: found.files[other] for other in found.files if other != name})
        if name in card.NETWORKS:
            card.verify(kept, less)
        else:
            with pytest.raises(ArtifactError, match=f"{name} is not listed"):
                card.verify(kept, less)


def test_a_card_that_is_a_link_is_not_read(kept: Path) -> None:
    (kept / "card.json").rename(kept / "there.json")
    (kept / "card.json").symlink_to(kept / "there.json")
    with pytest.raises(ArtifactError, match="is a link"):
        card.read(kept)


def test_a_folder_of_a_run_that_has_not_ended_says_how_to_resume_it(tmp_path: Path) -> None:
    assert not card.can_resume(tmp_path)
    (tmp_path / card.SETTINGS).parent.mkdir()
    (tmp_path / card.SETTINGS).touch()
    assert card.can_resume(tmp_path)
    with pytest.raises(ArtifactError, match="train --resume"):
        card.read(tmp_path)
