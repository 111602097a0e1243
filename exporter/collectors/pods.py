"""The rows of pods: what the kubelet measured of one, and what the API server says of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Final, Literal

from exporter.collectors.rows import Labels, Row, labels, with_labels
from exporter.model import Pod, PodUsage, Resources
from promql import names

ContainerSeries = Literal["several", "all", "none"]

# A field of PodUsage is published under its own name; what has no metric (identity, volumes, containers) is not.
_USAGE: Final = tuple(
    (metric, field.name)
    for field in fields(PodUsage)
    if (metric := names.METRICS.get(f"{names.PREFIX}pod_{field.name}")) is not None
)
_USAGE_WITHOUT_NETWORK: Final = tuple((metric, name) for metric, name in _USAGE if not name.startswith("network_"))


def pod_labels(pod: Pod) -> Labels:
    return labels(
        node=pod.node,
        namespace=pod.namespace,
        pod=pod.name,
        uid=pod.uid,
        workload_kind=pod.workload.kind,
        workload=pod.workload.name,
    )


def usage_rows(pod: Pod, base: Labels, usage: PodUsage) -> Iterator[Row]:
    """What the kubelet measured. The traffic of a pod on the host's network is the node's: it has none of its own."""
    for metric, name in _USAGE_WITHOUT_NETWORK if pod.host_network else _USAGE:
        value: float | None = getattr(usage, name)
        if value is not None:
            yield metric, base, value
    for volume in usage.volumes:
        pairs = with_labels(base, volume=volume.volume, persistentvolumeclaim=volume.persistentvolumeclaim)
        if volume.used_bytes is not None:
            yield names.POD_VOLUME_USED_BYTES, pairs, volume.used_bytes
        if volume.capacity_bytes is not None:
            yield names.POD_VOLUME_CAPACITY_BYTES, pairs, volume.capacity_bytes


def resource_rows(pod: Pod, base: Labels) -> Iterator[Row]:
    """Requests and limits in force; a finished pod holds none."""
    if pod.finished:
        return
    yield from _resources(base, pod.requests, names.POD_CPU_REQUEST_CORES, names.POD_MEMORY_REQUEST_BYTES)
    yield from _resources(base, pod.limits, names.POD_CPU_LIMIT_CORES, names.POD_MEMORY_LIMIT_BYTES)


def life_rows(pod: Pod, base: Labels) -> Iterator[Row]:
    """Readiness, start, restarts and kills of a pod."""
    yield names.POD_READY, base, float(pod.ready)
    if pod.started_timestamp_seconds is not None:
        yield names.POD_START_TIME_SECONDS, base, pod.started_timestamp_seconds
    yield names.POD_CONTAINER_RESTARTS, base, pod.restarts
    yield names.POD_OOM_KILLS, base, pod.oom_kills
    if pod.last_oom_kill_timestamp_seconds is not None:
        yield names.POD_LAST_OOM_KILL_TIMESTAMP_SECONDS, base, pod.last_oom_kill_timestamp_seconds


def container_rows(pod: Pod, base: Labels, usage: PodUsage | None, which: ContainerSeries) -> Iterator[Row]:
    """The series of a pod's containers, where it has several (one container equals its pod) or all are wanted."""
    if which == "none" or (which == "several" and len(pod.containers) < 2):
        return
    for container in pod.containers:
        pairs = with_labels(base, container=container.name)
        measured = usage.containers.get(container.name) if usage is not None else None
        if measured is not None and measured.cpu_usage_cores is not None:
            yield names.CONTAINER_CPU_USAGE_CORES, pairs, measured.cpu_usage_cores
        if measured is not None and measured.memory_working_set_bytes is not None:
            yield names.CONTAINER_MEMORY_WORKING_SET_BYTES, pairs, measured.memory_working_set_bytes
        if not pod.finished:
            requests, limits = container.requests, container.limits
            yield from _resources(
                pairs, requests, names.CONTAINER_CPU_REQUEST_CORES, names.CONTAINER_MEMORY_REQUEST_BYTES
            )
            yield from _resources(pairs, limits, names.CONTAINER_CPU_LIMIT_CORES, names.CONTAINER_MEMORY_LIMIT_BYTES)


def existence_rows(pod: Pod, base: Labels) -> Iterator[Row]:
    """That the pod exists, and what it is: scope cluster's part."""
    host_network = "true" if pod.host_network else "false"
    pairs = with_labels(base, host_network=host_network, qos_class=pod.qos_class, replicaset=pod.replicaset)
    yield names.POD_INFO, pairs, 1
    yield names.POD_CREATED_TIMESTAMP_SECONDS, base, pod.created_timestamp_seconds
    yield names.POD_PHASE, with_labels(base, phase=pod.phase), 1


def _resources(base: Labels, of: Resources, cpu: names.Metric, memory: names.Metric) -> Iterator[Row]:
    if of.cpu_cores is not None:
        yield cpu, base, of.cpu_cores
    if of.memory_bytes is not None:
        yield memory, base, of.memory_bytes
