"""Training on several devices: two virtual ones of this processor, in a process of their own, against one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import QUICK, Cli
from mnist_cnn.errors import RecipeError
from mnist_cnn.training import devices

pytest.importorskip("tensorflow")
TWO = """
from mnist_cnn.training import backend
backend.start()
import numpy as np
import tensorflow as tf
one = tf.config.LogicalDeviceConfiguration()
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [one, one])
"""
# Five whole batches and one of ten images, of which eleven are there.
BOTH = """
import json
backend.configure(2, True)
from mnist_cnn.data import source
from mnist_cnn.data.dataset import Examples
from mnist_cnn.training.epochs import epochs
from mnist_cnn.training.devices import count_of, on_one
from mnist_cnn.training.compiled_network import compiled
from mnist_cnn.training.fit import arrays
from mnist_cnn.training.recipe import Recipe
digits = source.load("digits").train
recipe = Recipe(epochs=1, repeats=1, dropout=0.0, learning_rate=0.1)
seen = {1: digits.images[:330], 2: digits.images[:331]}
after, rows = [], []
for count, images in seen.items():
    network = compiled(recipe, 7, 6, count)
    before = network.get_weights()
    validation = arrays(Examples(digits.images[-64 - count + 1:][:65], digits.labels[-64 - count + 1:][:65]))
    run = epochs(network, recipe.batch_size, validation, 7)
    rows.append(run(0, *arrays(Examples(images, digits.labels[:len(images)])), None))
    assert count_of(network) == count and count_of(on_one(network)) == 1
    after.append(on_one(network).get_weights())
far = lambda a, b: max(float(np.abs(p - q).max()) for p, q in zip(a, b, strict=True))
print(json.dumps([far(before, after[0]), far(*after), rows]))
"""
TRAIN = """
import sys
from mnist_cnn.workflows import train
from mnist_cnn.training.recipe import Recipe
from mnist_cnn.callbacks.callback import Callback
class Stopped(Callback):
    def on_epoch_end(self, epoch, logs=None):
        if stop and epoch == 0:
            raise KeyboardInterrupt
folder, stop, resumed = sys.argv[1], sys.argv[2] == "stop", sys.argv[2] == "resume"
try:
    if resumed:
        train.resume(folder, callbacks=[Stopped()])
    else:
        recipe = Recipe(epochs=2, repeats=1)
        train.train(recipe, "digits", output=folder, threads=2, devices=2, callbacks=[Stopped()])
except KeyboardInterrupt:
    assert stop
"""


def python(code: str, *words: object) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_two_devices_make_the_updates_that_one_makes() -> None:
    moved, apart, (one, two) = json.loads(python(TWO + BOTH).splitlines()[-1])
    assert moved > 1e-3
    assert apart <= 1e-5
    assert two["loss"] == pytest.approx(one["loss"], abs=1e-5)
    assert two["accuracy"] == pytest.approx(one["accuracy"])


@pytest.mark.slow
@pytest.mark.extended
def test_a_run_on_two_devices_goes_on_where_it_stopped_is_kept_and_says_so(tmp_path: Path) -> None:
    for how in ("stop", "resume"):
        python(TWO + TRAIN, tmp_path / "run", how)
    card = json.loads((tmp_path / "run" / "card.json").read_bytes())
    assert card["machine"]["devices"] == 2
    assert len(card["history"]) == 2
    assert card["notes"][0].startswith("Resumed after epoch 1, not bit for bit what it would have been")


def test_devices_that_are_not_there_are_one_sentence(warm_cli: Cli, tmp_path: Path) -> None:
    done = warm_cli("train", *QUICK, "--devices", 2, "--output", tmp_path / "run")
    assert done.returncode == 1
    assert "devices is 2, and TensorFlow finds 1 here (" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_another_framework_is_one_sentence(cli: Cli, tmp_path: Path) -> None:
    pytest.importorskip("jax")
    done = cli("train", *QUICK, "--backend", "jax", "--devices", 2, "--output", tmp_path / "run")
    assert done.returncode == 1
    assert "Several devices need TensorFlow, and Keras runs on jax" in done.stderr.splitlines()[-1]


def test_what_cannot_be_shared_is_refused_before_anything_begins(cli: Cli, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="batch-size is 100: on 3 devices it must be a multiple of 3"):
        devices.check_shared(3, 100, deterministic=False)
    with pytest.raises(RecipeError, match="promises bit-for-bit equal results, which several devices do not give"):
        devices.check_shared(2, 100, deterministic=True)
    devices.check_shared(1, 100, deterministic=True)
    done = cli("train", "--devices", "3", "--output", tmp_path / "run")
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
