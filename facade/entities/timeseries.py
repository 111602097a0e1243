"""Rows of a range query as columns that share one time axis, and why a column is empty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from facade.answer import Sample, Series
from facade.entities.facts import number
from facade.entities.missing import HOST_NETWORK, NO_LIMIT, NO_SAMPLES, NOT_COLLECTED, NOT_REPORTED, NOT_RUNNING
from facade.window import TimeWindow
from promql import names
from promql.catalogue import Signal, Totals, record
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
    """The column of each signal of one entity.

    A total has two rows, of which each point is in one: with the entity's labels while it had pods, and without them
    while it had none.
    """
    points: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        points.setdefault(row.labels.get(SIGNAL, ""), []).extend(row.points)
    return {signal: column(pairs, window) for signal, pairs in points.items()}


@dataclass(slots=True)
class Evidence:
    """What was known of an entity within the window. ``counts`` holds the last value of each of its metrics."""

    totals: Totals
    counts: dict[str, float] = field(default_factory=dict)
    phases: set[str] = field(default_factory=set)
    nodes: set[tuple[str, str]] = field(default_factory=set)
    places: set[tuple[str, str]] = field(default_factory=set)
    host_network: bool = False
    # Sources that gave a reading, by (cluster, node); node "" is scope cluster.
    sources: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    # Clusters whose totals were recorded, and those of which it was known then which pods there are.
    recorded: set[str] = field(default_factory=set)
    collected: set[str] = field(default_factory=set)
    # All that the store holds, as far as the window tells.
    clusters: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, rows: Iterable[Sample], totals: Totals) -> Evidence:
        evidence = cls(totals)
        for row in rows:
            evidence._add(row.labels, row.value)
        return evidence

    def _add(self, labels: Mapping[str, str], value: float) -> None:
        metric, cluster, node = labels.get("__name__", ""), labels.get("cluster", ""), labels.get("node", "")
        self.clusters.add(cluster)
        if metric == names.SOURCE_SAMPLE_AGE_SECONDS.name:
            self.sources.setdefault((cluster, node), set()).add(labels.get("source", ""))
            return
        if metric in (self.totals.evaluation, self.totals.collection):
            (self.recorded if metric == self.totals.evaluation else self.collected).add(cluster)
            return
        self.counts[metric] = max(value, self.counts.get(metric, value))
        self.places.add((cluster, labels.get("namespace", "")))
        if node:
            self.nodes.add((cluster, node))
        if "phase" in labels:
            self.phases.add(labels["phase"])
        self.host_network |= labels.get("host_network") == "true"

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
        if signal.limited and names.POD_CPU_LIMIT_CORES.name not in self.counts:
            return NO_LIMIT
        return NOT_REPORTED

    def node_reason(self, signal: Signal) -> str:
        return NO_SAMPLES if not self.nodes or self.silent(signal.source) else NOT_REPORTED

    def total_reason(self, signal: Signal, level: str, cluster: str) -> str:
        """Of a namespace or workload of ``cluster``."""

        def count(metric: str) -> float:
            return self.counts.get(record(level, metric, "count"), 0)

        if cluster not in self.recorded:
            return NO_SAMPLES
        if not count(self.totals.running):
            return NOT_RUNNING if cluster in self.collected else NOT_COLLECTED
        if signal.network and not count(self.totals.expected_of(str(signal.pod.gauge)) or ""):
            return HOST_NETWORK
        if self.silent(signal.source):
            return NO_SAMPLES
        return NO_LIMIT if signal.limited and not count(names.POD_CPU_LIMIT_CORES.name) else NOT_REPORTED


def wanted(signals: Sequence[Signal], asked: Sequence[Signal] | None, columns: Mapping[str, Column]) -> list[Signal]:
    """The signals of the answer: those asked for, else all, less the optional ones that nothing reported."""
    if asked is not None:
        return list(asked)
    return [signal for signal in signals if not signal.optional or signal.key in columns]
