"""What was there within a window: which entities of a kind, and why a column of one may be empty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from promql import names
from promql.catalogue import LEVEL_OF, Kind, Totals, record
from promql.queries import NAMESPACE_KEYS, NODE_KEYS, ON_A_NODE, POD_KEYS, WORKLOAD_KEYS, aggregate, named, union
from promql.selectors import Selector, equal, select
from promql.shards import incomplete_within
from promql.timeseries.points import POD_SERIES_KEYS
from promql.timeseries.totals import within_kind
from promql.windows import duration

# Rows of ``cluster``: the store has it.
CLUSTERS: Final = "clusters"
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
# What tells which entities there were: each is named by one of the first, or by what was recorded of its pods.
_KNOWN_BY: Final[dict[Kind, tuple[str, ...]]] = {
    "pod": (names.POD_INFO.name, names.POD_READY.name),
    "node": (names.NODE_INFO.name, names.NODE_CPU_USAGE_CORES.name),
    "namespace": (names.NAMESPACE_INFO.name,),
    "deployment": (names.WORKLOAD_REPLICAS.name,),
}
_KNOWN_KEYS: Final[dict[Kind, tuple[str, ...]]] = {
    "pod": (*POD_SERIES_KEYS, "uid"),
    "node": NODE_KEYS,
    "namespace": NAMESPACE_KEYS,
    "deployment": ("cluster", "namespace", "workload"),
}
# How far before a window's end a reading still tells that its source was not silent. It bounds what the answer costs:
# the sources are those of every node.
_SOURCES_SECONDS: Final = 3600.0


def evidence(totals: Totals, kind: Kind, selector: Selector, window: float) -> str:
    """What was known of entities within the window (seconds), asked at its end: tells that they existed, and why a
    column is empty. Rows keep their metric names.

    Beside the entities' own rows: the sources that gave a reading (in the last hour of a longer window), and of
    totals, that they were recorded at all and the nodes that the pods are on.
    """
    selector, by = within_kind(kind, selector), ("__name__", *_EVIDENCE_KEYS[kind])
    metrics = [*_EVIDENCE[kind], *_recorded_evidence(totals, kind)]
    parts = [aggregate("max", by, f"last_over_time({select(metrics, selector)}[{duration(window)}])")]
    if kind in LEVEL_OF:
        homes = aggregate("max", (*by, "node"), select(names.POD_INFO.name, (*selector, ON_A_NODE)))
        chain = select((totals.evaluation, totals.collection))
        parts += [homes, aggregate("max", ("__name__", "cluster"), f"last_over_time({chain}[{duration(window)}])")]
    return union([*parts, aggregate("max", ("__name__", *NODE_KEYS, "source"), _whole_sources(window))])


def known(
    totals: Totals, kind: Kind, selector: Selector, window: float, held: Selector = (), phase: str | None = None
) -> str:
    """Which entities there were within the window (seconds), asked at its end: rows of their keys, pods with their uid
    too; and rows of ``CLUSTERS``.

    Of pods, all uids of the names of which one had what ``held`` says, and was in ``phase``, at any time within it.
    """
    metrics = [*_KNOWN_BY[kind]]
    if kind in LEVEL_OF:
        metrics.append(record(LEVEL_OF[kind], totals.pods, "count"))
    if kind == "pod":
        there = _there(_KNOWN_KEYS[kind], metrics, selector, window)
        if held or phase is not None:
            of_phase = equal(phase=phase)
            metrics = [names.POD_PHASE.name] if of_phase else metrics
            matching = _there(POD_SERIES_KEYS, metrics, (*selector, *held, *of_phase), window)
            there = f"{there} and on ({', '.join(POD_SERIES_KEYS)}) {matching}"
    else:
        there = _there(_KNOWN_KEYS[kind], metrics, within_kind(kind, (*selector, *held)), window)
    return union([there, named(aggregate("group", ("cluster",), _sources(window)), CLUSTERS)])


def _there(keys: Sequence[str], metrics: Sequence[str], selector: Selector, window: float) -> str:
    return aggregate("group", keys, f"last_over_time({select(metrics, selector)}[{duration(window)}])")


def _sources(window: float) -> str:
    return f"last_over_time({names.SOURCE_SAMPLE_AGE_SECONDS.name}[{_recent(window)}])"


def _whole_sources(window: float) -> str:
    """Of scope cluster, those of which every shard was heard of."""
    return f"{_sources(window)} unless on (cluster, source) {incomplete_within(_recent(window))}"


def _recent(window: float) -> str:
    return duration(min(window, _SOURCES_SECONDS))


def _recorded_evidence(totals: Totals, kind: Kind) -> list[str]:
    if kind not in LEVEL_OF:
        return []
    counts = (totals.pods, *totals.expected, names.POD_CPU_LIMIT_CORES.name)
    return [record(LEVEL_OF[kind], metric, "count") for metric in counts]
