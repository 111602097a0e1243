"""Every query of the facade, rendered from the catalogue: what is true now.

Shapes of the answers. A row stands for one *fact* of one entity. The fact's name is the row's ``signal`` label where it
has one (computed facts: ``or`` ignores metric names and would drop a computed row that agrees with another in its
labels), else its metric name. The entity is in the labels that the class of the query keeps (``POD_KEYS`` and so on).

Duplicates are removed in every query (``max by (…, uid)``): during a replacement two exporters, and with two Prometheus
servers two stores, give the same pod.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from promql import names
from promql.catalogue import Catalogue, Measure, Signal, record
from promql.selectors import Matcher, Selector, braces, equal, one_of, select
from promql.windows import Windows

SIGNAL = "signal"
POD_KEYS = ("cluster", "node", "namespace", "pod", "uid", "workload_kind", "workload")
NODE_KEYS = ("cluster", "node")
NAMESPACE_KEYS = ("cluster", "namespace")
WORKLOAD_KEYS = ("cluster", "namespace", "workload_kind", "workload")

DEPLOYMENT = Matcher("workload_kind", "=", "Deployment")
_ON_A_NODE = Matcher("node", "!=", "")
_NO_NODE = Matcher("node", "=", "")

# What is asked of a pod besides its signals, and the labels that carry an answer.
POD_FACTS = (
    names.POD_INFO,
    names.POD_PHASE,
    names.POD_CREATED_TIMESTAMP_SECONDS,
    names.POD_READY,
    names.POD_START_TIME_SECONDS,
    names.POD_CONTAINER_RESTARTS,
    names.POD_LAST_OOM_KILL_TIMESTAMP_SECONDS,
    names.POD_CPU_REQUEST_CORES,
    names.POD_MEMORY_REQUEST_BYTES,
    names.POD_CPU_LIMIT_CORES,
    names.POD_MEMORY_LIMIT_BYTES,
)
_POD_FACT_LABELS = ("phase", "host_network")
NODE_FACTS = (
    names.NODE_INFO,
    names.NODE_READY,
    names.NODE_CPU_CAPACITY_CORES,
    names.NODE_CPU_ALLOCATABLE_CORES,
    names.NODE_MEMORY_CAPACITY_BYTES,
    names.NODE_MEMORY_ALLOCATABLE_BYTES,
    names.NODE_PODS_CAPACITY,
    names.NODE_PODS_ALLOCATABLE,
)
# Requests and limits, by the path under which an answer gives them.
ASKED_FOR = {
    "requests.cpu_cores": names.POD_CPU_REQUEST_CORES.name,
    "requests.memory_bytes": names.POD_MEMORY_REQUEST_BYTES.name,
    "limits.cpu_cores": names.POD_CPU_LIMIT_CORES.name,
    "limits.memory_bytes": names.POD_MEMORY_LIMIT_BYTES.name,
}
OOM_KILLS = "oom_kills"
_OOM_WINDOW = "24h"
LAST_SEEN_SECONDS = 300


def union(parts: Iterable[str]) -> str:
    """All rows of all parts; a row of a later part is lost only if an earlier one has the same labels, names aside."""
    return "\nor\n".join(parts)


def named(expr: str, signal: str) -> str:
    """``expr`` with its rows named ``signal``."""
    return f'label_replace({expr}, "{SIGNAL}", "{signal}", "", "")'


def aggregate(operator: str, by: Sequence[str], expr: str) -> str:
    return f"{operator} by ({', '.join(by)}) ({expr})"


class Queries:
    """The queries of present values. ``windows`` gives the rate windows."""

    def __init__(self, catalogue: Catalogue, windows: Windows) -> None:
        self.catalogue = catalogue
        self.windows = windows

    # -- pods ----------------------------------------------------------------------------------------------------------
    def pods(self, selector: Selector, signals: Sequence[Signal], *, oom_kills: bool = False) -> str:
        """Everything about the pods that ``selector`` lets through, in one query: rows of ``POD_KEYS`` plus ``phase``
        and ``host_network``, and the rows of ``sources``.
        """
        metrics = [fact.name for fact in POD_FACTS] + [s.pod.gauge for s in signals if s.pod.gauge]
        parts = [aggregate("max", ("__name__", *POD_KEYS, *_POD_FACT_LABELS), select(metrics, selector))]
        parts += [named(self._computed(signal.pod, signal.source, POD_KEYS, selector), signal.key)
                  for signal in signals if not signal.pod.gauge]  # fmt: skip
        if oom_kills:
            parts.append(named(self._oom_kills(selector), OOM_KILLS))
        nodes = aggregate(
            "group", NODE_KEYS, select((names.POD_INFO.name, names.POD_READY.name), (*selector, _ON_A_NODE))
        )
        own = f"{self._sources((_ON_A_NODE,))} and on (cluster, node) {nodes}"
        return union([*parts, own, self._sources((_NO_NODE,))])

    def pods_in_parts(self, selector: Selector, signals: Sequence[Signal]) -> list[str]:
        """The same as ``pods`` as one small query a fact, for lists of thousands: rows of (cluster, uid) but for the
        first, which says who is who (``POD_KEYS``), and the last (``sources``).
        """
        identity = select((names.POD_INFO.name, names.POD_READY.name), selector)
        queries = [aggregate("max", ("__name__", *POD_KEYS, "host_network"), identity)]
        queries.append(
            aggregate("max", ("__name__", "cluster", "uid", "phase"), select(names.POD_PHASE.name, selector))
        )
        gauges = [fact.name for fact in POD_FACTS if fact not in (names.POD_INFO, names.POD_READY, names.POD_PHASE)]
        gauges += [signal.pod.gauge for signal in signals if signal.pod.gauge]
        queries += [aggregate("max", ("__name__", "cluster", "uid"), select(metric, selector)) for metric in gauges]
        queries += [named(self._computed(signal.pod, signal.source, ("cluster", "uid"), selector), signal.key)
                    for signal in signals if not signal.pod.gauge]  # fmt: skip
        return [*queries, self._sources(())]

    # -- nodes ---------------------------------------------------------------------------------------------------------
    def nodes(self, selector: Selector, signals: Sequence[Signal]) -> str:
        """Everything about nodes: rows of ``NODE_KEYS``, sums and counts of what their pods ask for, and
        ``sources``.
        """
        measures = [(signal, signal.node) for signal in signals if signal.node]
        metrics = [fact.name for fact in NODE_FACTS] + [measure.gauge for _, measure in measures if measure.gauge]
        metrics.append(record("node", self.catalogue.totals.pods, "count"))
        parts = [aggregate("max", ("__name__", *NODE_KEYS), select(metrics, selector))]
        parts += [named(self._computed(measure, signal.source, NODE_KEYS, selector), signal.key)
                  for signal, measure in measures if not measure.gauge]  # fmt: skip
        for path, metric in ASKED_FOR.items():
            once = aggregate("max", (*NODE_KEYS, "uid"), select(metric, (*selector, _ON_A_NODE)))
            parts += [
                named(aggregate("sum", NODE_KEYS, once), path),
                named(aggregate("count", NODE_KEYS, once), f"{path}:count"),
            ]
        return union([*parts, self._sources((*selector, _ON_A_NODE)), self._sources((_NO_NODE,)), self._evaluation(())])

    # -- totals --------------------------------------------------------------------------------------------------------
    def namespaces(self, selector: Selector) -> str:
        """Recorded totals of namespaces, their Deployments, that they exist, and ``sources``: rows of
        ``NAMESPACE_KEYS``.
        """
        totals = select((*self._records("namespace"), names.NAMESPACE_INFO.name), selector)
        desired = select(names.WORKLOAD_REPLICAS.name, (*selector, DEPLOYMENT, *equal(state="desired")))
        deployments = aggregate("count", NAMESPACE_KEYS, aggregate("max", (*NAMESPACE_KEYS, "workload"), desired))
        return union([
            aggregate("max", ("__name__", *NAMESPACE_KEYS), totals),
            named(deployments, "deployments"),
            self._evaluation(()),
            self._sources(()),
        ])  # fmt: skip

    def deployments(self, selector: Selector) -> str:
        """Recorded totals of Deployments and their replicas: rows of ``WORKLOAD_KEYS`` plus ``state``, and
        ``sources``.
        """
        totals = select((*self._records("workload"), names.WORKLOAD_REPLICAS.name), (*selector, DEPLOYMENT))
        return union([
            aggregate("max", ("__name__", *WORKLOAD_KEYS, "state"), totals),
            self._evaluation(()),
            self._sources(()),
        ])  # fmt: skip

    def homes(self, selector: Selector, keys: Sequence[str]) -> str:
        """On which nodes the pods of each entity are: rows of ``keys`` and ``node``."""
        return aggregate("group", (*keys, "node"), select(names.POD_INFO.name, (*selector, _ON_A_NODE)))

    def exists(self, kind: Literal["node", "namespace", "deployment"], selector: Selector) -> str:
        """A row for each entity that the store knows now, its pods aside. ``selector`` pins Deployments to their
        kind.
        """
        if kind == "node":
            return aggregate(
                "group", NODE_KEYS, select((names.NODE_INFO.name, names.NODE_CPU_USAGE_CORES.name), selector)
            )
        level, keys, info = (
            ("namespace", NAMESPACE_KEYS, names.NAMESPACE_INFO)
            if kind == "namespace"
            else ("workload", WORKLOAD_KEYS, names.WORKLOAD_REPLICAS)
        )
        known = (info.name, record(level, self.catalogue.totals.pods, "count"))
        return aggregate("group", keys, select(known, selector))

    # -- when was it seen ----------------------------------------------------------------------------------------------
    def last_seen(self, metrics: Sequence[str], selector: Selector) -> str:
        """The end of the last five minutes of the clock, within 30 days, that have a sample of any of ``metrics``: Unix
        time, one row or none. To be asked at a multiple of ``LAST_SEEN_SECONDS``: nothing shorter is then overlooked.
        """
        seen = " or ".join(f"timestamp(last_over_time({metric}{braces(selector)}[5m]))" for metric in metrics)
        return f"max(max_over_time(({seen})[30d:5m]))"

    # -- parts ---------------------------------------------------------------------------------------------------------
    def _records(self, level: str) -> list[str]:
        return [record(level, metric, what) for metric, what in self.catalogue.totals.recorded()]

    def _computed(self, measure: Measure, source: str, by: Sequence[str], selector: Selector) -> str:
        window = self.windows.rate(source)
        rates = [aggregate("max", by, f"rate({select(metric, selector)}[{window}])") for metric in measure.counters]
        return rates[0] if len(rates) == 1 else share(*rates)

    def _sources(self, selector: Selector) -> str:
        """The age of every source's served reading: rows of cluster, node (scope node only) and source."""
        return aggregate(
            "max", ("__name__", *NODE_KEYS, "source"), select(names.SOURCE_SAMPLE_AGE_SECONDS.name, selector)
        )

    def _evaluation(self, selector: Selector) -> str:
        return aggregate("max", ("__name__", "cluster"), select(self.catalogue.totals.evaluation, selector))

    def _oom_kills(self, selector: Selector) -> str:
        # `increase` extrapolates to the window's edges and would make 7 kills 7.2. The counter only steps by whole
        # kills and starts at 0, so without a reset (an exporter's restart) last less first is exact.
        kills = f"{select(names.POD_OOM_KILLS.name, selector)}[{_OOM_WINDOW}]"
        exact = f"(max_over_time({kills}) - min_over_time({kills}) and resets({kills}) == 0)"
        return aggregate("max", POD_KEYS, f"{exact} or round(increase({kills}))")


def share(part: str, whole: str) -> str:
    """``part`` ÷ ``whole``; 0 where the whole is 0 (no period passed, so none was throttled), never NaN."""
    return f"(({part}) / ({whole} > 0) or ({whole} == 0))"


def uids(values: Iterable[str]) -> Selector:
    """A selector of pods by uids that came from the store."""
    return (one_of("uid", values),)
