"""The teacher of a training: a saved model, found by its name, checked, and made a function of images."""

from pathlib import Path

from mnist_cnn.artifact.store import Artifact
from mnist_cnn.card import KERAS_MODEL, Task
from mnist_cnn.errors import RecipeError, RunError
from mnist_cnn.models.classifier import keras_classifier
from mnist_cnn.reading.model_names import BUNDLED, BUNDLED_NAMES, path_of
from mnist_cnn.reading.network import Classifier
from mnist_cnn.system.files import sha256_of
from mnist_cnn.training.distillation import Teacher
from mnist_cnn.training.recipe import OF_TEACHER, RECIPES, Recipe
from mnist_cnn.workflows.evaluate import FileClassifier, fastest_classifier, keras_model_of, opened


def check_teacher(teacher: str | Path | None, recipe: Recipe) -> None:
    """Raise an error before anything is loaded: for a teacher that is not there, or of a recipe that can have none.

    A RecipeError also if a hyperparameter of a teacher is not the recipe's own, and there is no teacher.
    """
    if teacher is not None:
        recipe.require_classifier("--teacher")
        opened_teacher(teacher)
        return
    own = RECIPES[recipe.name]
    if alone := [name for name in sorted(OF_TEACHER) if getattr(recipe, name) != getattr(own, name)]:
        raise RecipeError(f"{alone[0].replace('_', '-')} is about a teacher: name one with --teacher, or leave it out.")


def opened_teacher(teacher: str | Path) -> Artifact | FileClassifier:
    """The saved model by its folder or name, or the one in an .onnx file; raises ArtifactError or RunError."""
    member = opened(teacher) if path_of(teacher).suffix.lower() != ".keras" else None
    if not isinstance(member, Artifact | FileClassifier):
        raise RunError(f"{teacher} cannot be a teacher: name a folder that `train` made, or an .onnx file.")
    return member


def identified(teacher: str | Path | None, task: Task) -> dict[str, str] | None:
    """A teacher as a model card has it: its `origin`, by which it is found again, and its `sha256`.

    Raises RunError if it is for another task.
    """
    if teacher is None:
        return None
    member = opened_teacher(teacher)
    own = task_of(member)
    if (own.image_shape, own.class_names) != (task.image_shape, task.class_names):
        raise RunError(f"{teacher} classifies {described(own)}, and the data are {described(task)}: name another one.")
    path = member.folder if isinstance(member, Artifact) else path_of(teacher)
    origin = BUNDLED_NAMES[0] if path == BUNDLED else str(path.absolute())
    return {"origin": origin, "sha256": hash_of(member, path)}


def task_of(member: Artifact | FileClassifier) -> Task:
    """The task of a saved model."""
    return member.card.task if isinstance(member, Artifact) else member.task


def described(task: Task) -> str:
    """A task in a sentence."""
    shape = "×".join(map(str, task.input_shape))
    return f"{shape} images of {task.classes} classes ({', '.join(task.class_names):.40})"


def hash_of(member: Artifact | FileClassifier, path: Path) -> str:
    """That of a saved model's card, or of a file."""
    return member.card.digest if isinstance(member, Artifact) else sha256_of(path)


def teacher_of(identity: dict[str, str] | None, recipe: Recipe) -> Teacher | None:
    """The teacher of a run, if it has one; raises RunError if it is no longer the model that it was."""
    if identity is None:
        return None
    return Teacher(of_one_view(same_teacher(identity)), recipe)


def same_teacher(identity: dict[str, str]) -> Artifact | FileClassifier:
    """The model that was identified as a teacher; raises RunError if another one is in its place."""
    origin = identity["origin"]
    member = opened_teacher(origin)
    if hash_of(member, Path(origin)) != identity["sha256"]:
        raise RunError(f"{origin} is not the model that it was when the training began: bring the old one back.")
    return member


def of_one_view(member: Artifact | FileClassifier) -> Classifier:
    """A teacher as a function of images, on the framework that trains if it can be, without test-time augmentation.

    That would take nine times as long for every image of every epoch, and its probabilities differ little.
    """
    if not isinstance(member, Artifact) or KERAS_MODEL not in member.card.files:
        return fastest_classifier(member)
    recipe, network = Recipe(**member.card.recipe), keras_model_of(member)
    if recipe.test_time_shift:
        from mnist_cnn.models.architectures import as_saved, build  # here, because Keras comes with it

        temperature = float(member.card.evaluation.get("temperature") or 1.0)
        whole, network = network, as_saved(build(recipe.name, 0.0, member.card.task, recipe.parameters), 0, temperature)
        network.set_weights(whole.get_weights())
    return keras_classifier(network)
