"""Rows of a range query as columns that share one time axis, and rows of an instant query as statistics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from facade.answer import Sample, Series
from facade.entities.evidence import series_key
from facade.entities.facts import Key, number
from facade.window import TimeWindow
from promql.catalogue import Kind, Signal
from promql.queries import SIGNAL
from promql.timeseries import COVERAGE, KNOWN, STATISTICS, statistic_name

Cell = int | float | None
Column = list[Cell]


def column(points: Iterable[tuple[float, float]], window: TimeWindow) -> Column:
    """The points on the window's time axis, None where there is none."""
    cells: Column = [None] * window.points
    for time, value in points:
        index = window.index(time)
        if 0 <= index < len(cells):
            cells[index] = number(value)
    return cells


def columns_by_signal(rows: Iterable[Series], window: TimeWindow) -> dict[str, Column]:
    """The column of each signal of one entity.

    A total has two rows, of which each point is in one: with the entity's labels while it had pods, and without them
    while it had none.
    """
    points: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        points.setdefault(row.labels.get(SIGNAL, ""), []).extend(row.points)
    return {signal: column(pairs, window) for signal, pairs in points.items()}


@dataclass(slots=True)
class KindColumns:
    """The columns of one signal, and the coverage, of many entities."""

    signal: Signal
    window: TimeWindow
    values: dict[Key, Column] = field(default_factory=dict)
    coverage: dict[Key, Column] = field(default_factory=dict)
    # By cluster, a number where it was known which pods there are.
    known: dict[str, Column] = field(default_factory=dict)

    @classmethod
    def of(cls, kind: Kind, signal: Signal, rows: Iterable[Series], window: TimeWindow) -> KindColumns:
        """The rows of ``TimeseriesQueries.points_of_kind``."""
        points: defaultdict[tuple[str, Key], list[tuple[float, float]]] = defaultdict(list)
        for row in rows:
            name = row.labels.get(SIGNAL, "")
            # Rows of KNOWN have no more than their cluster.
            key = series_key(kind, row.labels) or (row.labels.get("cluster", ""),)
            points[name, key].extend(row.points)
        columns = cls(signal, window)
        for (name, key), pairs in points.items():
            if name == KNOWN:
                columns.known[key[0]] = column(pairs, window)
            else:
                (columns.coverage if name == COVERAGE else columns.values)[key] = column(pairs, window)
        return columns

    def column(self, key: Key) -> Column:
        """The entity's. A sum is 0 where it was known which pods there are, and the entity had none."""
        values = self.values.get(key) or column((), self.window)
        known = self.known.get(key[0])
        if known is None or self.signal.totals != "sum":
            return values
        coverage = self.coverage_of(key)
        return [
            0 if value is None and pods is None and counted is not None else value
            for value, pods, counted in zip(values, coverage, known, strict=True)
        ]

    def coverage_of(self, key: Key) -> Column:
        return self.coverage.get(key) or column((), self.window)


def one_point(rows: Iterable[Sample], window: TimeWindow) -> list[Series]:
    """The rows of an instant query at the window's end as those of a range query of its one point."""
    return [Series(row.labels, ((window.end, row.value),)) for row in rows]


def statistics(rows: Iterable[Sample], signals: Iterable[Signal]) -> dict[str, dict[str, Cell]]:
    """The six statistics of each signal of one entity; each None where the signal has no sample."""
    found: dict[str, Cell] = {row.labels.get(SIGNAL, ""): number(row.value) for row in rows}
    return {
        signal.key: {name: found.get(statistic_name(signal.key, name)) for name in STATISTICS} for signal in signals
    }


def wanted(signals: Sequence[Signal], asked: Sequence[Signal] | None, columns: Mapping[str, Column]) -> list[Signal]:
    """The signals of the answer: those asked for, else all, less the optional ones that nothing reported."""
    if asked is not None:
        return list(asked)
    return [signal for signal in signals if not signal.optional or signal.key in columns]
