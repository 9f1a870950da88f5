import json
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import mnist_cnn
from conftest import Cli
from mnist_cnn.artifact import litert, microcontroller
from mnist_cnn.artifact.export_format import ExportFormat
from mnist_cnn.artifact.integers import IntegerNetwork, quantized
from mnist_cnn.artifact.layer_chain import folded
from mnist_cnn.card import Task
from mnist_cnn.data import source
from mnist_cnn.data.dataset import Dataset
from mnist_cnn.errors import ExportError, ExportFormatError
from mnist_cnn.models.architectures import as_saved, build
from mnist_cnn.models.classifier import keras_classifier
from mnist_cnn.workflows.export import calibration_images

sys.path.append(str(Path(__file__).parents[1] / "bench"))
import cortex_m

COMPILER = shutil.which("cc") or shutil.which("gcc")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler")
NOT_ON_DEVICES = {"SHAPE", "PACK", "STRIDED_SLICE", "CAST"}


class Exported:
    """A network trained for a moment, and what was written of it."""

    def __init__(self, name: str, digits: Dataset, folder: Path, temperature: float) -> None:
        keras.utils.set_random_seed(0)
        network = build(name, dropout=0.0)
        network.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy")
        network.fit(digits.train.images[..., np.newaxis], digits.train.labels, 32, 3, verbose=0)
        self.network = as_saved(network, 0, temperature)
        self.folder = folder / name
        self.images = calibration_images(digits)
        self.written = microcontroller.write(self.network, self.folder, self.images[..., np.newaxis], Task())

    def integers(self) -> IntegerNetwork:
        return quantized(folded(self.network), self.images[..., np.newaxis])


@pytest.fixture(scope="module", params=[("tiny", 1.0), ("fast", 1.5), ("classic", 0.7)], ids=lambda of: of[0])
def exported(request: pytest.FixtureRequest, digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    name, temperature = request.param
    return Exported(name, digits, tmp_path_factory.mktemp("microcontroller"), temperature)


def compiled(folder: Path, program: Path) -> Path:
    """The example with its model as a program, without a warning."""
    flags = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-O2"]
    subprocess.run([str(COMPILER), *flags, "-o", program, folder / "example.c", folder / "model.c"], check=True)
    return program


def answers(program: Path, images: np.ndarray) -> np.ndarray:
    """What the example prints: (n, 1 + classes), the digit and its scores."""
    said = subprocess.run([program], input=images.tobytes(), capture_output=True, check=True).stdout.decode()
    return np.array([line.replace(":", "").split() for line in said.splitlines()], dtype=np.int64)


@needs_compiler
def test_the_c_code_computes_bit_for_bit_what_the_check_computes(
    exported: Exported, digits: Dataset, tmp_path: Path
) -> None:
    images = np.concatenate([digits.test.images, np.zeros((1, 28, 28), np.uint8), np.full((1, 28, 28), 255, np.uint8)])
    said = answers(compiled(exported.folder, tmp_path / "example"), images)
    scores = exported.integers().scores(images[..., np.newaxis])
    assert np.array_equal(said[:, 1:], scores)
    assert np.array_equal(said[:, 0], scores.argmax(axis=1))


def test_the_integers_agree_with_the_network(exported: Exported, digits: Dataset) -> None:
    expected = keras_classifier(exported.network)(digits.test.images)
    for classify in (exported.written.classifier, ExportFormat("microcontroller").read(exported.folder)):
        probabilities = classify(digits.test.images)
        assert (probabilities.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.994
        assert 0 < np.abs(probabilities - expected).max() < 0.15
        assert np.abs(probabilities.sum(axis=1) - 1).max() < 0.02


def test_litert_has_one_image_integers_and_no_operation_that_devices_lack(exported: Exported) -> None:
    path = exported.folder / "model.tflite"
    assert not NOT_ON_DEVICES & set(litert.operations(path))
    assert {"CONV_2D", "FULLY_CONNECTED", "SOFTMAX"} <= set(litert.operations(path))
    opened = litert.interpreter(path.read_bytes(), threads=1)
    [takes], [gives] = opened.get_input_details(), opened.get_output_details()
    assert (takes["shape"].tolist(), takes["dtype"], takes["quantization"]) == ([1, 28, 28, 1], np.int8, (1.0, -128))
    assert (gives["shape"].tolist(), gives["dtype"], gives["quantization"]) == ([1, 10], np.int8, (1 / 256, -128))


@needs_compiler
def test_the_array_is_the_file(exported: Exported, tmp_path: Path) -> None:
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "model_tflite.h"\n'
        "int main(void) { return fwrite(model_tflite, 1, model_tflite_length, stdout) != model_tflite_length; }\n"
    )
    program = tmp_path / "main"
    words = ["-std=c11", "-Wall", "-Werror", "-I", exported.folder, tmp_path / "main.c"]
    subprocess.run([str(COMPILER), *words, exported.folder / "model_tflite.c", "-o", program], check=True)
    assert (
        subprocess.run([program], capture_output=True, check=True).stdout
        == (exported.folder / "model.tflite").read_bytes()
    )


def test_sizes_are_those_of_the_constants_and_buffers(exported: Exported) -> None:
    network, written = exported.network, exported.written
    kernels = [weight for weight in network.get_weights() if weight.ndim > 1]
    filters = sum(kernel.shape[-1] for kernel in kernels)
    pools = 5 if exported.folder.name == "tiny" else 0
    assert written.weight_bytes == sum(kernel.size for kernel in kernels) + 9 * filters + pools
    assert f"MODEL_RAM_BYTES {written.ram_bytes} " in (exported.folder / "model.h").read_text()
    buffers = {
        "tiny": 26 * 26 * 8 + 12 * 12 * 16,
        "fast": 12 * 12 * 8 + 5 * 5 * 32,
        "classic": 27 * 27 * 16 + 26 * 26 * 16,
    }
    assert written.ram_bytes == buffers[exported.folder.name] + 40
    assert exported.written.sizes()["multiply_adds"] > 100_000


@pytest.mark.parametrize(
    ("parameters", "needs"),
    [
        (0, (9_891, 7_752, 982_192)),
        (5000, (5_240, 5_824, 526_632)),
        (2000, (2_226, 3_752, 205_936)),
        (700, (859, 1_968, 69_272)),
    ],
)
def test_tiny_needs_what_its_page_says(parameters: int, needs: tuple[int, int, int]) -> None:
    keras.utils.set_random_seed(0)
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28, 1)).astype(np.uint8)
    integers = quantized(folded(build("tiny", 0.0, parameters=parameters)), images)
    assert (integers.weight_bytes, integers.ram_bytes, integers.multiply_adds) == needs


@pytest.mark.parametrize("name", ["best", "robust"])
def test_a_network_with_other_parts_is_one_sentence(name: str, tmp_path: Path) -> None:
    network = as_saved(build(name, dropout=0.0), 0)
    with pytest.raises(ExportError, match=r"its part '.*' of the kind \w+ is none that the C code has.*choose litert"):
        microcontroller.write(network, tmp_path / "out", np.zeros((1, 28, 28, 1), np.uint8), Task())
    assert list(tmp_path.iterdir()) == []


def test_a_layer_in_between_without_relu_is_one_sentence() -> None:
    image = keras.Input((28, 28, 1), dtype="uint8")
    x = keras.layers.Conv2D(2, 3)(keras.layers.Rescaling(1 / 255)(image))
    network = keras.Model(image, keras.layers.Dense(10, "softmax")(keras.layers.Flatten()(x)))
    with pytest.raises(ExportError, match="are not convolutions and dense layers with ReLU"):
        folded(network)


@pytest.mark.parametrize(("side", "channels", "classes"), [(32, 3, 4), (17, 1, 2)])
@needs_compiler
def test_other_images_and_classes_are_compiled_too(side: int, channels: int, classes: int, tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    task = Task(side, channels, tuple(map(str, range(classes))))
    image = keras.Input(task.input_shape, dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(5, 3, strides=2, padding="same", activation="relu")(x)
    x = keras.layers.MaxPooling2D(3)(keras.layers.Conv2D(3, (2, 4), padding="same", activation="relu")(x))
    x = keras.layers.Dense(6, activation="relu")(keras.layers.Flatten()(x))
    network = keras.Model(image, keras.layers.Dense(classes, activation="softmax")(x))
    images = np.random.default_rng(0).integers(0, 256, (50, side, side, channels)).astype(np.uint8)
    written = microcontroller.write(network, tmp_path / "out", images, task)
    said = answers(compiled(tmp_path / "out", tmp_path / "example"), images)
    assert np.array_equal(said[:, 1:], quantized(folded(network), images).scores(images))
    shown = images[..., 0] if channels == 1 else images
    assert np.abs(written.classifier(shown) - network.predict(images, verbose=0)).max() < 0.05


@pytest.mark.mnist
@pytest.mark.extended
@needs_compiler
def test_on_mnist_the_code_agrees_with_keras(mnist_path: Path, tmp_path: Path) -> None:
    mnist = source.load(str(mnist_path))
    keras.utils.set_random_seed(0)
    network = build("tiny", dropout=0.0)
    network.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    network.fit(mnist.train.images[..., np.newaxis], mnist.train.labels, 64, 2, verbose=0)
    microcontroller.write(network, tmp_path / "out", calibration_images(mnist)[..., np.newaxis], Task())
    said = answers(compiled(tmp_path / "out", tmp_path / "example"), mnist.test.images)
    expected = keras_classifier(network)(mnist.test.images)
    assert len(said) == 10_000
    assert (said[:, 0] == expected.argmax(axis=1)).mean() >= 0.999


@pytest.mark.extended
@pytest.mark.skipif(bool(cortex_m.missing()), reason=f"not installed: {', '.join(cortex_m.missing())}")
@pytest.mark.parametrize("board", cortex_m.BOARDS, ids=lambda board: board.processor)
def test_on_an_emulated_cortex_m_the_code_computes_the_same(
    exported: Exported, digits: Dataset, board: cortex_m.Board
) -> None:
    images = digits.test.images[:40]
    if exported.folder.name == "classic":
        with pytest.raises(subprocess.CalledProcessError):  # 22 KB of buffers do not fit into 16 KiB
            cortex_m.run(exported.folder, board, images)
        return
    ran = cortex_m.run(exported.folder, board, images)
    assert np.array_equal(ran.answers[:, 1:], exported.integers().scores(images[..., np.newaxis]))
    assert np.array_equal(ran.answers[:, 0], ran.answers[:, 1:].argmax(axis=1))
    assert exported.written.multiply_adds < ran.instructions < 20 * exported.written.multiply_adds
    assert exported.written.weight_bytes < ran.flash < exported.written.weight_bytes + 2_000
    assert ran.stack < 1_000


@pytest.fixture
def trained_fast(cli: Cli, tmp_path: Path) -> Path:
    words = ("--recipe", "fast", "--data", "digits", "--epochs", "8", "--backend", "tensorflow", "--quiet")
    done = cli("train", *words, "-o", tmp_path / "fast", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path / "fast"


def test_the_command_writes_a_folder_and_its_card(cli: Cli, trained_fast: Path, tmp_path: Path) -> None:
    done = cli(
        "export", trained_fast, "--to", "microcontroller", "-o", "chip", "--data", "digits", "--json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    about = json.loads(done.stdout)
    names = {"model.c", "model.h", "example.c", "model.tflite", "model_tflite.c", "model_tflite.h"}
    assert {path.name for path in (tmp_path / "chip").iterdir()} == set(about["files"]) == names
    assert (about["quantized"], about["calibration"]["part"]) == ("int8", "training")
    assert about["code"]["multiply_adds"] > about["code"]["weight_bytes"] > about["code"]["ram_bytes"] > 1000
    assert about["code"]["agreement"]["images"] == 500


def test_floats_are_not_for_a_microcontroller() -> None:
    with pytest.raises(ExportFormatError, match="microcontroller takes integers only: leave --input-dtype out"):
        ExportFormat("microcontroller", input_dtype="float32")
    with pytest.raises(ExportFormatError, match="leave --quantize out"):
        mnist_cnn.export("robust", "microcontroller", quantize="int8")
