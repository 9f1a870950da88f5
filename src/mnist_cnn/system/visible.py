r"""Text for people, in which every character can be seen: `\x1b` instead of what moves a terminal's cursor.

File names, model cards, labels and error messages may hold control characters, which erase lines, forge others or
retitle a window; marks that reverse the order of what follows; and halves of characters, which cannot be written.
"""

import re

# Control characters, marks of direction, invisible characters, separators of lines and paragraphs, half characters.
# Zero-width joiners are let through: Persian and emoji are written with them.
INVISIBLE = (
    r"\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\ud800-\udfff\U000e0000-\U000e007f"
)
ANY = re.compile(f"[{INVISIBLE}]")
ANY_BUT_LINES = re.compile(f"(?!\n)[{INVISIBLE}]")


def visible(text: str, *, lines: bool = False) -> str:
    r"""The text with `\x1b`, `\n` or `\u202e` in place of what cannot be seen; with `lines` it may have several."""
    return (ANY_BUT_LINES if lines else ANY).sub(lambda match: escape(ord(match[0])), text)


def escape(code: int) -> str:
    """A character as Python writes it in a string; half a character of a file name as the byte that it stands for."""
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if short := {9: "\\t", 10: "\\n", 13: "\\r"}.get(code):
        return short
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
