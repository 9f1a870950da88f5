"""A model that learns from another: its targets, its images, and the whole training with a teacher."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mnist_cnn
from mnist_cnn.artifact import store
from mnist_cnn.card import Task
from mnist_cnn.data.dataset import Dataset, Examples
from mnist_cnn.errors import ArtifactError, RecipeError, RunError
from mnist_cnn.training.distillation import Teacher, drawn_as
from mnist_cnn.training.examples_ahead import examples_ahead
from mnist_cnn.training.recipe import Recipe
from mnist_cnn.workflows.teacher import identified, of_one_view, teacher_of

pytestmark = pytest.mark.usefixtures("threads_as_they_are")

FIXTURE = Path(__file__).parent / "fixtures" / "format-2"
QUICK: dict[str, Any] = {"epochs": 3, "repeats": 1, "batch_size": 50, "verbose": 0, "seed": 1}
ONE_HOT = np.eye(4, dtype=np.float32)


class Heard(mnist_cnn.Callback):
    """What a callback is told of the teacher."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def on_teacher(self, done: int, images: int) -> None:
        self.seen.append((done, images))


def nothing(done: int, images: int) -> None:
    del done, images


def few(digits: Dataset, count: int = 100) -> mnist_cnn.Dataset:
    return mnist_cnn.load_data((digits.train.images[:count], digits.train.labels[:count]))


def sure_of(second: float) -> Teacher:
    """A teacher that gives the first class 1 - second, and the second one the rest."""
    row = np.array([1 - second, second, 0, 0], np.float32)
    return Teacher(lambda images: np.tile(row, (len(images), 1)), Recipe("tiny", teacher_share=0.75))


def test_targets_are_the_labels_and_what_the_teacher_gives_at_its_temperature() -> None:
    images = np.zeros((2, 28, 28), np.uint8)
    targets = sure_of(0.2).targets(0, images, ONE_HOT[[2, 0]], nothing)
    softer = np.sqrt([0.8, 0.2]) / np.sqrt([0.8, 0.2]).sum()  # at a temperature of 2
    np.testing.assert_allclose(targets[0], [0.75 * softer[0], 0.75 * softer[1], 0.25, 0], atol=1e-4)
    np.testing.assert_allclose(targets[1], [0.25 + 0.75 * softer[0], 0.75 * softer[1], 0, 0], atol=1e-4)


def test_what_is_of_no_class_keeps_its_target() -> None:
    truth = np.concatenate([ONE_HOT[:1], np.full((1, 4), 0.25, np.float32)])
    targets = sure_of(0.2).targets(0, np.zeros((2, 28, 28), np.uint8), truth, nothing)
    np.testing.assert_allclose(targets[1], 0.25)


def test_the_teacher_looks_once_at_images_that_come_again() -> None:
    looked: list[int] = []

    def classify(images: np.ndarray) -> np.ndarray:
        looked.append(len(images))
        return ONE_HOT[np.zeros(len(images), int)]

    teacher = Teacher(classify, Recipe("tiny", epochs=5, repeats=1, final_plain_epochs=1, teacher_epochs=2))
    reported: list[tuple[int, int]] = []
    for epoch in range(5):
        teacher.targets(
            epoch, np.zeros((3_000, 1, 1), np.uint8), ONE_HOT[np.zeros(3_000, int)], lambda *seen: reported.append(seen)
        )
    assert looked == [2_000, 1_000] * 3  # of the epochs 0, 1, and the last, which has images of its own
    assert reported == [(0, 3_000), (2_000, 3_000), (3_000, 3_000)] * 3


def test_what_never_comes_again_is_not_kept() -> None:
    teacher = Teacher(lambda images: ONE_HOT[np.zeros(len(images), int)], Recipe("tiny", teacher_epochs=0))
    for epoch in range(3):
        teacher.targets(epoch, np.zeros((5, 1, 1), np.uint8), ONE_HOT[np.zeros(5, int)], nothing)
    assert list(teacher.known) == [2]


@pytest.mark.parametrize(
    ("teacher_epochs", "drawn"), [(0, [0, 1, 2, 3, 4, 5]), (2, [0, 1, 0, 1, 4, 4]), (9, [0, 1, 2, 3, 4, 4])]
)
def test_images_come_again_but_the_plain_ones_are_of_the_last_epochs(teacher_epochs: int, drawn: list[int]) -> None:
    recipe = Recipe("tiny", epochs=6, final_plain_epochs=2, teacher_epochs=teacher_epochs)
    assert [drawn_as(recipe, epoch) for epoch in range(6)] == drawn


@pytest.mark.parametrize("processes", [0, 1])
def test_images_that_come_again_are_the_same(processes: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 28, 28), dtype=np.uint8)
    recipe = Recipe("tiny", epochs=4, repeats=1, final_plain_epochs=1, teacher_epochs=2)
    training = Examples(images, np.arange(6, dtype=np.uint8))
    made = list(examples_ahead(recipe, training, 0, 0, None, processes, lambda epoch: drawn_as(recipe, epoch)))
    first, second, again, plain = (one.images for one in made)
    assert (first == again).all()
    assert not (first == second).all()
    assert sorted(map(bytes, plain)) == sorted(map(bytes, images))


@pytest.fixture(scope="module")
def student(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[mnist_cnn.Model, Heard]:
    heard = Heard()
    folder = tmp_path_factory.mktemp("student") / "run"
    options = QUICK | {"teacher_epochs": 1, "learning_rate": 0.01, "parameters": 700}
    model = mnist_cnn.train("tiny", few(digits), teacher="robust", output=folder, callbacks=[heard], **options)
    return model, heard


def test_a_model_is_trained_with_a_teacher(student: tuple[mnist_cnn.Model, Heard]) -> None:
    model, heard = student
    count = model.card.data["training"]
    assert heard.seen == [(0, count), (count, count)] * 2  # the augmented images once, and the plain ones
    assert any("Learnt from the probabilities of" in note and "SHA-256" in note for note in model.card.notes)
    assert model.card.data["teacher"] == {"origin": "robust", "sha256": mnist_cnn.load("robust").card.digest}
    assert (model.card.recipe["teacher_share"], model.card.recipe["parameters"], model.card.parameters) == (
        0.9,
        700,
        684,
    )
    assert model.card.evaluation["temperature"] == 0.5  # which undoes the teacher's of 2


def test_a_training_with_a_teacher_is_resumed_as_if_it_had_not_stopped(
    digits: Dataset, student: tuple[mnist_cnn.Model, Heard], tmp_path: Path
) -> None:
    class Stop(mnist_cnn.Callback):
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:  # noqa: ARG002
            raise KeyboardInterrupt

    options = QUICK | {"teacher_epochs": 1, "learning_rate": 0.01, "parameters": 700}
    with pytest.raises(KeyboardInterrupt):
        mnist_cnn.train("tiny", few(digits), teacher="robust", output=tmp_path / "r", callbacks=[Stop()], **options)
    resumed = mnist_cnn.resume(tmp_path / "r", data=few(digits), verbose=0)
    expected = student[0].card.history
    assert [row["loss"] for row in resumed.card.history] == pytest.approx([row["loss"] for row in expected], rel=1e-3)


def test_a_model_of_few_parameters_is_fine_tuned_with_as_many(
    digits: Dataset, student: tuple[mnist_cnn.Model, Heard], tmp_path: Path
) -> None:
    options = QUICK | {"epochs": 1}
    tuned = mnist_cnn.train(None, few(digits), init=student[0].folder, output=tmp_path / "tuned", **options)
    assert (tuned.card.recipe["parameters"], tuned.card.parameters) == (700, 684)
    assert "teacher" not in tuned.card.data


def test_a_teacher_does_not_look_at_shifted_images(tmp_path: Path) -> None:
    from mnist_cnn.models.architectures import as_saved, build

    network = as_saved(build("fast", 0.0), 1)
    network.save(tmp_path / "model.keras")
    images = np.random.default_rng(0).integers(0, 256, (4, 28, 28), dtype=np.uint8)
    saved = store.load_classifier(FIXTURE)
    recipe = Recipe("fast", test_time_shift=1).to_dict()
    shifted = replace(saved, folder=tmp_path, card=replace(saved.card, recipe=recipe, evaluation={}))
    plain = as_saved(build("fast", 0.0), 0)
    plain.set_weights(network.get_weights())
    given = of_one_view(shifted)(images)
    np.testing.assert_allclose(given, plain.predict(images[..., np.newaxis], verbose=0), atol=1e-6)
    assert np.abs(given - network.predict(images[..., np.newaxis], verbose=0)).max() > 1e-4


def test_a_teacher_that_cannot_be_one_is_one_sentence(digits: Dataset, tmp_path: Path) -> None:
    data = few(digits)
    with pytest.raises(RecipeError, match="teacher-share is about a teacher: name one with --teacher"):
        mnist_cnn.train("tiny", data, teacher_share=0.5)
    with pytest.raises(RecipeError, match="--teacher needs a digit classifier"):
        mnist_cnn.train("finder", data, teacher="robust")
    with pytest.raises(ArtifactError, match="nowhere"):
        mnist_cnn.train("tiny", data, teacher="nowhere")
    (tmp_path / "mine.keras").write_bytes(b"")
    with pytest.raises(RunError, match="cannot be a teacher: name a folder that `train` made"):
        mnist_cnn.train("tiny", data, teacher=tmp_path / "mine.keras")
    with pytest.raises(RunError, match=r"robust classifies 28×28×1 images of 10 classes .* and the data are 32×32×3"):
        identified("robust", Task(32, 3, ("a", "b")))


def test_a_teacher_must_be_the_same_when_a_run_is_resumed() -> None:
    identity = identified(FIXTURE, Task())
    assert identity == {"origin": str(FIXTURE), "sha256": store.load_classifier(FIXTURE).card.digest}
    assert teacher_of(identity, Recipe("tiny")) is not None
    with pytest.raises(RunError, match="is not the model that it was when the training began: bring the old one back"):
        teacher_of(identity | {"sha256": "0" * 64}, Recipe("tiny"))
    assert identified(None, Task()) is None
    assert teacher_of(None, Recipe("tiny")) is None
