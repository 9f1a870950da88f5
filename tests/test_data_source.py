"""Which data set a word means, and what a person is told about it."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mnist_cnn.data import source
from mnist_cnn.data.dataset import Dataset
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


def test_digits_are_1297_and_500_in_mnists_manner(digits: Dataset) -> None:
    assert (digits.name, digits.origin, digits.is_mnist, digits.warning) == ("digits", "digits", False, None)
    assert digits.train.images.shape == (1_297, 28, 28)
    assert digits.test.images.shape == (500, 28, 28)
    assert digits.train.images.dtype == digits.train.labels.dtype == np.uint8
    assert digits.train.images.max() == 255
    corners = digits.train.images[:, :2, :2]
    assert not corners.any()


def test_digits_are_the_same_every_time(digits: Dataset) -> None:
    assert source.load("digits").sha256 == digits.sha256
    assert digits.test.labels[:12].tolist() == [4, 8, 8, 3, 9, 0, 6, 3, 9, 8, 4, 5]


def test_each_digit_has_its_share_of_the_test_part(digits: Dataset) -> None:
    together = np.bincount(digits.train.labels) + np.bincount(digits.test.labels)
    assert together.sum() == 1_797
    np.testing.assert_allclose(np.bincount(digits.test.labels), together * 500 / 1_797, atol=1)


def test_no_image_is_in_both_parts_of_the_digits(digits: Dataset) -> None:
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
    assert data.warning.startswith("MNIST could not be obtained (the network cannot be reached: ")
    assert "no number below is an MNIST number" in data.warning
    assert "MNIST_CNN_DATA" in data.warning
    assert [note.partition(" from ")[0] for note in notes] == ["Downloading MNIST (11 MB)"]


@pytest.mark.usefixtures("nowhere")
def test_mnist_never_falls_back() -> None:
    with pytest.raises(DataError, match=r"MNIST could not be obtained \(.*\): go online once, or set MNIST_CNN_DATA"):
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


# Arrays in memory


def test_a_dataset_unpacks_like_keras_own(digits: Dataset) -> None:
    (x_train, y_train), (x_test, y_test) = digits
    assert (x_train is digits.train.images, y_train is digits.train.labels) == (True, True)
    assert (x_test is digits.test.images, y_test is digits.test.labels) == (True, True)
    assert source.load(digits) is digits


def test_arrays_in_memory_are_a_dataset(digits: Dataset) -> None:
    (x_train, y_train), (x_test, y_test) = digits
    for pairs in (
        ((x_train, y_train), (x_test, y_test)),
        [[x_train[..., np.newaxis], y_train.astype(np.int64)], [list(x_test), y_test.tolist()]],
        (digits.train, digits.test),
    ):
        data = source.load(pairs)
        assert (data.name, data.origin, data.sha256, data.warning) == ("memory", "memory", digits.sha256, None)
    with pytest.raises(DataError, match="arrays in memory, which are not saved: pass them again"):
        source.load(data.origin)


def test_one_pair_is_divided_by_digit_always_alike_and_that_is_said(digits: Dataset) -> None:
    said: list[str] = []
    order = np.argsort(digits.train.labels, kind="stable")  # all zeros first, as some files have them
    pair = digits.train.images[order], digits.train.labels[order]
    data = source.load(pair, test_split=0.25, say=said.append)
    assert said == ["25% of each digit, 325 images drawn at random, are held out as the test set"]
    both = np.bincount(data.test.labels) / np.bincount(digits.train.labels)
    np.testing.assert_allclose(both, 0.25, atol=0.01)
    assert len(data.train) + len(data.test) == len(digits.train)
    assert not {image.tobytes() for image in data.train.images} & {image.tobytes() for image in data.test.images}
    assert source.load(pair, test_split=0.25).sha256 == data.sha256
    assert len(source.load(pair).test) == 259
    for share in (0, 1, -1):
        with pytest.raises(DataError, match=f"A test split of {share} of 1297 examples leaves one part empty"):
            source.load(pair, test_split=share)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (
            np.zeros((5, 28, 28), np.uint8),
            "The data are ndarray: give ((x_train, y_train), (x_test, y_test)), one",
        ),
        ((1, 2, 3), "The data are tuple of 3: give ("),
        (None, "The data are NoneType: give ("),
        ((([1],), ([1], [2])), "The data are tuple of 2: give ("),
        ((np.zeros((5, 28, 28), complex), np.zeros(5, int)), "memory (x_train) holds complex128 images, but uint8"),
        ((np.zeros((5, 28, 28), np.uint8), np.zeros((5, 10))), "memory (y_train) has the shape (5, 10), but labels"),
        ((np.zeros((5, 28, 28), np.uint8), np.zeros(4, int)), "memory holds 5 images but 4 labels"),
    ],
)
def test_what_is_no_dataset_is_an_error_in_one_sentence(data: object, sentence: str) -> None:
    with pytest.raises(DataError) as caught:
        source.load(data)  # type: ignore[arg-type]
    assert str(caught.value).startswith(sentence)


def test_a_dataset_prints_short_and_shows_its_digits_in_a_notebook(digits: Dataset) -> None:
    assert repr(digits) == "Dataset('digits': 1,297 training and 500 test images)"
    assert repr(digits.train) == "Examples(1,297 images, classes 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)"
    split = digits.split(0.1)
    assert repr(split) == "Dataset('digits': 1,167 training, 130 validation and 500 test images)"
    page = split._repr_html_()
    assert page.count("<img") == 10
    assert f"<td>{(split.train.labels == 7).sum()}</td>" in page
