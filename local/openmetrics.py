"""OpenMetrics text with timestamps: what ``promtool tsdb create-blocks-from openmetrics`` reads.

Format: https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md. Families are written without
metadata, because a block stores none; all samples of a family stand together, all samples of a series in order of time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

Labels = tuple[tuple[str, str], ...]


def number(value: float) -> str:
    """``value`` in the shortest form that reads back as the same number."""
    if math.isfinite(value):
        return repr(float(value))
    return "NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf")


def timestamp(milliseconds: int) -> str:
    """A timestamp in seconds that Prometheus reads back as just these milliseconds.

    Its parser multiplies the fraction by 1,000 and drops what is left, so that 0.123 would become 122 ms: half a
    millisecond more, which is dropped again, keeps it clear of that edge.
    """
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds}.{rest:03d}5"


def sample(value: str, stamp: str) -> str:
    """What stands after the series in a line: a value as text, a timestamp as text."""
    return f"{value} {stamp}"


class Exposition:
    """Samples by family and series, in memory until they are written."""

    def __init__(self) -> None:
        self._families: dict[str, dict[Labels, list[str]]] = {}

    def series(self, name: str, labels: Labels) -> Callable[[str], None]:
        """A function that adds a ``sample`` to the series; samples of a series come in order of time."""
        return self._families.setdefault(name, {}).setdefault(labels, []).append

    def write(self, path: Path) -> int:
        """Write everything to ``path``; returns the number of samples."""
        samples = 0
        with path.open("w", encoding="utf-8") as file:
            for name, family in self._families.items():
                for labels, tails in family.items():
                    start = f"{name}{render_labels(labels)} "
                    file.write("".join([f"{start}{tail}\n" for tail in tails]))
                    samples += len(tails)
            file.write("# EOF\n")
        return samples


def render_labels(labels: Labels) -> str:
    """``{name="value",…}``, with the three escapes that the format knows."""
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in labels) + "}" if labels else ""


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def merged(own: Mapping[str, str], added: Mapping[str, str]) -> Labels:
    """The labels of a stored series, by name: ``own``, and those of ``added`` that it has not (``honor_labels``).

    A label whose value is empty is the same as none (Prometheus data model).
    """
    present = {name: value for name, value in own.items() if value}
    return tuple(sorted({**{name: value for name, value in added.items() if value}, **present}.items()))
