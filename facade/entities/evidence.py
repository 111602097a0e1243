"""What was known of entities within a window, and so why a column of one is empty."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from facade.answer import Sample
from facade.entities.facts import Key
from facade.entities.missing import HOST_NETWORK, NO_LIMIT, NO_SAMPLES, NOT_COLLECTED, NOT_REPORTED, NOT_RUNNING
from promql import names
from promql.catalogue import LEVEL_OF, Kind, Signal, Totals, record

_KEY_LABELS: Final[dict[Kind, tuple[str, ...]]] = {
    "node": ("node",),
    "pod": ("namespace", "pod"),
    "namespace": ("namespace",),
    "deployment": ("namespace", "workload"),
}


def series_key(kind: Kind, labels: Mapping[str, str]) -> Key | None:
    """(cluster, namespace, name) of the entity of a row, without namespace where the kind has none; None for a row of
    something else. Pods of one name are one entity.
    """
    values = [labels.get(label) for label in _KEY_LABELS[kind]]
    own = tuple(value for value in values if value)
    return (labels.get("cluster", ""), *own) if len(own) == len(values) else None


@dataclass(slots=True)
class Surroundings:
    """What was known of exporters and clusters."""

    # Sources that gave a reading, by (cluster, node); node "" is scope cluster.
    sources: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    # Clusters whose totals were recorded, and those of which it was known then which pods there are.
    recorded: set[str] = field(default_factory=set)
    collected: set[str] = field(default_factory=set)
    # All that the store holds, as far as the window tells.
    clusters: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Evidence:
    """What was known of one entity. ``counts`` holds the last value of each of its metrics."""

    kind: Kind
    totals: Totals
    around: Surroundings
    counts: dict[str, float] = field(default_factory=dict)
    phases: set[str] = field(default_factory=set)
    nodes: set[tuple[str, str]] = field(default_factory=set)
    # Of pods of one name after each other.
    uids: set[str] = field(default_factory=set)
    host_network: bool = False

    @property
    def joined(self) -> bool:
        """Whether it is several pods, one after the other."""
        return len(self.uids) > 1

    def add(self, metric: str, labels: Mapping[str, str], value: float) -> None:
        """Note a row of the entity."""
        self.counts[metric] = max(value, self.counts.get(metric, value))
        if node := labels.get("node"):
            self.nodes.add((labels.get("cluster", ""), node))
        if uid := labels.get("uid"):
            self.uids.add(uid)
        if "phase" in labels:
            self.phases.add(labels["phase"])
        self.host_network |= labels.get("host_network") == "true"

    def reason(self, signal: Signal, cluster: str) -> str:
        """Why a column of the signal is empty, for an entity of ``cluster``."""
        if self.kind == "pod":
            return self._pod_reason(signal)
        if self.kind == "node":
            return NO_SAMPLES if not self.nodes or self._silent(signal.source) else NOT_REPORTED
        return self._total_reason(signal, LEVEL_OF[self.kind], cluster)

    def _silent(self, source: str) -> bool:
        """Whether one of the entity's nodes gave no reading of ``source``."""
        return any(source not in self.around.sources.get(node, ()) for node in self.nodes)

    def _pod_reason(self, signal: Signal) -> str:
        if not self.nodes or (self.phases and "Running" not in self.phases):
            return NOT_RUNNING
        if signal.network and self.host_network:
            return HOST_NETWORK
        if self._silent(signal.source):
            return NO_SAMPLES
        if signal.limited and names.POD_CPU_LIMIT_CORES.name not in self.counts:
            return NO_LIMIT
        return NOT_REPORTED

    def _total_reason(self, signal: Signal, level: str, cluster: str) -> str:
        def count(metric: str) -> float:
            return self.counts.get(record(level, metric, "count"), 0)

        if cluster not in self.around.recorded:
            return NO_SAMPLES
        if not count(self.totals.running):
            return NOT_RUNNING if cluster in self.around.collected else NOT_COLLECTED
        if signal.network and not count(self.totals.expected_of(str(signal.pod.gauge)) or ""):
            return HOST_NETWORK
        if self._silent(signal.source):
            return NO_SAMPLES
        return NO_LIMIT if signal.limited and not count(names.POD_CPU_LIMIT_CORES.name) else NOT_REPORTED


@dataclass(slots=True)
class WindowEvidence:
    """What was known of entities of a kind, by ``series_key``."""

    kind: Kind
    totals: Totals
    around: Surroundings = field(default_factory=Surroundings)
    entities: dict[Key, Evidence] = field(default_factory=dict)

    @classmethod
    def of(cls, kind: Kind, rows: Iterable[Sample], totals: Totals) -> WindowEvidence:
        """The rows of ``TimeseriesQueries.evidence``."""
        found = cls(kind, totals)
        for row in rows:
            found._add(row.labels, row.value)
        return found

    def entity(self, key: Key) -> Evidence:
        """Of something of which nothing was known, no evidence."""
        return self.entities.get(key) or Evidence(self.kind, self.totals, self.around)

    def _add(self, labels: Mapping[str, str], value: float) -> None:
        metric, cluster, around = labels.get("__name__", ""), labels.get("cluster", ""), self.around
        around.clusters.add(cluster)
        if metric == names.SOURCE_SAMPLE_AGE_SECONDS.name:
            around.sources.setdefault((cluster, labels.get("node", "")), set()).add(labels.get("source", ""))
        elif metric == self.totals.evaluation:
            around.recorded.add(cluster)
        elif metric == self.totals.collection:
            around.collected.add(cluster)
        elif (key := series_key(self.kind, labels)) is not None:
            evidence = self.entities.setdefault(key, Evidence(self.kind, self.totals, around))
            evidence.add(metric, labels, value)
