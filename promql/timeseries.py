"""The range queries of the facade: what a point of a time series means (decision 9).

A point at ``t`` covers (t − step, t]. Rows carry the keys of their entity and ``signal``. A pod's rows have no uid: of
pods that had one name after each other, the series is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from promql import names
from promql.catalogue import LEVEL_OF, Catalogue, Kind, Measure, Signal, record
from promql.queries import (
    DEPLOYMENT,
    NAMESPACE_KEYS,
    NODE_KEYS,
    ON_A_NODE,
    POD_KEYS,
    WORKLOAD_KEYS,
    aggregate,
    named,
    share,
    union,
)
from promql.selectors import Selector, select
from promql.windows import Windows, duration

POD_SERIES_KEYS = ("cluster", "namespace", "pod")
COVERAGE = "coverage"

# What shows that an entity was there, and why a column of it may be empty.
_EVIDENCE: Final[dict[Kind, tuple[str, ...]]] = {
    "pod": (names.POD_INFO.name, names.POD_PHASE.name, names.POD_READY.name, names.POD_CPU_LIMIT_CORES.name),
    "node": (names.NODE_INFO.name, names.NODE_CPU_USAGE_CORES.name),
    "namespace": (names.NAMESPACE_INFO.name,),
    "deployment": (names.WORKLOAD_REPLICAS.name,),
}
_EVIDENCE_KEYS: Final[dict[Kind, tuple[str, ...]]] = {
    "pod": (*POD_KEYS, "phase", "host_network"),
    "node": NODE_KEYS,
    "namespace": NAMESPACE_KEYS,
    "deployment": WORKLOAD_KEYS,
}
# How far before a window's end a reading still tells that its source was not silent. It bounds what the answer costs:
# the sources are those of every node.
_SOURCES_SECONDS: Final = 3600.0


class TimeseriesQueries:
    """One range query for all the signals of an entity; ``step`` in seconds."""

    def __init__(self, catalogue: Catalogue, windows: Windows) -> None:
        self.catalogue = catalogue
        self.windows = windows

    def pods(self, selector: Selector, signals: Sequence[Signal], step: float) -> str:
        return union(
            named(
                self._measured(signal.pod, signal.source, selector, step, (*POD_SERIES_KEYS, "uid"), POD_SERIES_KEYS),
                signal.key,
            )
            for signal in signals
        )

    def nodes(self, selector: Selector, signals: Sequence[Signal], step: float) -> str:
        return union(
            named(self._measured(signal.node, signal.source, selector, step, NODE_KEYS, NODE_KEYS), signal.key)
            for signal in signals
            if signal.node
        )

    def namespaces(self, selector: Selector, signals: Sequence[Signal], step: float) -> str:
        return self._totals("namespace", NAMESPACE_KEYS, selector, signals, step)

    def deployments(self, selector: Selector, signals: Sequence[Signal], step: float) -> str:
        return self._totals("workload", WORKLOAD_KEYS, (*selector, DEPLOYMENT), signals, step)

    def evidence(self, kind: Kind, selector: Selector, window: float) -> str:
        """What was known of the entity within the window, asked at its end: tells that it existed, and why a column is
        empty. Rows keep their metric names.

        Beside the entity's own rows: the sources that gave a reading (in the last hour of a longer window), and of
        totals, that they were recorded at all and the nodes that the pods are on.
        """
        by = ("__name__", *_EVIDENCE_KEYS[kind])
        metrics = [*_EVIDENCE[kind], *self._evidence_of_totals(kind)]
        parts = [aggregate("max", by, f"last_over_time({select(metrics, selector)}[{duration(window)}])")]
        if kind in LEVEL_OF:
            homes = aggregate("max", (*by, "node"), select(names.POD_INFO.name, (*selector, ON_A_NODE)))
            chain = select((self.catalogue.totals.evaluation, self.catalogue.totals.collection))
            recorded = f"last_over_time({chain}[{duration(window)}])"
            parts += [homes, aggregate("max", ("__name__", "cluster"), recorded)]
        ages = f"last_over_time({names.SOURCE_SAMPLE_AGE_SECONDS.name}[{duration(min(window, _SOURCES_SECONDS))}])"
        return union([*parts, aggregate("max", ("__name__", *NODE_KEYS, "source"), ages)])

    def _evidence_of_totals(self, kind: Kind) -> list[str]:
        if kind not in LEVEL_OF:
            return []
        level, totals = LEVEL_OF[kind], self.catalogue.totals
        counts = (totals.pods, *totals.expected, names.POD_CPU_LIMIT_CORES.name)
        return [record(level, metric, "count") for metric in counts]

    def _measured(
        self,
        measure: Measure,
        source: str,
        selector: Selector,
        step: float,
        once: Sequence[str],
        by: Sequence[str],
    ) -> str:
        if measure.level:
            return self._average(select(measure.level, selector), step, once, by)

        def rate(metric: str) -> str:
            per_uid = aggregate("max", once, self._rate(select(metric, selector), source, step))
            return per_uid if tuple(once) == tuple(by) else aggregate("sum", by, per_uid)

        rates = [rate(metric) for metric in measure.counters]
        return rates[0] if len(rates) == 1 else share(*rates)

    def _rate(self, series: str, source: str, step: float) -> str:
        """The counters' increase over what a point covers ÷ its length.

        A counter that was there at both ends increased between them: see ``Windows.rate``. One that began or ended in
        between increased by what is in the interval, and by nothing in the rest of it.
        """
        covered = duration(self.windows.rate_seconds(source, step))
        throughout = f"rate({series}[{self.windows.rate(source, step)}]) and {series} offset {covered} and {series}"
        return f"{throughout} or rate({series}[{covered}])"

    def _average(self, series: str, step: float, once: Sequence[str], by: Sequence[str]) -> str:
        """The mean of the stored samples in the interval. Pods of one name are summed as samples, not as means: they
        hardly overlap, so that their samples together are one series.
        """
        window = self.windows.level(step)
        total = aggregate("max", once, f"sum_over_time({series}[{window}])")
        count = aggregate("max", once, f"count_over_time({series}[{window}])")
        if tuple(once) != tuple(by):
            total, count = aggregate("sum", by, total), aggregate("sum", by, count)
        return f"{total} / {count}"

    # -- recorded totals -----------------------------------------------------------------------------------------------
    def _totals(
        self, level: str, keys: Sequence[str], selector: Selector, signals: Sequence[Signal], step: float
    ) -> str:
        parts = [
            named(self._total(level, keys, selector, signal, step), signal.key) for signal in signals if signal.totals
        ]
        return union([*parts, named(self._coverage(level, keys, selector, step), COVERAGE)])

    def _total(self, level: str, keys: Sequence[str], selector: Selector, signal: Signal, step: float) -> str:
        """The sum of the recorded totals in the interval ÷ the evaluations in it.

        Where nothing is recorded though it was known which pods there are, the entity had none, and none use nothing:
        0, in a row that has no more than ``cluster``. Where it had pods that should have reported and none did, or
        where nobody knew, there is no number.
        """
        window = self.windows.level(step)

        def summed(metric: str, what: str) -> str:
            recorded = f"sum_over_time({select(record(level, metric, what), selector)}[{window}])"
            return aggregate("max", keys, recorded)

        if signal.totals == "ratio":
            return share(*(summed(metric, "sum_rate") for metric in signal.pod.counters))

        def counted(timestamps: str) -> str:
            return aggregate("max", ("cluster",), f"count_over_time({timestamps}[{window}])")

        totals = self.catalogue.totals
        metric, what = (signal.pod.counter, "sum_rate") if signal.pod.counter else (str(signal.pod.level), "sum")
        mean = f"{summed(str(metric), what)} / on (cluster) group_left () {counted(totals.evaluation)}"
        none = f"{counted(totals.collection)} * 0 unless on (cluster) {summed(totals.running, 'count')}"
        return f"({mean} or on (cluster) ({none}))"

    def _coverage(self, level: str, keys: Sequence[str], selector: Selector, step: float) -> str:
        """The share of the pods that should have reported whose CPU and memory were read; no row where there were
        none.
        """
        window = self.windows.level(step)

        def summed(metric: str) -> str:
            return aggregate(
                "max", keys, f"sum_over_time({select(record(level, metric, 'count'), selector)}[{window}])"
            )

        expected = summed(self.catalogue.totals.running)
        return f"({summed('cloudmon_pod_memory_working_set_bytes')} / {expected} or {expected} * 0)"
