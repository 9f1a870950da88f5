"""Tables of images come in as lists; results go out as rows of a table. PyArrow only: neither Ray nor files."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

BOX = pa.struct([(side, pa.int32()) for side in ("left", "top", "width", "height")])
DIGIT = pa.struct(
    [
        ("digit", pa.int8()),
        ("most_probable", pa.int8()),
        ("confidence", pa.float64()),
        ("probabilities", pa.list_(pa.float64())),
        ("non_digit_probability", pa.float64()),
        ("box", BOX),
    ]
)
MARK = pa.struct([("text", pa.string()), ("confidence", pa.float64()), ("after", pa.int32()), ("box", BOX)])
NUMBER = pa.struct(
    [
        ("text", pa.string()),
        ("value", pa.string()),
        ("confidence", pa.float64()),
        ("marks", pa.list_(MARK)),
        ("box", BOX),
    ]
)
SCHEMA = pa.schema(
    [
        ("path", pa.string()),
        ("page", pa.int32()),
        ("pages", pa.int32()),
        ("error", pa.string()),
        ("text", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("note", pa.string()),
        ("numbers", pa.list_(pa.list_(NUMBER))),
        ("rows", pa.list_(pa.list_(DIGIT))),
        ("marks", pa.list_(pa.list_(MARK))),
        ("candidates", pa.list_(DIGIT)),
    ]
)
"""A row is what `read --json` prints for a page; null stands for the keys that it leaves out."""


def table_of(documents: Sequence[dict[str, Any]]) -> pa.Table:
    """Such documents as a table."""
    return pa.Table.from_pylist([{key: storable(value) for key, value in one.items()} for one in documents], SCHEMA)


def storable(value: Any) -> Any:
    r"""The same, or of a text the bytes that are not UTF-8, which Parquet does not take, as `read --json` prints them.

    A file may have any bytes for a name; the byte 0xFF is in Python and in JSON the text "\udcff".
    """
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def column(table: pa.Table, name: str) -> list[Any]:
    """The values of a column; `image.bytes` is the field `bytes` of the column `image`."""
    first, *inner = name.split(".") if name not in table.column_names else [name]
    values = table.column(first)
    return list((pc.struct_field(values, inner) if inner else values).to_pylist())


def type_of(schema: pa.Schema, name: str) -> pa.DataType | None:
    """The type of such a column; None if there is none of this name."""
    first, *inner = name.split(".") if name not in schema.names else [name]
    there = {field.name: field.type for field in schema}
    for field in inner:
        outer = there.get(first)
        there = {one.name: one.type for one in outer} if outer is not None and pa.types.is_struct(outer) else {}
        first = field
    return there.get(first)
