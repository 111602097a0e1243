"""A pod as the API gives it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from facade.entities.facts import Facts, Gathered, Key, Sources, number
from facade.entities.missing import (
    NO_LIMIT,
    NO_REQUEST,
    NODE_PODS,
    NOT_COLLECTED,
    NOT_RUNNING,
    PodReasons,
    first,
)
from facade.instants import rfc3339
from facade.listing import Place
from promql import names
from promql.catalogue import Signal
from promql.queries import ASKED_FOR, OOM_KILLS

# utilization key → (usage key, path of what it is divided by)
UTILIZATION: Final = {
    "cpu_of_limit": ("cpu_cores", "limits.cpu_cores"),
    "cpu_of_request": ("cpu_cores", "requests.cpu_cores"),
    "memory_of_limit": ("memory_working_set_bytes", "limits.memory_bytes"),
    "memory_of_request": ("memory_working_set_bytes", "requests.memory_bytes"),
}
# Of requests and limits: (key, path, metric) of each.
_Block = tuple[tuple[str, str, str], ...]


def _block(name: str) -> _Block:
    paths = ((path.partition("."), path, metric) for path, metric in ASKED_FOR.items())
    return tuple((key, path, metric) for (of, _, key), path, metric in paths if of == name)


_REQUESTS: Final = _block("requests")
_LIMITS: Final = _block("limits")
# (utilization key, usage key, block and key of what it is divided by, that one's path)
_RATIOS: Final = tuple(
    (key, part, path.partition(".")[0], path.partition(".")[2], path) for key, (part, path) in UTILIZATION.items()
)


def pod_key(labels: Mapping[str, str]) -> Key | None:
    """Pods are their uids: names come again."""
    uid = labels.get("uid")
    return (labels.get("cluster", ""), uid) if uid else None


def latest_of_each_name(gathered: Gathered) -> list[Facts]:
    """The pods that there are, one of each name: while one is deleted and made again, both are in the store, and the
    younger is meant.
    """
    latest: dict[Key, Facts] = {}
    for pod in filter(is_present, gathered.entities.values()):
        name = pod_name(pod)
        if name not in latest or _created(pod) > _created(latest[name]):
            latest[name] = pod
    return list(latest.values())


def pod_name(pod: Facts) -> Key:
    """(cluster, namespace, name)"""
    labels = pod.labels
    return labels.get("cluster", ""), labels.get("namespace", ""), labels.get("pod", "")


def pod_place(pod: Facts) -> Place:
    cluster, namespace, name = pod_name(pod)
    return namespace, name, cluster, pod.labels["uid"]


def pod_value(pod: Facts, sources: Sources, key: Signal | str) -> float | None:
    """What pods are sorted by, as an answer gives it: a signal, ``restarts`` or ``started`` (Unix seconds)."""
    if isinstance(key, Signal):
        return pod.number(key.pod.gauge or key.key)
    if key == "restarts":
        return _restarts(pod, PodReasons(pod, sources))
    started = pod.values.get(names.POD_START_TIME_SECONDS.name)
    return None if started is None else round(started, 3)


def is_present(pod: Facts) -> bool:
    """Whether anyone says that the pod is there: its kills are told of for a day, and queries of one answer may differ
    by one scrape.
    """
    return names.POD_INFO.name in pod.values or names.POD_READY.name in pod.values


def named(pod: Facts) -> bool:
    """Whether anyone has said which pod it is; between two queries of one answer it may have come or gone."""
    return "pod" in pod.labels


def _created(pod: Facts) -> tuple[float, str]:
    created = pod.values.get(names.POD_CREATED_TIMESTAMP_SECONDS.name)
    if created is None:
        created = pod.values.get(names.POD_START_TIME_SECONDS.name, 0.0)
    return created, pod.labels.get("uid", "")


def brief_pod_entity(pod: Facts, sources: Sources, signals: Sequence[Signal], *, with_cluster: bool) -> dict[str, Any]:
    """Who the pod is, and those signals, each of them named by the request and therefore given, if as null."""
    missing: dict[str, str] = {}
    entity = _identity(pod, missing, with_cluster=with_cluster)
    entity["usage"] = _usage(pod, signals, PodReasons(pod, sources), missing, asked=True)
    entity["missing"] = missing
    return entity


def pod_entity(
    pod: Facts, sources: Sources, signals: Sequence[Signal], *, alone: bool, with_cluster: bool
) -> dict[str, Any]:
    """The pod's JSON. ``alone`` is the route of one pod, which counts its OOM kills too."""
    missing: dict[str, str] = {}
    reasons = PodReasons(pod, sources)
    entity = _identity(pod, missing, with_cluster=with_cluster)
    entity |= _status(pod, reasons, missing, alone=alone)
    entity["usage"] = usage = _usage(pod, signals, reasons, missing)
    entity["requests"] = requests = _asked_for(pod, _REQUESTS, reasons, missing)
    entity["limits"] = limits = _asked_for(pod, _LIMITS, reasons, missing)
    entity["utilization"] = _utilization(usage, {"requests": requests, "limits": limits}, missing)
    entity["missing"] = missing
    return entity


def _identity(pod: Facts, missing: dict[str, str], *, with_cluster: bool) -> dict[str, Any]:
    labels = pod.labels
    node, phase = labels.get("node") or None, pod.texts.get("phase")
    if node is None:
        missing["node"] = NOT_RUNNING
    if phase is None:
        missing["phase"] = NOT_COLLECTED
    cluster = {"cluster": labels.get("cluster", "")} if with_cluster else {}
    return {
        "name": labels["pod"],
        "namespace": labels["namespace"],
        **cluster,
        "uid": labels["uid"],
        "node": node,
        "workload": {"kind": labels.get("workload_kind", ""), "name": labels.get("workload", "")},
        "phase": phase,
    }


def _status(pod: Facts, reasons: PodReasons, missing: dict[str, str], *, alone: bool) -> dict[str, Any]:
    ready = pod.number(names.POD_READY.name)
    started = pod.values.get(names.POD_START_TIME_SECONDS.name)
    killed = pod.values.get(names.POD_LAST_OOM_KILL_TIMESTAMP_SECONDS.name)
    status: dict[str, Any] = {
        "ready": None if ready is None else bool(ready),
        "restarts": _restarts(pod, reasons),
        "started": None if started is None else rfc3339(started),
    }
    if alone:
        status["oom_kills"] = pod.number(OOM_KILLS)
    missing |= {key: reasons.status() for key, value in status.items() if value is None}
    # null means that there was none, and has no reason.
    status["last_oom_kill"] = None if killed is None else rfc3339(killed)
    return status


def _restarts(pod: Facts, reasons: PodReasons) -> int | float | None:
    # A count of some scrapes ago is only as good as the exporter that goes on saying so.
    return None if reasons.silent(NODE_PODS) else pod.number(names.POD_CONTAINER_RESTARTS.name)


def _usage(
    pod: Facts, signals: Iterable[Signal], reasons: PodReasons, missing: dict[str, str], *, asked: bool = False
) -> dict[str, int | float | None]:
    usage: dict[str, int | float | None] = {}
    values = pod.values
    for signal in signals:
        value = number(values.get(signal.pod.gauge or signal.key))
        if value is None and signal.optional and not asked:
            continue
        usage[signal.key] = value
        if value is None:
            missing[signal.key] = reasons.signal(signal)
    return usage


def _asked_for(
    pod: Facts, block_of: _Block, reasons: PodReasons, missing: dict[str, str]
) -> dict[str, int | float | None]:
    """Requests or limits by key; those that are not there are ``missing`` by path."""
    found: dict[str, int | float | None] = {}
    for key, path, metric in block_of:
        found[key] = value = number(pod.values.get(metric))
        if value is None:
            missing[path] = reasons.asked_for(path)
    return found


def _utilization(
    usage: Mapping[str, int | float | None],
    asked: Mapping[str, Mapping[str, int | float | None]],
    missing: dict[str, str],
) -> dict[str, float | None]:
    ratios: dict[str, float | None] = {}
    for key, part_key, block_name, whole_key, whole_path in _RATIOS:
        part, whole = usage.get(part_key), asked[block_name][whole_key]
        ratios[key] = ratio = part / whole if part is not None and whole else None
        if ratio is None:
            missing[key] = first(missing.get(part_key), missing.get(whole_path)) or _nothing_asked(whole_path)
    return ratios


def _nothing_asked(path: str) -> str:
    """A request or limit of 0 asks for nothing."""
    return NO_REQUEST if path.startswith("requests") else NO_LIMIT


def block(values: Mapping[str, int | float | None], prefix: str) -> dict[str, int | float | None]:
    """The values whose path is ``prefix.key``, by key."""
    return {path.removeprefix(f"{prefix}."): value for path, value in values.items() if path.startswith(f"{prefix}.")}
