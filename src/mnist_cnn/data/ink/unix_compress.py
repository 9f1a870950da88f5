"""Unpacks the .Z files of Unix `compress`, version 4.0: LZW (T. Welch, 1984) with codes of 9 to 16 bits."""

MAGIC = b"\x1f\x9d"
NARROWEST, WIDEST = 9, 16  # bits of a code; a file in which all have 9 is made by nothing but `compress -b 9`
CLEAR = 256  # the code that empties the table, if bit 7 of the third byte is set


def unpack(packed: bytes, largest: int) -> bytes:
    """Unpack a file, or only its beginning if that is longer than `largest` bytes; raises ValueError if it is damaged.

    The format has no end, no length and no checksum, so a file that is cut short cannot be told from a whole one.
    """
    if len(packed) < 3 or not packed.startswith(MAGIC):
        raise ValueError("it does not begin as a file of compress does")
    most, clears = packed[2] & 0x1F, bool(packed[2] & 0x80)
    if not NARROWEST < most <= WIDEST or packed[2] & 0x60:
        raise ValueError(f"it asks for codes of {most} bits")
    first = CLEAR + 1 if clears else CLEAR
    room = (1 << most) - first
    output = bytearray()
    # What an entry stands for was written before, and one byte of what came next: its place in the output says it all.
    starts: list[int] = []
    sizes: list[int] = []
    size = 0  # of what was written last, 0 after the table was emptied
    width, place = NARROWEST, 3
    while place < len(packed) and len(output) <= largest:
        if first + len(starts) >= 1 << width and width < most:
            width += 1
        # Codes come in groups of eight; what remains of one when the width changes is nothing.
        group = packed[place : place + width]
        place += width
        bits = int.from_bytes(group, "little")
        for position in range(0, len(group) * 8 - width + 1, width):
            if first + len(starts) >= 1 << width and width < most:
                break
            code = bits >> position & (1 << width) - 1
            if code == CLEAR and clears:
                starts.clear()
                sizes.clear()
                size, width = 0, NARROWEST
                break
            entry = code - first
            if code < 256:
                word = bytes((code,))
            elif entry < len(starts):
                word = bytes(output[starts[entry] : starts[entry] + sizes[entry]])
            elif entry == len(starts) < room and size:
                word = bytes(output[-size:] + output[-size : len(output) - size + 1])
            else:
                raise ValueError(f"code {code} is not in its table")
            if size and len(starts) < room:
                starts.append(len(output) - size)
                sizes.append(size + 1)
            output += word
            size = len(word)
    return bytes(output[: largest + 1])
