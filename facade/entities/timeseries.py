"""Rows of a range query as columns that share one time axis, and why a column is empty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from facade.answer import Sample, Series
from facade.entities.facts import number
from facade.entities.missing import HOST_NETWORK, NO_LIMIT, NO_SAMPLES, NOT_REPORTED, NOT_RUNNING
from facade.window import TimeWindow
from promql import names
from promql.catalogue import Signal, record
from promql.queries import SIGNAL

Column = list[int | float | None]


def column(points: Iterable[tuple[float, float]], window: TimeWindow) -> Column:
    """The points on the window's time axis, None where there is none."""
    cells: Column = [None] * window.points
    for time, value in points:
        index = round((time - window.start) / window.step) - 1
        if 0 <= index < len(cells):
            cells[index] = number(value)
    return cells


def columns_by_signal(rows: Iterable[Series], window: TimeWindow) -> dict[str, Column]:
    """Each row's column, by its signal."""
    return {row.labels.get(SIGNAL, ""): column(row.points, window) for row in rows}


@dataclass(slots=True)
class Evidence:
    """What was known of an entity within the window."""

    metrics: set[str] = field(default_factory=set)
    phases: set[str] = field(default_factory=set)
    nodes: set[tuple[str, str]] = field(default_factory=set)
    places: set[tuple[str, str]] = field(default_factory=set)
    host_network: bool = False
    expected: bool = False
    # Sources that gave a reading, by (cluster, node); node "" is scope cluster.
    sources: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Sample]) -> Evidence:
        evidence = cls()
        for row in rows:
            evidence._add(row.labels, row.value)
        return evidence

    def _add(self, labels: Mapping[str, str], value: float) -> None:
        metric, cluster, node = labels.get("__name__", ""), labels.get("cluster", ""), labels.get("node", "")
        if metric == names.SOURCE_SAMPLE_AGE_SECONDS.name:
            self.sources.setdefault((cluster, node), set()).add(labels.get("source", ""))
            return
        self.metrics.add(metric)
        self.places.add((cluster, labels.get("namespace", "")))
        if node:
            self.nodes.add((cluster, node))
        if "phase" in labels:
            self.phases.add(labels["phase"])
        self.host_network |= labels.get("host_network") == "true"
        self.expected |= metric.endswith(":cloudmon_pods_expected:count") and value > 0

    def clusters(self) -> set[str]:
        return {cluster for cluster, _ in self.sources}

    def silent(self, source: str) -> bool:
        """Whether one of the entity's nodes gave no reading of ``source``."""
        return any(source not in self.sources.get(node, ()) for node in self.nodes)

    def pod_reason(self, signal: Signal) -> str:
        if not self.nodes or (self.phases and "Running" not in self.phases):
            return NOT_RUNNING
        if signal.network and self.host_network:
            return HOST_NETWORK
        if self.silent(signal.source):
            return NO_SAMPLES
        if signal.limited and names.POD_CPU_LIMIT_CORES.name not in self.metrics:
            return NO_LIMIT
        return NOT_REPORTED

    def node_reason(self, signal: Signal) -> str:
        return NO_SAMPLES if self.silent(signal.source) else NOT_REPORTED

    def total_reason(self, signal: Signal, level: str) -> str:
        if not self.expected:
            return NOT_RUNNING
        if self.silent(signal.source):
            return NO_SAMPLES
        limits = record(level, names.POD_CPU_LIMIT_CORES.name, "count")
        return NO_LIMIT if signal.limited and limits not in self.metrics else NOT_REPORTED


def wanted(signals: Sequence[Signal], asked: Sequence[Signal] | None, columns: Mapping[str, Column]) -> list[Signal]:
    """The signals of the answer: those asked for, else all, less the optional ones that nothing reported."""
    if asked is not None:
        return list(asked)
    return [signal for signal in signals if not signal.optional or signal.key in columns]
