"""Text of what is published, in the format that the scraper asks for.

prometheus-client decides on the format and writes the heads of families, and whatever is not ours. The lines of rows,
thousands a scrape, are written here, several times as fast: rows of one pod share the text of their labels. All formats
write a line in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from prometheus_client.core import Metric as Family
from prometheus_client.exposition import choose_encoder, generate_latest
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from exporter.collectors.rows import Labels, Row, ordered
from promql import names

Encoder = Callable[[Collector], bytes]

# From here on prometheus-client writes an exponent, as Go does.
_EXPONENT_FROM: Final = 1e6


class RowFamily(Family):
    """The rows of one metric. Its ``samples`` are made when somebody asks for them: no scrape does."""

    def __init__(self, metric: names.Metric, rows: list[tuple[Labels, float]]) -> None:
        super().__init__(metric.name.removesuffix("_total"), metric.help, metric.type)
        self.metric = metric
        self.rows = rows
        del self.samples

    def __getattr__(self, name: str) -> list[Sample]:
        if name != "samples":
            raise AttributeError(name)
        self.samples = [Sample(self.metric.name, dict(pairs), value) for pairs, value in self.rows]
        return self.samples


def families(rows: Iterable[Row]) -> Iterable[RowFamily]:
    """The rows as prometheus-client families; a metric without rows is left out."""
    return (RowFamily(metric, found) for metric, found in ordered(rows))


class Collected(Collector):
    """Families that are already there, in the shape that prometheus-client's encoders take."""

    def __init__(self, *found: Family) -> None:
        self._found = found

    def collect(self) -> Iterable[Family]:
        return self._found


def text(found: Iterable[Family]) -> bytes:
    """The families as text exposition, version 0.0.4."""
    return Writer().text(found)


class Writer:
    """Writes families one scrape after another. Labels that are still the same tuple need not be written anew."""

    def __init__(self) -> None:
        # What the last scrape was written of: by the identity of the labels, which are held for it.
        self._written: dict[int, tuple[Labels, str]] = {}

    def text(self, found: Iterable[Family]) -> bytes:
        """As text exposition, version 0.0.4."""
        return self._encode(list(found), generate_latest)

    def write(self, found: Iterable[Family], accept: str) -> tuple[bytes, str]:
        """In the format that the ``Accept`` header asks for, and its content type."""
        encoder, content_type = choose_encoder(accept)
        return self._encode(list(found), encoder), content_type

    def _encode(self, found: list[Family], encoder: Encoder) -> bytes:
        end = encoder(Collected())
        written: dict[int, tuple[Labels, str]] = {}
        parts: list[bytes] = []
        for family in found:
            if isinstance(family, RowFamily):
                head = Family(family.name, family.documentation, family.type)
                parts += (encoder(Collected(head)).removesuffix(end), self._lines(family, written).encode())
            else:
                parts.append(encoder(Collected(family)).removesuffix(end))
        self._written = written  # scrapes at once each leave a whole one
        return b"".join((*parts, end))

    def _lines(self, family: RowFamily, written: dict[int, tuple[Labels, str]]) -> str:
        name, last = family.metric.name, self._written
        lines: list[str] = []
        for pairs, value in family.rows:
            identity = id(pairs)
            known = written.get(identity)
            if known is None:
                known = last.get(identity)
                if known is None or known[0] is not pairs:
                    known = pairs, _label_text(pairs)
                written[identity] = known
            lines.append(f"{name}{known[1]} {_number(value)}\n")
        return "".join(lines)


def _label_text(pairs: Labels) -> str:
    if not pairs:
        return ""
    return "{" + ",".join([f'{name}="{_escaped(value)}"' for name, value in pairs]) + "}"


def _escaped(value: str) -> str:
    if "\\" in value or "\n" in value or '"' in value:
        return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
    return value


def _number(value: float) -> str:
    return repr(float(value)) if value < _EXPONENT_FROM else floatToGoString(value)
