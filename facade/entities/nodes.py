"""A node as the API gives it: its own series, and what its pods ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from facade.entities.facts import Facts, Key, Sources
from facade.entities.missing import NO_LIMIT, NO_REQUEST, NO_SAMPLES, NODE_PODS, NOT_COLLECTED, NOT_REPORTED
from facade.entities.pods import block
from facade.listing import Place
from promql import names
from promql.catalogue import Signal, Totals, record
from promql.queries import ASKED_FOR

_CAPACITY: Final = {
    "cpu_cores": names.NODE_CPU_CAPACITY_CORES.name,
    "memory_bytes": names.NODE_MEMORY_CAPACITY_BYTES.name,
    "pods": names.NODE_PODS_CAPACITY.name,
}
_ALLOCATABLE: Final = {
    "cpu_cores": names.NODE_CPU_ALLOCATABLE_CORES.name,
    "memory_bytes": names.NODE_MEMORY_ALLOCATABLE_BYTES.name,
    "pods": names.NODE_PODS_ALLOCATABLE.name,
}
# The source of CPU and memory: its age is the node's.
_AGE_OF: Final = "resource"


def node_key(labels: Mapping[str, str]) -> Key | None:
    node = labels.get("node")
    return (labels.get("cluster", ""), node) if node else None


def node_place(node: Facts) -> Place:
    return "", node.labels["node"], node.labels.get("cluster", ""), ""


def node_value(node: Facts, signal: Signal) -> float | None:
    """The signal as an answer gives it."""
    return node.number(signal.node.gauge or signal.key) if signal.node else None


def brief_node_entity(
    node: Facts, sources: Sources, signals: Sequence[Signal], *, with_cluster: bool
) -> dict[str, Any]:
    """The node's name and those signals, each of them named by the request and therefore given, if as null."""
    missing: dict[str, str] = {}
    entity: dict[str, Any] = {"name": node.labels["node"]}
    if with_cluster:
        entity["cluster"] = node.labels.get("cluster", "")
    entity["usage"] = _usage(node, sources, signals, missing, named=True)
    entity["missing"] = missing
    return entity


def node_entity(
    node: Facts, sources: Sources, signals: Sequence[Signal], totals: Totals, *, with_cluster: bool
) -> dict[str, Any]:
    """The node's JSON. What only the cluster-scope exporter knows is ``not_collected`` while that one is silent."""
    name, cluster = node.labels["node"], node.labels.get("cluster", "")
    missing: dict[str, str] = {}
    entity: dict[str, Any] = {"name": name, **({"cluster": cluster} if with_cluster else {})}
    ready = node.number(names.NODE_READY.name)
    entity["ready"] = None if ready is None else bool(ready)
    entity["pods"] = _pods(node, sources, totals)
    entity["age"] = sources.age(cluster, name, _AGE_OF)
    entity["usage"] = usage = _usage(node, sources, signals, missing)
    entity["capacity"] = {key: node.number(metric) for key, metric in _CAPACITY.items()}
    entity["allocatable"] = {key: node.number(metric) for key, metric in _ALLOCATABLE.items()}
    _explain_unknown(entity, missing, sources.collected(cluster, "nodes"))
    asked, coverage = _asked_for(node, sources, entity["pods"], missing)
    entity["requests"], entity["limits"] = block(asked, "requests"), block(asked, "limits")
    entity["utilization"] = _utilization(usage, entity["allocatable"], missing)
    if coverage:
        entity["coverage"] = coverage
    entity["missing"] = missing
    return entity


def _pods(node: Facts, sources: Sources, totals: Totals) -> int | float | None:
    """Pods neither Succeeded nor Failed; a node without any has no count of its own."""
    cluster = node.labels.get("cluster", "")
    counted = node.number(record("node", totals.pods, "count"))
    return 0 if counted is None and sources.counted(cluster) else counted


def _explain_unknown(entity: Mapping[str, Any], missing: dict[str, str], collected: bool) -> None:
    """Reasons of what only scope cluster knows; where it speaks, the node itself lacks what is null."""
    unknown = NOT_REPORTED if collected else NOT_COLLECTED
    if entity["ready"] is None:
        missing["ready"] = unknown
    if entity["pods"] is None:
        missing["pods"] = NOT_COLLECTED
    if entity["age"] is None:
        missing["age"] = NO_SAMPLES
    for name in ("capacity", "allocatable"):
        missing.update({f"{name}.{key}": unknown for key, value in entity[name].items() if value is None})


def _usage(
    node: Facts, sources: Sources, signals: Sequence[Signal], missing: dict[str, str], *, named: bool = False
) -> dict[str, int | float | None]:
    usage: dict[str, int | float | None] = {}
    for signal in signals:
        value = node_value(node, signal)
        if value is None and signal.optional and not named:
            continue
        usage[signal.key] = value
        if value is None:
            silent = sources.age(node.labels.get("cluster", ""), node.labels["node"], signal.source) is None
            missing[signal.key] = NO_SAMPLES if silent else NOT_REPORTED
    return usage


def _asked_for(
    node: Facts, sources: Sources, pods: float | None, missing: dict[str, str]
) -> tuple[dict[str, int | float | None], dict[str, list[int | float]]]:
    """What the node's pods request and are limited to, over the pods that have one, and how many of all those are."""
    asked: dict[str, int | float | None] = {}
    coverage: dict[str, list[int | float]] = {}
    silent = sources.age(node.labels.get("cluster", ""), node.labels["node"], NODE_PODS) is None
    for path in ASKED_FOR:
        total, count = node.number(path), node.number(f"{path}:count") or 0
        asked[path] = total if total is not None or pods != 0 else 0
        if asked[path] is None:
            missing[path] = NO_SAMPLES if silent else NO_REQUEST if path.startswith("requests") else NO_LIMIT
        if pods is not None and count < pods:
            coverage[path] = [count, pods]
    return asked, coverage


def _utilization(
    usage: Mapping[str, int | float | None],
    allocatable: Mapping[str, int | float | None],
    missing: dict[str, str],
) -> dict[str, float | None]:
    pairs = {
        "cpu_of_allocatable": ("cpu_cores", "cpu_cores"),
        "memory_of_allocatable": ("memory_working_set_bytes", "memory_bytes"),
    }
    ratios: dict[str, float | None] = {}
    for key, (part_key, whole_key) in pairs.items():
        part, whole = usage.get(part_key), allocatable[whole_key]
        ratios[key] = part / whole if part is not None and whole else None
        if ratios[key] is None:
            missing[key] = missing.get(part_key) or missing.get(f"allocatable.{whole_key}") or NOT_REPORTED
    return ratios
