"""A row is one sample to be published; rows are published by metric in the order of ``promql.names``.

Every collector of this package is a generator of rows, so that one description of what is published serves a scrape
and the sample fleet's history alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from prometheus_client.core import Metric as Family

from promql import names

# Pairs in the order of the label names. Rows of one pod share one tuple.
Labels: TypeAlias = tuple[tuple[str, str], ...]
Row: TypeAlias = tuple[names.Metric, Labels, float]


def labels(**pairs: str | None) -> Labels:
    """The pairs sorted by name, without those that are None (a pod that no node runs has no ``node``)."""
    return tuple(sorted((name, value) for name, value in pairs.items() if value is not None))


def with_labels(base: Labels, **pairs: str | None) -> Labels:
    return tuple(sorted((*base, *((name, value) for name, value in pairs.items() if value is not None))))


def ordered(rows: Iterable[Row]) -> Iterator[tuple[names.Metric, list[tuple[Labels, float]]]]:
    """The rows by metric, metrics in the order of their declaration, rows in the order they came.

    A value that is not a finite number is nobody's measurement: it is left out.
    """
    by_name: dict[str, list[tuple[Labels, float]]] = {}
    for metric, pairs, value in rows:
        if math.isfinite(value):
            by_name.setdefault(metric.name, []).append((pairs, value))
    for name, metric in names.METRICS.items():
        if found := by_name.get(name):
            yield metric, found


def empty_family(metric: names.Metric) -> Family:
    return Family(metric.name.removesuffix("_total"), metric.help, metric.type)


def describe(scope: names.Scope) -> Iterator[Family]:
    """What a collector of the scope may publish: the registry asks, so that registering it does not read anything."""
    return (empty_family(metric) for metric in names.METRICS.values() if metric.scope in (scope, "both"))
