"""Schemas of entities, of lists of them, and of what ``metrics=`` leaves of a list's items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from facade.entities.pods import UTILIZATION
from facade.entities.totals import REPLICA_STATES
from facade.openapi.schemas import (
    AMOUNT,
    CLUSTER,
    COUNT,
    NAME,
    TEXT,
    TIME,
    Schema,
    array,
    described,
    missing_schema,
    null_paths,
    nullable,
    ref,
    signal_schema,
    strict,
)
from facade.params.lists import PHASES
from promql.catalogue import Catalogue, Kind, Signal
from promql.queries import ASKED_FOR

_BLOCK_UNITS: Final = {"cpu_cores": "Cores.", "memory_bytes": "Bytes.", "pods": "Pods."}
_IDENTITY: Final = ("name", "namespace", "cluster", "uid", "node", "workload", "phase")
_OPTIONAL: Final = ("cluster", "coverage")
# What the answer about one entity has after its ``missing``.
_BESIDE: Final = {"warnings": ref("Warnings"), "explain": ref("Explain")}
_LAST: Final = ("time", *_BESIDE)
_PODS: Final = described(nullable(COUNT), "Pods neither Succeeded nor Failed.")


def title(kind: Kind) -> str:
    """The kind as the names of components begin."""
    return kind.capitalize()


def entity_schemas(catalogue: Catalogue, kind: Kind) -> dict[str, Schema]:
    """The components of one kind: the entity alone and in a list, with its signals only, the list."""
    name, signals = title(kind), catalogue.of_kind(kind)
    item = _PROPERTIES[kind](signals)
    alone = {**_only_alone(kind), "time": described(TIME, "The moment of the numbers.")}
    return {
        f"{name}Item": _complete(item, signals, f"A {kind} in a list."),
        f"{name}Signals": _narrowed(item, signals, kind),
        name: _complete({**item, **alone, **_BESIDE}, signals, f"One {kind}."),
        f"{name}List": list_schema(name),
    }


def list_schema(name: str) -> Schema:
    """A list of the kind whose components begin with ``name``."""
    items = {"anyOf": [ref(f"{name}Item"), ref(f"{name}Signals")]}
    return strict(
        {
            "items": array(items, "With `metrics=` those signals only, else everything."),
            "total": described(COUNT, "How many the filters let through, on all pages together."),
            "time": described(TIME, "The moment of the numbers."),
            "next": described(TEXT, "With `limit`: the path of the following page, where there is one."),
            "partial": ref("Partial"),
            "warnings": ref("Warnings"),
            "explain": ref("Explain"),
        },
        optional=("next", "partial", "warnings", "explain"),
    )


def usage_schema(signals: Sequence[Signal], *, narrowed: bool = False) -> Schema:
    """The values of the signals; a signal that is optional is left out rather than null, unless it was asked for."""
    if narrowed:
        every = {signal.key: nullable(signal_schema(signal)) for signal in signals}
        return {**strict(every, optional=tuple(every)), "minProperties": 1}
    values = {
        signal.key: signal_schema(signal) if signal.optional else nullable(signal_schema(signal)) for signal in signals
    }
    return strict(values, optional=[signal.key for signal in signals if signal.optional])


def _complete(properties: Mapping[str, Schema], signals: Sequence[Signal], description: str) -> Schema:
    schema = strict(properties, description=description)
    keys = [key for key in null_paths(schema) if key != "last_oom_kill"]
    whole = {
        **{name: inner for name, inner in properties.items() if name not in _LAST},
        **_coverage(properties, [signal.key for signal in signals if signal.totals == "sum"]),
        "missing": missing_schema(keys),
        **{name: inner for name, inner in properties.items() if name in _LAST},
    }
    return strict(whole, optional=(*_OPTIONAL, *_BESIDE), description=description)


def _narrowed(properties: Mapping[str, Schema], signals: Sequence[Signal], kind: Kind) -> Schema:
    identity = {name: properties[name] for name in _IDENTITY if name in properties}
    narrow = {**identity, "usage": usage_schema(signals, narrowed=True)}
    keys = list(null_paths(strict(narrow)))
    summed = [signal.key for signal in signals if signal.totals == "sum"]
    coverage = _coverage(properties, summed) if kind in ("namespace", "deployment") else {}
    return strict(
        {**narrow, **coverage, "missing": missing_schema(keys)},
        optional=_OPTIONAL,
        description=f"A {kind} in a list with `metrics=`: its identity and those signals.",
    )


def _coverage(properties: Mapping[str, Schema], summed: Sequence[str]) -> dict[str, Schema]:
    """Which sums of the entity may be over fewer pods than all; a pod sums nothing."""
    if "uid" in properties:
        return {}
    keys = [*(() if "allocatable" in properties else summed), *ASKED_FOR]
    return {
        "coverage": {
            "type": "object",
            "description": "How many pods stand behind a sum, where they are fewer than all.",
            "propertyNames": {"enum": keys},
            "additionalProperties": ref("Coverage"),
            "minProperties": 1,
        }
    }


def _only_alone(kind: Kind) -> dict[str, Schema]:
    if kind != "pod":
        return {}
    return {"oom_kills": described(nullable(AMOUNT), "OOM kills of the last 24 hours.")}


def _amounts(keys: Sequence[str], description: str) -> Schema:
    return strict({key: described(nullable(AMOUNT), _BLOCK_UNITS[key]) for key in keys}, description=description)


def _ratios(keys: Sequence[str]) -> Schema:
    return strict({key: nullable(AMOUNT) for key in keys}, description="Ratios: 1 is all of it.")


def _pod(signals: Sequence[Signal]) -> dict[str, Schema]:
    workload = {"kind": described(TEXT, "Deployment, StatefulSet, DaemonSet, CronJob …"), "name": TEXT}
    return {
        "name": NAME,
        "namespace": NAME,
        "cluster": CLUSTER,
        "uid": NAME,
        "node": nullable(NAME),
        "workload": strict(workload, description="What it belongs to; a pod of nothing is its own."),
        "phase": nullable({"type": "string", "enum": list(PHASES)}),
        "ready": nullable({"type": "boolean"}),
        "restarts": described(nullable(COUNT), "Of its containers."),
        "started": nullable(TIME),
        "last_oom_kill": described(nullable(TIME), "null where there was none."),
        "usage": usage_schema(signals),
        "requests": _amounts(("cpu_cores", "memory_bytes"), "What the scheduler reserves for it."),
        "limits": _amounts(("cpu_cores", "memory_bytes"), "Where every container has a limit."),
        "utilization": _ratios(list(UTILIZATION)),
    }


def _node(signals: Sequence[Signal]) -> dict[str, Schema]:
    keys = ("cpu_cores", "memory_bytes", "pods")
    return {
        "name": NAME,
        "cluster": CLUSTER,
        "ready": nullable({"type": "boolean"}),
        "pods": _PODS,
        "age": described(nullable(AMOUNT), "Seconds from the kubelet's reading of CPU and memory to the last scrape."),
        "usage": usage_schema(signals),
        "capacity": _amounts(keys, "What it has."),
        "allocatable": _amounts(keys, "What it has for pods."),
        "requests": _amounts(keys[:2], "Sums over those of its pods that have one."),
        "limits": _amounts(keys[:2], "Sums over those of its pods that have one."),
        "utilization": _ratios(("cpu_of_allocatable", "memory_of_allocatable")),
    }


def _sums(signals: Sequence[Signal]) -> dict[str, Schema]:
    keys = ("cpu_cores", "memory_bytes")
    return {
        "usage": usage_schema(signals),
        "requests": _amounts(keys, "Sums over the pods that have one."),
        "limits": _amounts(keys, "Sums over the pods that have one."),
        "utilization": described(_ratios(list(UTILIZATION)), "Ratios of sums over the pods that have both values."),
    }


def _namespace(signals: Sequence[Signal]) -> dict[str, Schema]:
    deployments = described(nullable(COUNT), "Deployments, those of 0 replicas too.")
    return {"name": NAME, "cluster": CLUSTER, "pods": _PODS, "deployments": deployments, **_sums(signals)}


def _deployment(signals: Sequence[Signal]) -> dict[str, Schema]:
    states = {state: nullable(COUNT) for state in REPLICA_STATES}
    return {
        "name": NAME,
        "namespace": NAME,
        "cluster": CLUSTER,
        "replicas": strict(states),
        "pods": _PODS,
        **_sums(signals),
    }


_PROPERTIES: Final = {"pod": _pod, "node": _node, "namespace": _namespace, "deployment": _deployment}
