"""What a JSON document must be, declared as plain values, and what is wrong with one. Knows no document.

The declarations are named tuples: every command loads this module, and making dataclasses takes seven times as long.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

MOST = 1e300  # NaN and infinities are no numbers here
LONGEST = 10_000  # characters of a text, and items of a list or mapping
NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
DEEPEST = 200  # levels of a document; Python's own limit is about five times that


class Kind(Protocol):
    """What a value must be."""

    def fault(self, value: Any, place: str) -> str | None:
        """What is wrong with a value, beginning with its place in the document; None if nothing is."""


class Anything:
    """Whatever JSON can be."""

    def fault(self, value: Any, place: str) -> str | None:  # noqa: ARG002  as `Kind` has it
        """Nothing."""
        return None


class Number(NamedTuple):
    """A number in a range, both ends included; a whole one where `whole`."""

    low: float = -MOST
    high: float = MOST
    whole: bool = False

    def fault(self, value: Any, place: str) -> str | None:
        """As `Kind` says."""
        kind = int if self.whole else (int, float)
        if isinstance(value, kind) and not isinstance(value, bool) and self.low <= value <= self.high:
            return None
        return f"{place} is {shown(value)}, not a {'whole ' * self.whole}number from {self.low:g} to {self.high:g}"


class Text(NamedTuple):
    """A text of limited length."""

    longest: int = LONGEST

    def fault(self, value: Any, place: str) -> str | None:
        """As `Kind` says."""
        if isinstance(value, str) and len(value) <= self.longest:
            return None
        return f"{place} is {shown(value)}, not a text of at most {self.longest:,} characters"


class Flag:
    """True or false."""

    def fault(self, value: Any, place: str) -> str | None:
        """As `Kind` says."""
        return None if isinstance(value, bool) else f"{place} is {shown(value)}, neither true nor false"


class AnyOf:
    """One of several kinds, or null where `or_null`."""

    def __init__(self, *kinds: Kind, or_null: bool = False) -> None:
        self.kinds = kinds
        self.or_null = or_null

    def fault(self, value: Any, place: str) -> str | None:
        """As `Kind` says; what is wrong is said of the first kind."""
        if value is None and self.or_null:
            return None
        faults = [kind.fault(value, place) for kind in self.kinds]
        return None if None in faults else faults[0]


class ListOf(NamedTuple):
    """A list of values of one kind, of a given length or of at most `longest`."""

    kind: Kind
    length: int | None = None
    longest: int = LONGEST

    def fault(self, value: Any, place: str) -> str | None:
        """As `Kind` says."""
        if not isinstance(value, list):
            return f"{place} is {shown(value)}, not a list"
        if len(value) != self.length if self.length is not None else len(value) > self.longest:
            return f"{place} has {len(value):,} items, not {self.length or f'at most {self.longest:,}'}"
        return first(self.kind.fault(one, f"{place}[{index}]") for index, one in enumerate(value))


class MapOf(NamedTuple):
    """A mapping from any names, or only from `numbers` as texts, to values of one kind."""

    kind: Kind
    numbers: bool = False

    def fault(self, value: Any, place: str) -> str | None:
        """As `Kind` says."""
        if not isinstance(value, dict):
            return f"{place} is {shown(value)}, not a mapping"
        if len(value) > LONGEST:
            return f"{place} has {len(value):,} items, not at most {LONGEST:,}"
        if self.numbers and (strange := [name for name in value if not NUMBER.fullmatch(name)]):
            return f"{place} has the name {strange[0]!r:.40}, not a number"
        return first(self.kind.fault(one, f"{place}.{name:.40}") for name, one in value.items())


class Fields(NamedTuple):
    """A mapping with these names; `optional` ones may be missing, and there may be `others`, all of one kind."""

    needed: Mapping[str, Kind]
    optional: Mapping[str, Kind] = MappingProxyType({})
    others: Kind = Anything()

    def fault(self, value: Any, place: str) -> str | None:
        """As `Kind` says."""
        if not isinstance(value, dict):
            return f"{place} is {shown(value)}, not a mapping"
        inside = f"{place}." if place else ""
        if missing := [name for name in self.needed if name not in value]:
            return f"{inside}{missing[0]} is missing"
        known = {**self.needed, **self.optional}
        return first(known.get(name, self.others).fault(one, f"{inside}{name:.40}") for name, one in value.items())


def first(faults: Iterable[str | None]) -> str | None:
    """The first fault that is one."""
    return next((fault for fault in faults if fault is not None), None)


def shown(value: Any) -> str:
    """A value in a message."""
    return {dict: "a mapping", list: "a list", type(None): "null"}.get(type(value)) or f"{value!r:.40}"


def too_deep(document: Any) -> bool:
    """Whether lists and mappings are nested more deeply than can be written again."""
    level = [document]
    for _ in range(DEEPEST):
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return True


COUNT = Number(0, 1e12, whole=True)
SHARE = Number(-1e-6, 1 + 1e-6)  # as far as rounding may take it
SCALAR = AnyOf(Text(), Number(), Flag(), or_null=True)
SHA256 = Text(64)
