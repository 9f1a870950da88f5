"""Whose handwriting is for testing only: the same writers always, whatever else is loaded."""

import hashlib

TEST_FILE = "pendigits/tes/"
UNIPEN = "unipen/"
ONE_IN = 6


def held_out(writer: str) -> bool:
    """Whether nothing that this person wrote may be trained on.

    These are the 14 writers of Pen-Digits' own test file, and of UNIPEN, which has no such file, about one in six:
    those whose SHA-256 of the name, its first 8 bytes read as a big-endian number, is divisible by 6.
    """
    if writer.startswith(UNIPEN):
        return int.from_bytes(hashlib.sha256(writer.encode()).digest()[:8], "big") % ONE_IN == 0
    return writer.startswith(TEST_FILE)
