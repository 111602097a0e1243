"""Every query of the facade, rendered from the catalogue: what is true now.

Shapes of the answers. A row stands for one *fact* of one entity. The fact's name is the row's ``signal`` label where it
has one (computed facts: ``or`` ignores metric names and would drop a computed row that agrees with another in its
labels), else its metric name. The entity is in the labels that the class of the query keeps (``POD_KEYS`` and so on).

Duplicates are removed in every query (``max by (…, uid)``): during a replacement two exporters, and with two Prometheus
servers two stores, give the same pod.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from promql import names
from promql.catalogue import LEVEL_OF, Catalogue, Kind, Measure, Signal, record
from promql.selectors import Matcher, Selector, braces, equal, select
from promql.shards import incomplete
from promql.windows import Windows

SIGNAL = "signal"
POD_KEYS = ("cluster", "node", "namespace", "pod", "uid", "workload_kind", "workload")
NODE_KEYS = ("cluster", "node")
NAMESPACE_KEYS = ("cluster", "namespace")
WORKLOAD_KEYS = ("cluster", "namespace", "workload_kind", "workload")

DEPLOYMENT = Matcher("workload_kind", "=", "Deployment")
ON_A_NODE = Matcher("node", "!=", "")
_NO_NODE = Matcher("node", "=", "")

# What is asked of a pod besides its signals, and the labels that carry an answer.
POD_FACTS = (
    names.POD_INFO,
    names.POD_PHASE,
    names.POD_CREATED_TIMESTAMP_SECONDS,
    names.POD_READY,
    names.POD_START_TIME_SECONDS,
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


@dataclass(frozen=True, slots=True)
class PodFacts:
    """What is asked of pods beside their signals: gauges, and two facts that look back."""

    gauges: tuple[names.Metric, ...] = POD_FACTS
    restarts: bool = True
    last_oom_kill: bool = True


EVERY_POD_FACT = PodFacts()


def identifying(signals: Iterable[Signal]) -> PodFacts:
    """What says who pods are and in which phase, and why one of ``signals`` may be missing."""
    gauges = [names.POD_INFO, names.POD_PHASE, names.POD_READY]
    if any(signal.limited for signal in signals):
        gauges.append(names.POD_CPU_LIMIT_CORES)
    return PodFacts(tuple(gauges), restarts=False, last_oom_kill=False)


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
    def pods(
        self,
        selector: Selector,
        signals: Sequence[Signal],
        facts: PodFacts = EVERY_POD_FACT,
        *,
        oom_kills: bool = False,
    ) -> str:
        """Everything about the pods that ``selector`` lets through, in one query: rows of ``POD_KEYS`` plus ``phase``
        and ``host_network``, and the rows of ``evaluations`` and ``sources``.
        """
        metrics = [fact.name for fact in facts.gauges] + [s.pod.gauge for s in signals if s.pod.gauge]
        parts = [aggregate("max", ("__name__", *POD_KEYS, *_POD_FACT_LABELS), select(metrics, selector))]
        parts += [named(self.computed(signal.pod, signal.source, POD_KEYS, selector), signal.key)
                  for signal in signals if not signal.pod.gauge]  # fmt: skip
        parts += self._looking_back(facts, POD_KEYS, selector)
        if oom_kills:
            parts.append(named(self._oom_kills(selector), OOM_KILLS))
        nodes = aggregate(
            "group", NODE_KEYS, select((names.POD_INFO.name, names.POD_READY.name), (*selector, ON_A_NODE))
        )
        own = f"{self._sources((ON_A_NODE,))} and on (cluster, node) {nodes}"
        return union([*parts, self.evaluations(), own, self._sources((_NO_NODE,))])

    def pods_in_parts(
        self, selector: Selector, signals: Sequence[Signal], facts: PodFacts = EVERY_POD_FACT
    ) -> list[str]:
        """The same as ``pods`` as one small query a fact, for lists of thousands: rows of (cluster, uid) but for the
        first, which says who is who (``POD_KEYS``) where scope cluster does, and has ``sources``. Of the others that
        are there, ``who`` tells.
        """
        identity = aggregate("max", ("__name__", *POD_KEYS, "host_network"), select(names.POD_INFO.name, selector))
        queries = [union([identity, self.sources()])]
        queries.append(
            aggregate("max", ("__name__", "cluster", "uid", "phase"), select(names.POD_PHASE.name, selector))
        )
        gauges = [fact.name for fact in facts.gauges if fact not in (names.POD_INFO, names.POD_PHASE)]
        gauges += [signal.pod.gauge for signal in signals if signal.pod.gauge]
        queries += [aggregate("max", ("__name__", "cluster", "uid"), select(metric, selector)) for metric in gauges]
        queries += [named(self.computed(signal.pod, signal.source, ("cluster", "uid"), selector), signal.key)
                    for signal in signals if not signal.pod.gauge]  # fmt: skip
        by = ("cluster", "uid")
        return [*queries, *self._looking_back(facts, by, selector)]

    def who(self, selector: Selector) -> str:
        """Who the pods are that their nodes know: rows of ``POD_KEYS``."""
        return aggregate("max", ("__name__", *POD_KEYS), select(names.POD_READY.name, selector))

    # -- nodes ---------------------------------------------------------------------------------------------------------
    def nodes(self, selector: Selector, signals: Sequence[Signal], *, brief: bool = False) -> str:
        """Everything about nodes: rows of ``NODE_KEYS``, sums and counts of what their pods ask for, and
        ``sources``. ``brief`` leaves it at which there are, ``signals`` and ``sources``.
        """
        measures = [(signal, signal.node) for signal in signals if signal.node]
        metrics = [measure.gauge for _, measure in measures if measure.gauge]
        if brief:
            metrics.insert(0, names.NODE_INFO.name)
        else:
            pods = record("node", self.catalogue.totals.pods, "count")
            metrics = [*(fact.name for fact in NODE_FACTS), *metrics, pods]
        parts = [aggregate("max", ("__name__", *NODE_KEYS), select(metrics, selector))]
        parts += [named(self.computed(measure, signal.source, NODE_KEYS, selector), signal.key)
                  for signal, measure in measures if not measure.gauge]  # fmt: skip
        for path, metric in () if brief else ASKED_FOR.items():
            once = aggregate("max", (*NODE_KEYS, "uid"), select(metric, (*selector, ON_A_NODE)))
            parts += [
                named(aggregate("sum", NODE_KEYS, once), path),
                named(aggregate("count", NODE_KEYS, once), f"{path}:count"),
            ]
        return union([*parts, self._sources((*selector, ON_A_NODE)), self._sources((_NO_NODE,)), self.evaluations()])

    # -- totals --------------------------------------------------------------------------------------------------------
    def totals(self, kind: Kind, selector: Selector, signals: Sequence[Signal] | None = None) -> str:
        """``namespaces`` or ``deployments``. With ``signals``, no more than which there are, and what those are made
        of.
        """
        if signals is None:
            return self.namespaces(selector) if kind == "namespace" else self.deployments(selector)
        keys, known = {
            "namespace": (NAMESPACE_KEYS, names.NAMESPACE_INFO.name),
            "deployment": (WORKLOAD_KEYS, names.WORKLOAD_REPLICAS.name),
        }[kind]
        own = selector if kind == "namespace" else (*selector, DEPLOYMENT)
        records = select((*self._records_of(LEVEL_OF[kind], signals), known), own)
        return union([aggregate("max", ("__name__", *keys), records), *self._around()])

    def namespaces(self, selector: Selector) -> str:
        """Recorded totals of namespaces, their Deployments, that they exist, and what scope cluster's sources say: rows
        of ``NAMESPACE_KEYS``.
        """
        totals = select((*self._records("namespace"), names.NAMESPACE_INFO.name), selector)
        desired = select(names.WORKLOAD_REPLICAS.name, (*selector, DEPLOYMENT, *equal(state="desired")))
        deployments = aggregate("count", NAMESPACE_KEYS, aggregate("max", (*NAMESPACE_KEYS, "workload"), desired))
        return union([
            aggregate("max", ("__name__", *NAMESPACE_KEYS), totals),
            named(deployments, "deployments"),
            *self._around(),
        ])  # fmt: skip

    def deployments(self, selector: Selector) -> str:
        """Recorded totals of Deployments and their replicas: rows of ``WORKLOAD_KEYS`` plus ``state``, and what scope
        cluster's sources say.
        """
        totals = select((*self._records("workload"), names.WORKLOAD_REPLICAS.name), (*selector, DEPLOYMENT))
        return union([
            aggregate("max", ("__name__", *WORKLOAD_KEYS, "state"), totals),
            *self._around(),
        ])  # fmt: skip

    def homes(self, selector: Selector, keys: Sequence[str]) -> str:
        """On which nodes the pods of each entity are, rows of ``keys`` and ``node``; and those nodes' ``sources``."""
        pods = select(names.POD_INFO.name, (*selector, ON_A_NODE))
        nodes = aggregate("group", NODE_KEYS, pods)
        return union([
            aggregate("group", tuple(dict.fromkeys((*keys, "node"))), pods),
            f"{self._sources((ON_A_NODE,))} and on (cluster, node) {nodes}",
        ])  # fmt: skip

    def exists(self, kind: Kind, selector: Selector) -> str:
        """What the store knows now of an entity, its pods aside: rows of its keys with their metric names.

        ``selector`` pins Deployments to their kind.
        """
        keys, known = {
            "node": (NODE_KEYS, (names.NODE_INFO.name, names.NODE_CPU_USAGE_CORES.name)),
            "pod": (POD_KEYS, (names.POD_INFO.name, names.POD_READY.name)),
            "namespace": (NAMESPACE_KEYS, (names.NAMESPACE_INFO.name, *self._records("namespace"))),
            "deployment": (WORKLOAD_KEYS, (names.WORKLOAD_REPLICAS.name, *self._records("workload"))),
        }[kind]
        return aggregate("max", ("__name__", *keys), select(known, selector))

    def owner(self, kind: Kind, selector: Selector) -> str:
        """Whether scope cluster knows an entity, and whether it has pods: rows of its keys with their metric names."""
        keys, known = {
            "node": (NODE_KEYS, names.NODE_INFO),
            "namespace": (NAMESPACE_KEYS, names.NAMESPACE_INFO),
            "deployment": (WORKLOAD_KEYS, names.WORKLOAD_REPLICAS),
        }[kind]
        metrics = (known.name, names.POD_INFO.name, names.POD_READY.name)
        return aggregate("max", ("__name__", *keys), select(metrics, selector))

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

    def _records_of(self, level: str, signals: Iterable[Signal]) -> list[str]:
        """What the totals of ``signals``, their coverage and the reasons of what they lack are made of."""
        totals = self.catalogue.totals
        columns = [(totals.pods, "count"), (totals.running, "count")]
        for signal in signals:
            if signal.pod.gauge:
                columns += [(signal.pod.gauge, "sum"), (signal.pod.gauge, "count")]
                columns.append((totals.expected_of(signal.pod.gauge) or totals.pods, "count"))
            else:
                columns += [(counter, "sum_rate") for counter in signal.pod.counters]
                columns.append((names.POD_CPU_LIMIT_CORES.name, "count"))
        return [record(level, metric, what) for metric, what in dict.fromkeys(columns)]

    def computed(self, measure: Measure, source: str, by: Sequence[str], selector: Selector) -> str:
        window = self.windows.rate(source)
        rates = [aggregate("max", by, f"rate({select(metric, selector)}[{window}])") for metric in measure.counters]
        return rates[0] if len(rates) == 1 else share(*rates)

    def sources(self) -> str:
        """The age of every source's served reading: rows of cluster, node (scope node only) and source.

        Of scope cluster, those that every shard serves.
        """
        return self._sources(())

    def _around(self) -> list[str]:
        """What a total is of: evaluations, which clusters there are, and scope cluster's sources. The sources of nodes
        are as many as there are nodes, and matter only where a total is missing (``homes``).
        """
        clusters = select(names.SOURCE_SAMPLE_AGE_SECONDS.name, (ON_A_NODE,))
        return [
            self.evaluations(),
            aggregate("max", ("__name__", "cluster"), clusters),
            self._sources((_NO_NODE,)),
        ]

    def _sources(self, selector: Selector) -> str:
        ages = select(names.SOURCE_SAMPLE_AGE_SECONDS.name, selector)
        if ON_A_NODE not in selector:
            ages += f" unless on (cluster, source) {incomplete()}"
        return aggregate("max", ("__name__", *NODE_KEYS, "source"), ages)

    def evaluations(self) -> str:
        """When the totals were recorded, and that it was known then which pods there are: rows of cluster."""
        totals = self.catalogue.totals
        return aggregate("max", ("__name__", "cluster"), select((totals.evaluation, totals.collection)))

    def _looking_back(self, facts: PodFacts, by: Sequence[str], selector: Selector) -> list[str]:
        restarts = [self.restarts(by, selector)] if facts.restarts else []
        return [*restarts, self._last_oom_kill(by, selector)] if facts.last_oom_kill else restarts

    def restarts(self, by: Sequence[str], selector: Selector) -> str:
        # The one counter whose present value is an answer. An exporter that was told to stop is scraped once more
        # without its counters, which ends their series until the next scrape of the one that took its place.
        metric = names.POD_CONTAINER_RESTARTS.name
        window = self.windows.level(0)
        return named(aggregate("max", by, f"last_over_time({select(metric, selector)}[{window}])"), metric)

    def _last_oom_kill(self, by: Sequence[str], selector: Selector) -> str:
        # When it happened does not change: an exporter that is silent, or has just started and knows of no kill before,
        # takes nothing back. Few pods have the series at all.
        metric = names.POD_LAST_OOM_KILL_TIMESTAMP_SECONDS.name
        return named(aggregate("max", by, f"last_over_time({select(metric, selector)}[{_OOM_WINDOW}])"), metric)

    def _oom_kills(self, selector: Selector) -> str:
        # `increase` extrapolates to the window's edges and would make 7 kills 7.2. The counter only steps by whole
        # kills and starts at 0, so without a reset (an exporter's restart) last less first is exact; with one, what
        # extrapolation added is cut off again (it never takes away; the thousandth is for the last bit of a sum).
        kills = f"{select(names.POD_OOM_KILLS.name, selector)}[{_OOM_WINDOW}]"
        exact = f"(max_over_time({kills}) - min_over_time({kills}) and resets({kills}) == 0)"
        return aggregate("max", POD_KEYS, f"{exact} or floor(increase({kills}) + 0.001)")


def share(part: str, whole: str) -> str:
    """``part`` ÷ ``whole``; 0 where the whole is 0 (no period passed, so none was throttled), never NaN."""
    return f"(({part}) / ({whole} > 0) or ({whole} == 0))"
