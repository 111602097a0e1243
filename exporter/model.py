"""What the exporter knows, as plain frozen records: the seam between reading, joining and publishing.

Units are in the names. ``None`` means that the source did not give the value: it is then not published (a value that
nobody measured is never a zero). Times are Unix seconds.

Two kinds of record meet here. *Usage* is what a kubelet measured (``NodeUsage``, ``PodUsage``); it is keyed by the uid
under which the kubelet lists the pod, which for a static pod is the ``kubernetes.io/config.hash`` of its mirror pod. A
*pod* is what the API server says (``Pod``); its ``stats_uid`` is the key of its usage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Source(StrEnum):
    """Where a reading comes from: the ``source`` label of everything the exporter says about itself."""

    # Scope node: the kubelet.
    RESOURCE = "resource"  # /stats/summary?only_cpu_and_memory=true: CPU, memory, pressure of CPU and memory
    DETAIL = "detail"  # /metrics/cadvisor: network, disk, throttling, pressure of I/O
    STORAGE = "storage"  # /stats/summary: filesystems, volumes, the name of the node's network interface
    # Scope node: the API server, this node's pods only.
    NODE_PODS = "node_pods"
    # Scope cluster: the API server.
    PODS = "pods"
    NODES = "nodes"
    NAMESPACES = "namespaces"
    DEPLOYMENTS = "deployments"
    STATEFULSETS = "statefulsets"
    DAEMONSETS = "daemonsets"


@dataclass(frozen=True, slots=True)
class SourceState:
    """One source as of now.

    ``up`` is whether the last read succeeded (None: never tried). ``sample_age_seconds`` is the age of the reading that
    is being served; None when none is (never read, or older than it may be quoted).
    """

    source: Source
    up: bool | None
    scrape_duration_seconds: float | None
    sample_age_seconds: float | None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a kubelet measured of a node or a pod. Totals never run backwards within one uid's life."""

    cpu_usage_cores: float | None = None
    cpu_usage_seconds_total: float | None = None
    memory_working_set_bytes: float | None = None
    memory_usage_bytes: float | None = None
    memory_rss_bytes: float | None = None
    network_receive_bytes_total: float | None = None
    network_receive_bytes_per_second: float | None = None
    network_transmit_bytes_total: float | None = None
    network_transmit_bytes_per_second: float | None = None
    disk_read_bytes_total: float | None = None
    disk_read_bytes_per_second: float | None = None
    disk_written_bytes_total: float | None = None
    disk_written_bytes_per_second: float | None = None
    # Pressure stall information, "some": seconds in which at least one task waited.
    cpu_pressure_some_seconds_total: float | None = None
    memory_pressure_some_seconds_total: float | None = None
    io_pressure_some_seconds_total: float | None = None


@dataclass(frozen=True, slots=True)
class NodeUsage(Usage):
    memory_available_bytes: float | None = None
    filesystem_used_bytes: float | None = None
    filesystem_capacity_bytes: float | None = None
    # The interfaces that the network figures add up; empty when there are none.
    network_interfaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VolumeUsage:
    volume: str
    persistentvolumeclaim: str
    used_bytes: float | None
    capacity_bytes: float | None


@dataclass(frozen=True, slots=True)
class ContainerUsage:
    cpu_usage_cores: float | None
    memory_working_set_bytes: float | None


@dataclass(frozen=True, slots=True)
class PodUsage(Usage):
    """A pod's row. ``namespace`` and ``name`` are the kubelet's; joining goes by uid alone."""

    namespace: str = ""
    name: str = ""
    cpu_throttled_seconds_total: float | None = None
    cpu_periods_total: float | None = None
    cpu_throttled_periods_total: float | None = None
    ephemeral_storage_used_bytes: float | None = None
    volumes: tuple[VolumeUsage, ...] = ()
    containers: Mapping[str, ContainerUsage] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeSnapshot:
    """Everything scope node measured, expired readings already left out. ``pods`` is keyed by the kubelet's uid."""

    node: NodeUsage
    pods: Mapping[str, PodUsage]
    sources: tuple[SourceState, ...]


@dataclass(frozen=True, slots=True)
class Resources:
    """Requests or limits in force; None where there is none."""

    cpu_cores: float | None = None
    memory_bytes: float | None = None


@dataclass(frozen=True, slots=True)
class Workload:
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Container:
    """One of a pod's running containers (native sidecars included) as the API server describes it."""

    name: str
    requests: Resources
    limits: Resources


@dataclass(frozen=True, slots=True)
class Pod:
    namespace: str
    name: str
    uid: str
    stats_uid: str
    node: str | None
    workload: Workload
    phase: str
    host_network: bool
    qos_class: str
    replicaset: str | None
    created_timestamp_seconds: float
    started_timestamp_seconds: float | None
    ready: bool
    restarts: int
    requests: Resources
    limits: Resources
    containers: tuple[Container, ...]
    # Both are kept by the watcher that saw the kills happen; see exporter/cluster.
    oom_kills: int = 0
    last_oom_kill_timestamp_seconds: float | None = None

    @property
    def finished(self) -> bool:
        return self.phase in ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class Node:
    """A node as the API server describes it. ``ready`` is None where the condition is Unknown or absent."""

    name: str
    ready: bool | None
    capacity: Resources
    capacity_pods: float | None
    allocatable: Resources
    allocatable_pods: float | None
    kubelet_version: str
    container_runtime_version: str
    os_image: str
    kernel_version: str
    architecture: str
    internal_ip: str


@dataclass(frozen=True, slots=True)
class WorkloadReplicas:
    namespace: str
    workload: Workload
    desired: int
    ready: int
    available: int
    updated: int


@dataclass(frozen=True, slots=True)
class ClusterSnapshot:
    """Everything scope cluster knows; a kind whose watch has been silent too long is empty, and its source says so."""

    pods: tuple[Pod, ...]
    nodes: tuple[Node, ...]
    namespaces: tuple[str, ...]
    workloads: tuple[WorkloadReplicas, ...]
    sources: tuple[SourceState, ...]
