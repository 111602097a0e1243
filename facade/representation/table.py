"""An answer as CSV (RFC 4180: CRLF, quotes where they must be), safe to open in a spreadsheet.

Numbers are written as in JSON, ``null`` is an empty cell, and true and false are those words. A text that a spreadsheet
would take for a formula gets an apostrophe before it, and so does one that begins with an apostrophe: a cell that
begins with one is the text that follows it. (OWASP, "CSV Injection", lists the characters.)

What the JSON has beside the rows goes into header fields: ``total`` is X-Total-Count, ``next`` a Link, and any other
key is ``X-`` and its name: X-Time, X-Partial, X-Warnings, X-Step …
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from facade.representation.columns import (
    CLUSTER,
    COVERAGE,
    OF_A_KIND,
    TIMESTAMP,
    Columns,
    entity_columns,
    series_columns,
)
from facade.shapes import Shape
from promql.catalogue import Kind

CONTENT_TYPE: Final = "text/csv; charset=utf-8; header=present"
_DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")
_TIME: Final = "time"
# Of the route of one entity, everything else is in its row.
_BESIDE_ONE: Final = (_TIME, "warnings")
_IN_ROWS: Final = frozenset({"items", "timestamps", "series", COVERAGE})
_PRINTABLE: Final = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")

Rows = Iterable[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Table:
    """``fields`` are what the answer has beside the rows, by key; cells of ``rows`` are values of JSON."""

    columns: Columns
    rows: Rows
    fields: Mapping[str, Any]

    def text(self) -> str:
        """The CSV."""
        file = io.StringIO(newline="")
        writer = csv.writer(file)
        writer.writerow(self.columns)
        writer.writerows([cell(value) for value in row] for row in self.rows)
        return file.getvalue()

    def headers(self) -> dict[str, str]:
        """The header fields that hold what is not in the rows."""
        headers = {}
        for key, value in self.fields.items():
            text = _ascii(_field(value))
            if key == "next":
                headers["Link"] = f'<{text}>; rel="next"'
            elif text:
                headers["X-Total-Count" if key == "total" else f"X-{key.title()}"] = text
        return headers


def table(answer: Mapping[str, Any], shape: Shape, kind: Kind, metrics: Sequence[str] | None) -> Table:
    """The answer of a route of ``shape`` as a table; ``kind`` is its entities', ``metrics`` what was asked for."""
    if shape.frame == "entity":
        columns = entity_columns(kind, alone=True)
        return Table(columns, [_row(answer, columns)], {key: answer[key] for key in _BESIDE_ONE if key in answer})
    fields = {key: value for key, value in answer.items() if key not in _IN_ROWS}
    if shape.frame == "list":
        columns = entity_columns(kind, metrics)
        return Table(columns, (_row(item, columns) for item in answer["items"]), fields)
    if shape.frame == "timeseries":
        columns = series_columns(kind, metrics)
        return Table(columns, _points(answer, columns), fields)
    several = any(CLUSTER in item for item in answer["items"])
    return Table((*OF_A_KIND, CLUSTER) if several else OF_A_KIND, _points_of_all(answer, several), fields)


def cell(value: Any) -> Any:
    """A value of JSON as ``csv.writer`` takes it."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_DANGEROUS) else value
    return value if not isinstance(value, bool) else "true" if value else "false"


def _row(entity: Mapping[str, Any], columns: Columns) -> list[Any]:
    flat: dict[str, Any] = {}
    for key, value in entity.items():
        if key == COVERAGE:
            for path, (reporting, expected) in value.items():
                flat[f"{key}.{path}.reporting"], flat[f"{key}.{path}.expected"] = reporting, expected
        elif isinstance(value, Mapping):
            flat |= {f"{key}.{inner}": item for inner, item in value.items()}
        else:
            flat[key] = value
    return [flat.get(column) for column in columns]


def _points(answer: Mapping[str, Any], columns: Columns) -> Rows:
    """One row a point. A signal that nothing reported, and which the JSON therefore leaves out, has empty cells."""
    timestamps = answer["timestamps"]
    found = {**answer["series"], TIMESTAMP: timestamps}
    if COVERAGE in columns:
        found[COVERAGE] = answer[COVERAGE]
    return zip(*(found.get(column) or [None] * len(timestamps) for column in columns), strict=True)


def _points_of_all(answer: Mapping[str, Any], several: bool) -> Iterator[Sequence[Any]]:
    """One row a point of an entity, entity by entity. The cluster comes last, so that the others keep their places."""
    for item in answer["items"]:
        name, namespace = item["name"], item.get("namespace")
        cluster = (item.get(CLUSTER),) if several else ()
        for timestamp, value in zip(answer["timestamps"], item["values"], strict=True):
            yield (timestamp, name, namespace, value, *cluster)


def _field(value: Any) -> str:
    """``key=reason`` pairs and lists with commas between, as structured fields have them (RFC 9651)."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _ascii(text: str) -> str:
    """What a header field can hold: the rest, and the percent sign, as the octets of their UTF-8, percent-encoded."""
    return quote(text, safe=_PRINTABLE, errors="replace")
