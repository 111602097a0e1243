"""docs/metrics.md: every metric with its labels, unit and source, the recorded totals, and queries to begin with.

The words are in metrics.template.md; every table comes from where its content is decided: names and help texts from
``promql.names``, which endpoint gives what and when from ``exporter.kubelet``, the totals from the catalogue and the
rules, the facade's own from what it publishes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from string import Template
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from exporter.cluster.watch import DEFAULT_RHYTHM as WATCHES
from exporter.kubelet.endpoints import ENDPOINTS, Rhythm, Signal
from exporter.kubelet.rows import NODE, Counter, Entity, Level, PodName, Reading, Row
from exporter.kubelet.snapshot import node_usage, pods_usage
from exporter.kubelet.store import Store
from exporter.model import ContainerUsage, NodeUsage, PodUsage, Source, VolumeUsage
from facade.metrics import FacadeMetrics
from promql import names
from promql.catalogue import Catalogue, Totals, record
from promql.names import Metric
from promql.rules import COARSE_AGGREGATES
from promql.windows import Windows

TEMPLATE: Final = Path(__file__).with_name("metrics.template.md")
DEFAULTS: Final = Rhythm(scrape_interval=15.0, detail_interval=60.0, storage_interval=300.0)
_WINDOWS: Final = Windows()
_READ: Final = {
    Source.RESOURCE: "for every scrape",
    Source.DETAIL: f"every `DETAIL_INTERVAL` ({DEFAULTS.detail_interval:g} s)",
    Source.STORAGE: f"every `STORAGE_INTERVAL` ({DEFAULTS.storage_interval:g} s)",
}
_API_SERVER: Final = "API server"
_ABOUT_ITSELF: Final = ("source_", "pods_", "kubelet_")
# The fields of usage records are named as their metrics are, but for this one.
_PUBLISHED_AS: Final = {"network_interfaces": "network_interface_info"}
_SCOPES: Final = {"node": "node", "cluster": "cluster", "both": "node; cluster for pods that no node runs"}


def metrics_document() -> str:
    """The whole of docs/metrics.md."""
    totals = Catalogue.load().totals
    metrics = names.METRICS.values()
    tables = {
        "sources": _sources(),
        "node": _metric_table(_of("node_", metrics), kubelet_sources()),
        "pod": _metric_table([m for m in _of("pod_", metrics) if not _apart(m)], kubelet_sources()),
        "pod_apart": _metric_table([m for m in _of("pod_", metrics) if _apart(m)], kubelet_sources()),
        "container": _metric_table(_of("container_", metrics), kubelet_sources()),
        "cluster": _metric_table([*_of("workload_", metrics), *_of("namespace_", metrics)], {}),
        "exporter": _table(("metric", "type", "unit", "labels", "what it says"), map(_own_row, _about_itself(metrics))),
        "pod_series": str(len([m for m in _of("pod_", metrics) if not _apart(m)])),
        "container_series": str(len(_of("container_", metrics))),
        "levels": _levels(totals),
        "recorded": _recorded(totals),
        "coarse": ", ".join(f"`{aggregate}_5m`" for aggregate in COARSE_AGGREGATES),
        "facade": _facade_table(),
        "cpu_window": _WINDOWS.rate("resource"),
        "detail_window": _WINDOWS.rate("detail"),
        "watch_quoted": f"{WATCHES.quoted:g}",
        "expected_after": f"{totals.expected_after_seconds:g}",
    }
    return Template(TEMPLATE.read_text("utf-8")).substitute(tables)


# --- where the exporter's metrics come from ---------------------------------------------------------------------------
def kubelet_sources() -> dict[str, tuple[Source, tuple[Source, ...]]]:
    """By metric: the endpoint that is its first choice, and those that stand in for it.

    Found out from the exporter itself: one signal at a time is put into its store, and what comes out is of that one.
    """
    found: dict[str, tuple[Source, tuple[Source, ...]]] = {}
    for source, endpoint in ENDPOINTS.items():
        for signal in sorted(endpoint.serves):
            standing_in = tuple(other for other, one in ENDPOINTS.items() if signal in one.stands_in)
            found |= dict.fromkeys(_metrics_of(source, signal), (source, standing_in))
    return found


def _metrics_of(source: Source, signal: Signal) -> set[str]:
    """The metrics that a reading of nothing but ``signal`` gives."""
    rows: tuple[Row, ...] = (Counter(0.0, {"": 1.0}, stated_rate=1.0), Level(0.0, 1.0))
    entities = (NODE, Entity("pod", "u"), Entity("container", "u", "c"), Entity("volume", "u", "v", "claim"))
    found: set[str] = set()
    for row in rows:
        store = Store(DEFAULTS)
        store.absorb(Reading(source, 1.0, 0.0, {"u": PodName("n", "p")}, {one: {signal: row} for one in entities}), 0.0)
        found |= _given("node_", node_usage(store, 0.0))
        for pod in pods_usage(store, 0.0).values():
            found |= _given("pod_", pod)
            found |= {name for volume in pod.volumes for name in _given("pod_volume_", volume)}
            found |= {name for container in pod.containers.values() for name in _given("container_", container)}
    return found & names.METRICS.keys()


def _given(prefix: str, usage: NodeUsage | PodUsage | VolumeUsage | ContainerUsage) -> set[str]:
    """The full names of the metrics of those fields that have a value."""
    given = [field.name for field in fields(usage) if getattr(usage, field.name) not in (None, ())]
    return {f"{names.PREFIX}{prefix}{_PUBLISHED_AS.get(name, name)}" for name in given}


def _sources() -> str:
    rows = [
        (f"`{source}`", f"`{endpoint.path}`", _READ[source], f"{DEFAULTS.lifetime(source):g} s")
        for source, endpoint in ENDPOINTS.items()
    ]
    return _table(("source", "kubelet endpoint", "read", "quoted for at most"), rows)


# --- tables of metrics ------------------------------------------------------------------------------------------------
def _of(prefix: str, metrics: Iterable[Metric]) -> list[Metric]:
    return [metric for metric in metrics if metric.name.startswith(names.PREFIX + prefix)]


def _about_itself(metrics: Iterable[Metric]) -> list[Metric]:
    return [metric for metric in metrics if metric.name.removeprefix(names.PREFIX).startswith(_ABOUT_ITSELF)]


def _apart(metric: Metric) -> bool:
    """Whether only some pods have it, and it is not in the count of a pod's series: pressure, and volumes."""
    return "_pressure_" in metric.name or "_volume_" in metric.name


def _metric_table(metrics: Sequence[Metric], sources: dict[str, tuple[Source, tuple[Source, ...]]]) -> str:
    common = min((metric.labels for metric in metrics), key=len)

    def row(metric: Metric) -> tuple[str, ...]:
        more = [f"`{label}`" for label in metric.labels if label not in common]
        says = metric.help + (f" Also labelled {', '.join(more)}." if more else "")
        return f"`{metric.name}`", metric.type, metric.unit, _SCOPES[metric.scope], _source(metric, sources), says

    return _table(("metric", "type", "unit", "scope", "source", "what it says"), map(row, metrics))


def _source(metric: Metric, sources: dict[str, tuple[Source, tuple[Source, ...]]]) -> str:
    if metric.name not in sources:
        return _API_SERVER
    source, standing_in = sources[metric.name]
    return " else ".join(f"`{one}`" for one in (source, *standing_in))


def _own_row(metric: Metric) -> tuple[str, ...]:
    return f"`{metric.name}`", metric.type, metric.unit, ", ".join(f"`{name}`" for name in metric.labels), metric.help


def _facade_table() -> str:
    """What the facade publishes about itself, seen in what it gives after one request with one query."""
    metrics = FacadeMetrics()
    metrics.request_started()
    metrics.request_answered("/api/pods", "GET", 200, 0.1)
    metrics.query_ended(0.1, None)
    rows = []
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        if family.name.endswith("_created"):
            continue
        labels = {name: None for sample in family.samples for name in sample.labels if name != "le"}
        name = f"{family.name}_total" if family.type == "counter" else family.name
        rows.append((f"`{name}`", family.type, ", ".join(f"`{label}`" for label in labels), family.documentation))
    return _table(("metric", "type", "labels", "what it says"), rows)


# --- recorded totals --------------------------------------------------------------------------------------------------
def _levels(totals: Totals) -> str:
    rows = [
        (
            f"`{level.name}:`",
            ", ".join(f"`{label}`" for label in level.by),
            f"the totals of `{level.source}:`" if level.source else "the pods",
        )
        for level in totals.levels
    ]
    return _table(("level", "labels", "summed from"), rows)


def _recorded(totals: Totals) -> str:
    """Every record once; those of the chain's levels by one name with the levels in braces."""
    levels = "{" + ",".join(level.name for level in totals.levels) + "}"
    rows = [(f"`{record(levels, metric, what)}`", _meaning(totals, metric, what)) for metric, what in totals.recorded()]
    rows += [
        (
            f"`{totals.expected_pods}`",
            "1 for each pod that should report, by `uid` and the labels of `workload:`: what the counts look up",
        ),
        (f"`{record('node', totals.pods, 'count')}`", "the same pods of each node, by `cluster` and `node`"),
        (f"`{totals.evaluation}`", "when the chain was last evaluated while any exporter gave a reading, Unix time"),
        (f"`{totals.collection}`", "the same while the cluster-scope exporter said which pods there are"),
    ]
    return _table(("record", "what it is"), rows)


def _meaning(totals: Totals, metric: str, what: str) -> str:
    """What a record says, in words."""
    if metric == totals.pods:
        return "pods neither Succeeded nor Failed"
    if metric in totals.expected:
        return f"pods that should report{_restricted(totals.expected[metric])}"
    if what == "sum":
        return "sum over the pods that have it"
    if what == "count":
        expected = totals.expected_of(metric)
        return f"how many of `{expected}` have it" if expected else f"how many of `{totals.pods}` have it"
    if what == "sum_rate":
        source = next(source for counter, source in totals.rates if counter == metric)
        return f"increase per second over {_WINDOWS.rate(source)}, summed over the pods"
    ratio = next(one for one in totals.utilizations if (metric, what) in ((one.of, one.of_what), (one.to, one.to_what)))
    part = "numerator" if metric == ratio.of else "denominator"
    return f"{part} of `{ratio.key}`: sum over the pods that have both sides"


def _restricted(labels: Mapping[str, str]) -> str:
    return ": " + ", ".join(f"with `{label}` {value}" for label, value in labels.items()) if labels else ""


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
