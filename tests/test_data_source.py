"""Which data set a word means, and what a person is told about it."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mnist_cnn.data import source
from mnist_cnn.errors import DataError

HEAVY = ("keras", "tensorflow", "sklearn", "cv2", "onnxruntime")


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A machine without MNIST whose network refuses every connection; gives the folder where Keras keeps data."""
    monkeypatch.delenv("MNIST_CNN_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    datasets = tmp_path / "keras" / "datasets"
    datasets.mkdir(parents=True)
    urllib.request.install_opener(None)  # urllib reads HTTPS_PROXY once, when it first opens something
    yield datasets
    urllib.request.install_opener(None)


def write_other(path: Path) -> Path:
    """Four blank images: a valid data set that is not MNIST."""
    images, labels = np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.uint8)
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    return path


def test_importing_it_loads_nothing_heavy() -> None:
    code = f"import sys, mnist_cnn.data.source; print([name for name in {HEAVY} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


# The digits


def test_digits_are_1297_and_500_in_mnists_manner(digits: source.Dataset) -> None:
    assert (digits.name, digits.origin, digits.is_mnist, digits.warning) == ("digits", "digits", False, None)
    assert digits.train.images.shape == (1_297, 28, 28)
    assert digits.test.images.shape == (500, 28, 28)
    assert digits.train.images.dtype == digits.train.labels.dtype == np.uint8
    assert digits.train.images.max() == 255
    corners = digits.train.images[:, :2, :2]
    assert not corners.any()


def test_digits_are_the_same_every_time(digits: source.Dataset) -> None:
    assert source.load("digits").sha256 == digits.sha256
    assert digits.test.labels[:12].tolist() == [4, 8, 8, 3, 9, 0, 6, 3, 9, 8, 4, 5]


def test_each_digit_has_its_share_of_the_test_part(digits: source.Dataset) -> None:
    together = np.bincount(digits.train.labels) + np.bincount(digits.test.labels)
    assert together.sum() == 1_797
    np.testing.assert_allclose(np.bincount(digits.test.labels), together * 500 / 1_797, atol=1)


def test_no_image_is_in_both_parts_of_the_digits(digits: source.Dataset) -> None:
    training = {image.tobytes() for image in digits.train.images}
    assert not any(image.tobytes() in training for image in digits.test.images)


# MNIST


@pytest.mark.mnist
@pytest.mark.usefixtures("mnist_path")
def test_the_variable_leads_to_mnist() -> None:
    for word in ("mnist", "auto"):
        data = source.load(word)
        assert (data.name, data.origin, data.is_mnist, data.warning) == ("mnist", "mnist", True, None)
        assert (len(data.train), len(data.test)) == (60_000, 10_000)
        assert data.test.labels[:5].tolist() == [7, 2, 1, 0, 4]


@pytest.mark.mnist
def test_a_path_is_mnist_by_its_contents_whatever_its_name(mnist_path: Path, tmp_path: Path) -> None:
    (tmp_path / "digits").symlink_to(mnist_path)
    data = source.load(str(tmp_path / "digits"))
    assert (data.name, data.origin) == ("mnist", str(tmp_path / "digits"))


@pytest.mark.mnist
def test_mnist_as_idx_files_is_mnist(mnist_path: Path, tmp_path: Path) -> None:
    from test_data_container import as_idx, write_idx

    data = source.load(str(mnist_path))
    arrays = (data.train.images, data.train.labels, data.test.images, data.test.labels)
    contents = dict(zip(("x_train", "y_train", "x_test", "y_test"), map(as_idx, arrays), strict=True))
    assert source.load(str(write_idx(tmp_path / "idx", **contents))).is_mnist


@pytest.mark.mnist
def test_one_other_pixel_or_another_order_is_not_mnist(mnist_path: Path, tmp_path: Path) -> None:
    data = source.load(str(mnist_path))
    images = data.test.images.copy()
    images[0, 0, 0] = 1
    train = {"x_train": data.train.images, "y_train": data.train.labels}
    np.savez(tmp_path / "pixel.npz", x_test=images, y_test=data.test.labels, **train)
    np.savez(tmp_path / "order.npz", x_test=data.test.images[::-1], y_test=data.test.labels[::-1], **train)
    assert source.load(str(tmp_path / "pixel.npz")).name == "pixel.npz"
    assert source.load(str(tmp_path / "order.npz")).name == "order.npz"


@pytest.mark.mnist
def test_the_copy_that_keras_keeps_is_used_without_keras(mnist_path: Path, nowhere: Path) -> None:
    (nowhere / "mnist.npz").symlink_to(mnist_path)
    code = f"""if True:
        import sys
        from mnist_cnn.data import source
        print(source.load("mnist").origin, [name for name in {HEAVY} if name in sys.modules])"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "mnist []\n"


def test_a_file_that_is_merely_called_mnist_is_not_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("mnist", "digits"):
        write_other(tmp_path / "other.npz").rename(tmp_path / name)
        monkeypatch.chdir(tmp_path)
        data = source.load(f"./{name}")
        assert (data.name, data.is_mnist) == (str(tmp_path / name), False)
        assert source.load(data.origin).sha256 == data.sha256


# MNIST that is not to be had


@pytest.mark.parametrize("word", ["mnist", "auto"])
def test_a_variable_that_leads_nowhere_is_never_skipped(
    word: str, nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_CNN_DATA", str(nowhere / "none.npz"))
    with pytest.raises(DataError, match=r"MNIST_CNN_DATA=.*none\.npz does not lead to MNIST: There is no file"):
        source.load(word)


@pytest.mark.parametrize("word", ["mnist", "auto"])
def test_a_variable_that_leads_to_other_data_is_refused(
    word: str, nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_CNN_DATA", str(write_other(nowhere / "other.npz")))
    with pytest.raises(DataError, match=r"other\.npz is not MNIST: the SHA-256 of its arrays \(2 \+ 2 images\)"):
        source.load(word)


@pytest.mark.usefixtures("nowhere")
def test_an_empty_variable_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_CNN_DATA", "")
    assert source.load().name == "digits"


@pytest.mark.usefixtures("nowhere")
def test_auto_falls_back_to_the_digits_and_says_so() -> None:
    notes: list[str] = []
    data = source.load(say=notes.append)
    assert (data.name, data.origin, data.is_mnist) == ("digits", "digits", False)
    assert data.warning is not None
    assert data.warning.startswith("MNIST could not be had (the network cannot be reached: ")
    assert "no number below is an MNIST number" in data.warning
    assert "MNIST_CNN_DATA" in data.warning
    assert [note.partition(" from ")[0] for note in notes] == ["Downloading MNIST (11 MB)"]


@pytest.mark.usefixtures("nowhere")
def test_mnist_never_falls_back() -> None:
    with pytest.raises(DataError, match=r"MNIST could not be had \(.*\): go online once, or set MNIST_CNN_DATA"):
        source.load("mnist")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 the first half"])
def test_a_half_written_copy_of_keras_is_reported_and_not_used(content: bytes, nowhere: Path) -> None:
    (nowhere / "mnist.npz").write_bytes(content)
    notes: list[str] = []
    data = source.load(say=notes.append)
    assert data.name == "digits"
    assert notes[0].startswith("Keras' copy of MNIST cannot be used, so it is downloaded again.")
    assert f"Keras' copy {nowhere / 'mnist.npz'} cannot be used, and the network cannot be reached" in str(data.warning)
    with pytest.raises(DataError, match=r"Keras' copy .* cannot be used, and the network"):
        source.load("mnist")


def test_a_copy_of_keras_with_other_contents_is_not_used(nowhere: Path) -> None:
    write_other(nowhere / "mnist.npz")
    notes: list[str] = []
    assert source.load(say=notes.append).name == "digits"
    assert "is not MNIST" in notes[0]


@pytest.mark.usefixtures("nowhere")
def test_without_keras_home_the_copy_is_looked_for_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".keras" / "datasets").mkdir(parents=True)
    (tmp_path / ".keras" / "datasets" / "mnist.npz").write_bytes(b"damaged")
    notes: list[str] = []
    source.load(say=notes.append)
    assert str(tmp_path / ".keras" / "datasets" / "mnist.npz") in notes[0]
