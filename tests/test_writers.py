"""Which writers are held out for tests."""

import pytest

from mnist_cnn.data.ink.writers import held_out


@pytest.mark.parametrize("number", range(1, 15))
def test_the_writers_of_pen_digits_own_test_file_are_held_out(number: int) -> None:
    assert held_out(f"pendigits/tes/{number}")
    assert not held_out(f"pendigits/tra/{number}")


# The first 8 bytes of `printf unipen/aga/amywldrp | sha256sum`, and of the others.
@pytest.mark.parametrize(
    ("writer", "first", "expected"),
    [
        ("unipen/aga/amywldrp", 0x21E097DD66F2C134, True),
        ("unipen/art/writer01", 0x764041A45E2C57C6, True),
        ("unipen/ibm/04", 0x213FCCCF74DE0185, False),
        ("unipen/val/val01", 0x60D7EBFAF7949755, False),
        ("unipen/syn/cam", 0x711797CAA5CFC6EC, False),
    ],
)
def test_unipens_writers_are_held_out_by_the_hash_of_their_names(writer: str, first: int, expected: bool) -> None:
    assert (first % 6 == 0) == expected
    assert held_out(writer) == expected


def test_about_one_writer_of_unipen_in_six_is_held_out() -> None:
    assert 900 < sum(held_out(f"unipen/abc/{number}") for number in range(6000)) < 1100
