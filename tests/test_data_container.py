"""Files and folders with four arrays, whole, damaged and malicious."""

import gzip
import io
import os
import pickle
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from mnist_cnn.data import source
from mnist_cnn.data.container import IDX_FILES, check_size, one_line, some
from mnist_cnn.errors import DataError

FOUR = ("x_train", "y_train", "x_test", "y_test")


def tiny() -> dict[str, np.ndarray]:
    """Three training and two test images; each pixel of image i is i."""
    images = np.repeat(np.arange(5, dtype=np.uint8), 784).reshape(5, 28, 28)
    return {
        "x_train": images[:3],
        "y_train": np.array([7, 2, 9], np.uint8),
        "x_test": images[3:],
        "y_test": np.array([0, 4], np.uint8),
    }


def write_npz(path: Path, **changed: np.ndarray) -> Path:
    np.savez_compressed(path, **(tiny() | changed))
    return path


def as_idx(array: np.ndarray, code: int = 8) -> bytes:
    return bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_idx(folder: Path, *, zipped: bool = False, dotted: bool = False, **changed: bytes) -> Path:
    folder.mkdir(exist_ok=True)
    contents = {name: as_idx(array) for name, array in tiny().items()} | changed
    for name, content in contents.items():
        stem = IDX_FILES[name].replace("-idx", ".idx") if dotted else IDX_FILES[name]
        (folder / f"{stem}{'.gz' if zipped else ''}").write_bytes(gzip.compress(content) if zipped else content)
    return folder


def refusal(path: Path | str) -> str:
    """The sentence with which this is refused; it names what was received and is one line."""
    with pytest.raises(DataError) as caught:
        source.load(str(path))
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")
    return str(caught.value)


# What loads


def test_an_npz_loads_under_its_own_name(tmp_path: Path) -> None:
    data = source.load(str(write_npz(tmp_path / "mine.npz")))
    assert (data.name, data.origin, data.is_mnist) == ("mine.npz", str(tmp_path / "mine.npz"), False)
    assert data.train.labels.tolist() == [7, 2, 9]
    assert data.test.images[:, 27, 27].tolist() == [3, 4]
    assert data.warning is None


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("dotted", [False, True])
def test_a_folder_with_idx_files_loads_the_same_arrays_as_the_npz(tmp_path: Path, zipped: bool, dotted: bool) -> None:
    folder = source.load(str(write_idx(tmp_path / "idx", zipped=zipped, dotted=dotted)))
    assert folder.name == "idx"
    assert folder.sha256 == source.load(str(write_npz(tmp_path / "mine.npz"))).sha256


def test_the_form_is_told_by_the_contents_not_by_the_name(tmp_path: Path) -> None:
    write_npz(tmp_path / "mine.npz").rename(tmp_path / "mine.jpg")
    assert len(source.load(str(tmp_path / "mine.jpg")).train) == 3


@pytest.mark.parametrize("kind", [np.int8, np.int64, np.uint64, ">i4"])
def test_labels_may_be_any_integers_and_hash_alike(tmp_path: Path, kind: type) -> None:
    labels = {name: tiny()[name].astype(kind) for name in ("y_train", "y_test")}
    data = source.load(str(write_npz(tmp_path / "mine.npz", **labels)))
    assert data.train.labels.dtype == np.uint8
    assert data.sha256 == source.load(str(write_npz(tmp_path / "other.npz"))).sha256


def test_images_may_have_a_channel_or_fortran_order_and_hash_alike(tmp_path: Path) -> None:
    plain = source.load(str(write_npz(tmp_path / "a.npz"))).sha256
    images = tiny()["x_train"]
    assert source.load(str(write_npz(tmp_path / "b.npz", x_train=images[..., np.newaxis]))).sha256 == plain
    assert source.load(str(write_npz(tmp_path / "c.npz", x_train=np.asfortranarray(images)))).sha256 == plain


def test_what_was_loaded_cannot_be_changed(tmp_path: Path) -> None:
    data = source.load(str(write_npz(tmp_path / "mine.npz")))
    for array in (data.train.images, data.train.labels, data.test.images, data.test.labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_a_digit_may_be_missing_and_other_arrays_may_be_there(tmp_path: Path) -> None:
    assert len(source.load(str(write_npz(tmp_path / "mine.npz", names=np.array(["Ada"])))).train) == 3


@pytest.mark.parametrize(("code", "kind"), [(9, "i1"), (11, ">i2"), (12, ">i4")])
def test_idx_labels_may_be_any_integers_and_hash_alike(tmp_path: Path, code: int, kind: str) -> None:
    labels = {name: as_idx(tiny()[name].astype(kind), code) for name in ("y_train", "y_test")}
    data = source.load(str(write_idx(tmp_path / "idx", **labels)))
    assert data.train.labels.tolist() == [7, 2, 9]
    assert data.sha256 == source.load(str(write_npz(tmp_path / "other.npz"))).sha256


def test_idx_labels_may_be_signed_and_are_then_refused_as_what_they_are(tmp_path: Path) -> None:
    labels = as_idx(np.array([0, -1], np.int8), code=9)
    assert "labels from -1 to 9" in refusal(write_idx(tmp_path / "idx", y_test=labels))


def test_idx_images_may_have_a_channel(tmp_path: Path) -> None:
    images = tiny()["x_train"][..., np.newaxis]
    assert len(source.load(str(write_idx(tmp_path / "idx", x_train=as_idx(images)))).train) == 3
    too_deep = write_idx(tmp_path / "deep", x_train=as_idx(images[..., np.newaxis]))
    assert "is not an IDX file" in refusal(too_deep)


# What is not there or is no data


def test_a_word_that_is_no_data_set_is_answered_with_those_there_are() -> None:
    assert "auto, mnist, digits, fashion-mnist" in refusal("minst")
    assert "no dataset, file or folder ''" in refusal("")


def test_a_path_that_leads_nowhere(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.npz").startswith(f"There is no file or folder {tmp_path}/none.npz")
    assert "Not a directory" in refusal(write_npz(tmp_path / "mine.npz") / "inside")
    assert "too long" in refusal(tmp_path / ("a" * 300))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    write_npz(tmp_path / "mine.npz").chmod(0)
    assert "cannot be read (permission denied)" in refusal(tmp_path / "mine.npz")


def test_a_pipe_or_a_device_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "a pipe or a device" in refusal(tmp_path / "pipe")
    assert "a pipe or a device" in refusal("/dev/zero")
    folder = write_idx(tmp_path / "idx")
    (folder / IDX_FILES["x_test"]).unlink()
    os.mkfifo(folder / IDX_FILES["x_test"])
    assert "lacks t10k-images-idx3-ubyte" in refusal(folder)


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x89PNG\r\n", b"\0\0\0\0"])
def test_a_file_of_another_kind(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert "an .npz file with x_train, y_train, x_test, y_test" in refusal(tmp_path / "file")


def test_one_idx_file_is_answered_with_its_folder(tmp_path: Path) -> None:
    folder = write_idx(tmp_path / "idx", zipped=True)
    assert "name the folder" in refusal(folder / "train-images-idx3-ubyte.gz")
    assert "name the folder" in refusal(write_idx(tmp_path / "plain") / "train-images-idx3-ubyte")


def test_a_folder_without_all_four_files(tmp_path: Path) -> None:
    assert "(it holds nothing)" in refusal(tmp_path)
    folder = write_idx(tmp_path / "idx")
    (folder / "t10k-labels-idx1-ubyte").unlink()
    assert "lacks t10k-labels-idx1-ubyte" in refusal(folder)


def test_an_npz_without_labels(tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", x_train=tiny()["x_train"], x_test=tiny()["x_test"])
    assert "lacks y_train, y_test (it holds x_test, x_train)" in refusal(tmp_path / "mine.npz")


def test_a_hostile_name_inside_an_npz_cannot_write_on_the_terminal(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "mine.npz", "w") as archive:
        archive.writestr("\x1b[2J\n" + "long" * 1000, b"")
    message = refusal(tmp_path / "mine.npz")
    assert "\x1b" not in message
    assert len(message) < 400


def test_a_message_names_six_members_at_most_and_forty_characters_of_each() -> None:
    assert some("gfedcb") == "b, c, d, e, f, g"
    assert some("gfedcba") == "a, b, c, d, e, f, …"
    assert some(["x" * 41, "y" * 40]) == f"{'x' * 40}, {'y' * 40}"
    assert some([]) == "nothing"


def test_an_error_is_repeated_in_one_line_of_a_hundred_and_twenty_characters() -> None:
    assert one_line(ValueError("one\n two .")) == "one two"
    assert one_line(ValueError("x" * 121)) == "x" * 120
    assert one_line(ValueError()) == "ValueError"


# What is damaged


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_an_npz_that_was_cut_short(tmp_path: Path, share: float) -> None:
    whole = write_npz(tmp_path / "mine.npz").read_bytes()
    (tmp_path / "mine.npz").write_bytes(whole[: int(share * len(whole))])
    assert "damaged or cut short" in refusal(tmp_path / "mine.npz")


def test_an_npz_with_one_wrong_byte(tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", **tiny())
    content = bytearray((tmp_path / "mine.npz").read_bytes())
    content[1000] ^= 1  # among the pixels of x_train, which are stored as they are
    (tmp_path / "mine.npz").write_bytes(content)
    assert "Bad CRC-32 for file 'x_train.npy'" in refusal(tmp_path / "mine.npz")


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 28, 29), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999, 28, 28), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-3, 28, 28), }",
        "{'descr': 'nonsense', 'fortran_order': False, 'shape': (3, 28, 28), }",
        "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 28, 28",
        "(" * 5000,
        "-" * 5000 + "1",
        "__import__('os').abort()",
    ],
)
def test_an_array_whose_header_lies(tmp_path: Path, header: str) -> None:
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + bytes(3 * 784)
    write_with_member(tmp_path / "mine.npz", "x_train", content)
    assert "damaged or cut short" in refusal(tmp_path / "mine.npz")


def write_with_member(path: Path, name: str, content: bytes, compression: int = zipfile.ZIP_DEFLATED) -> None:
    """An .npz in which one array is these bytes instead."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for other, array in tiny().items():
            stream = io.BytesIO()
            np.save(stream, array)
            archive.writestr(f"{other}.npy", content if other == name else stream.getvalue())


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("kept", [0, 3, 10, 1000])
def test_an_idx_file_that_was_cut_short(tmp_path: Path, zipped: bool, kept: int) -> None:
    folder = write_idx(tmp_path / "idx", zipped=zipped, x_train=as_idx(tiny()["x_train"])[:kept])
    assert "train-images-idx3-ubyte" in refusal(folder)


def test_a_gz_that_was_cut_short_or_damaged(tmp_path: Path) -> None:
    file = write_idx(tmp_path / "idx", zipped=True) / "t10k-images-idx3-ubyte.gz"
    whole = file.read_bytes()
    file.write_bytes(whole[:-9])
    assert "damaged or cut short" in refusal(file.parent)
    file.write_bytes(whole[:-8] + bytes(4) + whole[-4:])
    assert "CRC check failed" in refusal(file.parent)


def test_an_idx_file_with_more_than_it_declares(tmp_path: Path) -> None:
    folder = write_idx(tmp_path / "idx", y_test=as_idx(tiny()["y_test"]) + b"\0")
    assert "more bytes than its header declares" in refusal(folder)


def test_an_idx_file_that_is_something_else(tmp_path: Path) -> None:
    assert "is not an IDX file" in refusal(write_idx(tmp_path / "idx", y_test=b"<html>"))
    assert "is not an IDX file" in refusal(write_idx(tmp_path / "many", y_test=b"\0\0\x08\xff" + bytes(1020)))
    assert "is not an IDX file" in refusal(write_idx(tmp_path / "ten", y_test=as_idx(tiny()["y_test"], code=10)))
    assert "is not an IDX file" in refusal(write_idx(tmp_path / "one", y_test=b"\1" + as_idx(tiny()["y_test"])[1:]))


# What means harm


class Harm:
    """Unpickling this makes a folder."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.trace),)


def test_pickled_objects_are_never_unpickled(tmp_path: Path) -> None:
    objects = np.array([Harm(tmp_path / "trace")], dtype=object)
    write_npz(tmp_path / "mine.npz", x_train=objects)
    assert "never unpickled" in refusal(tmp_path / "mine.npz")
    assert not (tmp_path / "trace").exists()
    pickle.loads(pickle.dumps(Harm(tmp_path / "trace")))  # noqa: S301  the trap is a real one
    assert (tmp_path / "trace").exists()


def test_a_bomb_that_declares_its_size_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in FOUR:
            archive.writestr(f"{name}.npy", bytes(1000))
    content = (tmp_path / "bomb.npz").read_bytes()
    directory = content.index(b"PK\x01\x02")  # its size field is what zipfile believes
    (tmp_path / "bomb.npz").write_bytes(
        content[: directory + 24] + struct.pack("<I", 3 * 1024**3) + content[directory + 28 :]
    )
    assert "would unpack to 3.0 GiB" in refusal(tmp_path / "bomb.npz")
    declares_4_gib = bytes([0, 0, 8, 3]) + struct.pack(">3I", 5_478_275, 28, 28)
    assert "would unpack to 4.0 GiB" in refusal(write_idx(tmp_path / "idx", x_train=declares_4_gib))


def test_two_gibibytes_may_be_declared_and_not_one_byte_more() -> None:
    check_size(Path("mine.npz"), 2 * 1024**3)
    with pytest.raises(DataError, match=r"mine\.npz would unpack to 2\.0 GiB, and at most 2 GiB is read"):
        check_size(Path("mine.npz"), 2 * 1024**3 + 1)


def test_the_declared_sizes_of_all_four_arrays_count_together_and_others_do_not(tmp_path: Path) -> None:
    def declaring(sizes: dict[str, int]) -> Path:
        with zipfile.ZipFile(tmp_path / "bomb.npz", "w") as archive:
            for name in sizes:
                archive.writestr(f"{name}.npy", b"")
        content = bytearray((tmp_path / "bomb.npz").read_bytes())
        place = 0
        for size in sizes.values():
            place = content.index(b"PK\x01\x02", place) + 24
            content[place : place + 4] = struct.pack("<I", size)
        (tmp_path / "bomb.npz").write_bytes(content)
        return tmp_path / "bomb.npz"

    half = 2**29
    assert "would unpack to 2.2 GiB" in refusal(declaring(dict.fromkeys(FOUR, half + half // 10)))
    assert "damaged" in refusal(declaring(dict.fromkeys(FOUR, 1000) | {"names": 3 * 1024**3}))


def test_the_size_of_a_number_counts(tmp_path: Path) -> None:
    numbers = bytes([0, 0, 14, 3]) + struct.pack(">3I", 684_785, 28, 28)  # half a GiB, if each were a byte
    assert "would unpack to 4.0 GiB" in refusal(write_idx(tmp_path / "idx", x_train=numbers))


def test_a_bomb_that_hides_its_size_is_unpacked_no_further_than_it_declares(tmp_path: Path) -> None:
    folder = write_idx(tmp_path / "idx")
    (folder / "train-images-idx3-ubyte").unlink()
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = packer.compress(as_idx(tiny()["x_train"])) + b"".join(packer.compress(bytes(2**20)) for _ in range(200))
    (folder / "train-images-idx3-ubyte.gz").write_bytes(bomb + packer.flush())
    assert "more bytes than its header declares" in refusal(folder)


def test_a_packing_that_numpy_never_uses_is_refused(tmp_path: Path) -> None:
    write_with_member(tmp_path / "mine.npz", "x_train", bytes(10_000), zipfile.ZIP_BZIP2)
    assert "numpy.savez_compressed" in refusal(tmp_path / "mine.npz")


# What is well-formed and wrong


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"x_train": np.full((3, 28, 28), np.nan)},
            "holds pixels that are NaN or infinite",
        ),
        ({"x_train": np.full((3, 28, 28), -7)}, "holds pixels from -7 to"),
        ({"x_train": np.array(["7"] * 3)}, r"<U1 images, but uint8 from 0 \(background\) to 255 \(foreground\)"),
        ({"x_train": np.zeros((3, 2, 28), np.uint8)}, r"shape \(3, 2, 28\)"),
        ({"x_train": np.zeros((3, 785), np.uint8)}, r"shape \(3, 785\)"),
        ({"x_train": np.zeros((3, 28, 28, 5), np.uint8)}, r"shape \(3, 28, 28, 5\)"),
        ({"x_train": np.uint8(3)}, r"shape \(\)"),
        ({"x_test": np.zeros((0, 28, 28), np.uint8)}, r"\(x_test\) holds no images"),
        ({"y_train": np.array([7, -1, 9])}, "labels from -1 to 9"),
        ({"y_train": np.array([7.0, 2.5, 9.0])}, "holds labels such as 2.5: give a whole number"),
        ({"y_train": np.zeros((3, 10), np.uint8)}, r"shape \(3, 10\)"),
        ({"y_train": np.array([7, 2])}, "3 images but 2 labels to train with"),
        ({"y_test": np.array([], np.uint8)}, r"\(y_test\) holds no labels"),
    ],
)
def test_contents_that_are_no_digits(tmp_path: Path, changed: dict[str, np.ndarray], sentence: str) -> None:
    write_npz(tmp_path / "mine.npz", **changed)
    with pytest.raises(DataError, match=sentence):
        source.load(str(tmp_path / "mine.npz"))
