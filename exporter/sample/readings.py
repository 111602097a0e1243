"""The sample fleet at a moment: the same records that a real kubelet and a real API server would lead to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from exporter.model import (
    ClusterSnapshot,
    ContainerUsage,
    NodeSnapshot,
    NodeUsage,
    Pod,
    PodUsage,
    Source,
    SourceState,
    VolumeUsage,
)
from exporter.sample import fleet
from exporter.sample.fleet import Behaviour
from exporter.sample.signals import Signal
from exporter.shard import WHOLE, Shard

# How long reading a source takes, and how often it is read: what a node of this size would show.
_DURATION_SECONDS: Final = {Source.RESOURCE: 0.041, Source.DETAIL: 0.058, Source.STORAGE: 0.127}
_INTERVAL_SECONDS: Final = {Source.RESOURCE: 10.0, Source.DETAIL: 60.0, Source.STORAGE: 300.0}
_CFS_PERIODS_PER_SECOND: Final = 10.0
# The second container of a pod has this share of its CPU and memory.
_SIDECAR_SHARE: Final = 0.06

Clock = Callable[[], float]


class SampleNode:
    """Scope node of the fleet: the readings of one node and its pods."""

    def __init__(self, node: str, clock: Clock, behaviours: Mapping[str, Behaviour]) -> None:
        self._node = node
        self._clock = clock
        self._behaviours = behaviours
        self._pods = tuple(pod for pod in fleet.PODS if pod.node == node)

    def items(self) -> tuple[Pod, ...]:
        now = self._clock()
        return tuple(_with_kills(pod, self._behaviours[pod.name], now) for pod in self._pods)

    def state(self) -> SourceState:
        return _api_state(Source.NODE_PODS, self._clock())

    def snapshot(self, deadline_seconds: float) -> NodeSnapshot:
        now = self._clock()
        pods = {pod.stats_uid: _pod_usage(pod, self._behaviours[pod.name], now) for pod in self._pods}
        sources = tuple(_kubelet_state(source, now) for source in _INTERVAL_SECONDS)
        return NodeSnapshot(_node_usage(self._behaviours[self._node], pods.values(), now), pods, sources)


class SampleCluster:
    """Scope cluster of the fleet, or one shard of it. What has no uid in the fleet goes by its kind and name."""

    def __init__(self, clock: Clock, shard: Shard = WHOLE) -> None:
        self._clock = clock
        self._pods = tuple(pod for pod in fleet.PODS if shard.keeps(pod.uid))
        self._nodes = tuple(node for node in fleet.NODE_RECORDS if shard.keeps(f"Node/{node.name}"))
        self._namespaces = tuple(name for name in fleet.NAMESPACES if shard.keeps(f"Namespace/{name}"))
        self._workloads = tuple(
            of for of in fleet.WORKLOADS if shard.keeps(f"{of.workload.kind}/{of.namespace}/{of.workload.name}")
        )

    def snapshot(self) -> ClusterSnapshot:
        now = self._clock()
        kinds = (
            Source.PODS,
            Source.NODES,
            Source.NAMESPACES,
            Source.DEPLOYMENTS,
            Source.STATEFULSETS,
            Source.DAEMONSETS,
        )
        sources = tuple(_api_state(source, now) for source in kinds)
        return ClusterSnapshot(self._pods, self._nodes, self._namespaces, self._workloads, sources)


def _kubelet_state(source: Source, now: float) -> SourceState:
    return SourceState(source, True, _DURATION_SECONDS[source], now % _INTERVAL_SECONDS[source])


def _api_state(source: Source, now: float) -> SourceState:
    # A quiet watch is heard from about once a minute.
    return SourceState(source, True, 0.012, now % 60.0)


def _with_kills(pod: Pod, behaviour: Behaviour, now: float) -> Pod:
    if not behaviour.leak_bytes:
        return pod
    kills = max(0, math.floor((now - fleet.CREATED) / fleet.OOM_PERIOD_SECONDS))
    last = fleet.CREATED + kills * fleet.OOM_PERIOD_SECONDS if kills else None
    return replace(pod, restarts=kills, oom_kills=kills, last_oom_kill_timestamp_seconds=last)


def _throughput(signal: Signal, now: float) -> float:
    """As of a real node: the counter's difference between two readings."""
    return signal.mean(_INTERVAL_SECONDS[Source.DETAIL], now)


def _pod_usage(pod: Pod, of: Behaviour, now: float) -> PodUsage:
    start = fleet.CREATED
    cpu_cores = of.cpu_cores.at(now)
    # A leak is slow first and fast at the end, like a cache that feeds on itself.
    leaked = of.leak_bytes * ((now - start) % fleet.OOM_PERIOD_SECONDS / fleet.OOM_PERIOD_SECONDS) ** 2
    working_set = of.memory_working_set_bytes.at(now) + leaked
    volume = of.volume_used_bytes
    throttled = of.throttled_share.total(start, now) if of.throttled_share is not None else None
    alive = max(0.0, now - start)
    return PodUsage(
        namespace=pod.namespace,
        name=pod.name,
        cpu_usage_cores=cpu_cores,
        cpu_usage_seconds_total=of.cpu_cores.total(start, now),
        cpu_throttled_seconds_total=None if throttled is None else 0.4 * throttled,
        cpu_periods_total=None if throttled is None else math.floor(_CFS_PERIODS_PER_SECOND * alive),
        cpu_throttled_periods_total=None if throttled is None else math.floor(_CFS_PERIODS_PER_SECOND * throttled),
        memory_working_set_bytes=math.floor(working_set),
        memory_usage_bytes=math.floor(working_set + of.memory_cache_bytes.at(now)),
        memory_rss_bytes=math.floor(0.85 * working_set),
        network_receive_bytes_total=math.floor(of.network_receive.total(start, now)),
        network_receive_bytes_per_second=_throughput(of.network_receive, now),
        network_transmit_bytes_total=math.floor(of.network_transmit.total(start, now)),
        network_transmit_bytes_per_second=_throughput(of.network_transmit, now),
        disk_read_bytes_total=math.floor(of.disk_read.total(start, now)),
        disk_read_bytes_per_second=_throughput(of.disk_read, now),
        disk_written_bytes_total=math.floor(of.disk_written.total(start, now)),
        disk_written_bytes_per_second=_throughput(of.disk_written, now),
        cpu_pressure_some_seconds_total=of.cpu_cores.total(start, now) * 0.08,
        memory_pressure_some_seconds_total=of.disk_read.total(start, now) * 1e-8,
        io_pressure_some_seconds_total=of.disk_written.total(start, now) * 1e-7,
        ephemeral_storage_used_bytes=math.floor(of.ephemeral_storage_bytes.at(now)),
        volumes=()
        if volume is None
        else (VolumeUsage("data", f"{pod.workload.name}-data", math.floor(volume.at(now)), fleet.VOLUME_BYTES),),
        containers=_containers(pod, cpu_cores, working_set),
    )


def _containers(pod: Pod, cpu_cores: float, working_set: float) -> dict[str, ContainerUsage]:
    first, *others = (container.name for container in pod.containers)
    usage = {name: ContainerUsage(cpu_cores * _SIDECAR_SHARE, math.floor(22 * fleet.MIB)) for name in others}
    main_memory = math.floor(working_set - 22 * fleet.MIB * len(others))
    usage[first] = ContainerUsage(cpu_cores * (1 - _SIDECAR_SHARE * len(others)), main_memory)
    return usage


def _node_usage(own: Behaviour, pods: Iterable[PodUsage], now: float) -> NodeUsage:
    """The node's own services and its pods together: a node's counter is never less than those of its pods."""
    start, usages = fleet.BOOTED, tuple(pods)

    def with_pods(name: str, of_own: float) -> float:
        return of_own + math.fsum(getattr(usage, name) for usage in usages)

    own_cpu = own.cpu_cores.total(start, now)
    own_memory = own.memory_working_set_bytes.at(now)
    working_set = math.floor(with_pods("memory_working_set_bytes", own_memory))
    own_written, own_read = own.disk_written.total(start, now), own.disk_read.total(start, now)
    receive, transmit = own.network_receive, own.network_transmit
    return NodeUsage(
        cpu_usage_cores=with_pods("cpu_usage_cores", own.cpu_cores.at(now)),
        cpu_usage_seconds_total=with_pods("cpu_usage_seconds_total", own_cpu),
        memory_working_set_bytes=working_set,
        memory_usage_bytes=math.floor(with_pods("memory_usage_bytes", own_memory + own.memory_cache_bytes.at(now))),
        memory_rss_bytes=math.floor(with_pods("memory_rss_bytes", 0.7 * own_memory)),
        memory_available_bytes=fleet.NODE_MEMORY_BYTES - working_set,
        network_receive_bytes_total=math.floor(with_pods("network_receive_bytes_total", receive.total(start, now))),
        network_receive_bytes_per_second=with_pods("network_receive_bytes_per_second", _throughput(receive, now)),
        network_transmit_bytes_total=math.floor(with_pods("network_transmit_bytes_total", transmit.total(start, now))),
        network_transmit_bytes_per_second=with_pods("network_transmit_bytes_per_second", _throughput(transmit, now)),
        disk_read_bytes_total=math.floor(with_pods("disk_read_bytes_total", own_read)),
        disk_read_bytes_per_second=with_pods("disk_read_bytes_per_second", _throughput(own.disk_read, now)),
        disk_written_bytes_total=math.floor(with_pods("disk_written_bytes_total", own_written)),
        disk_written_bytes_per_second=with_pods("disk_written_bytes_per_second", _throughput(own.disk_written, now)),
        cpu_pressure_some_seconds_total=with_pods("cpu_pressure_some_seconds_total", own_cpu * 0.06),
        memory_pressure_some_seconds_total=with_pods("memory_pressure_some_seconds_total", own_read * 1e-8),
        io_pressure_some_seconds_total=with_pods("io_pressure_some_seconds_total", own_written * 1e-7),
        filesystem_used_bytes=math.floor(
            with_pods("ephemeral_storage_used_bytes", own.ephemeral_storage_bytes.at(now))
        ),
        filesystem_capacity_bytes=fleet.NODE_FILESYSTEM_BYTES,
        network_interfaces=("eth0",),
    )
