"""Every metric that Cloud Monitoring publishes: name, type, labels, unit, help and scope, declared once.

The exporter publishes from this table, the catalogue and the rules refer to it, and docs/metrics.md is generated from
it. Names follow the Prometheus conventions (https://prometheus.io/docs/practices/naming/): base units, ``_total`` for
counters. ``cluster`` is not in any label set: it is a target label that the scrape configuration sets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

PREFIX: Final = "cloudmon_"
# The `job` of each kind of target, as every scrape configuration here sets it.
EXPORTER_JOB: Final = "cloudmon"
FACADE_JOB: Final = "cloudmon-facade"
PROMETHEUS_JOB: Final = "cloudmon-prometheus"
CLUSTER_INSTANCE: Final = "cluster"

Scope = Literal["node", "cluster", "both"]
MetricType = Literal["gauge", "counter"]

NODE_LABELS: Final = ("node",)
# `node` is absent while no node runs the pod.
POD_LABELS: Final = ("node", "namespace", "pod", "uid", "workload_kind", "workload")
CONTAINER_LABELS: Final = (*POD_LABELS, "container")
VOLUME_LABELS: Final = (*POD_LABELS, "volume", "persistentvolumeclaim")
WORKLOAD_LABELS: Final = ("namespace", "workload_kind", "workload")


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family. ``name`` is the full name of its samples, ``_total`` included."""

    name: str
    type: MetricType
    labels: tuple[str, ...]
    unit: str
    help: str
    scope: Scope


METRICS: dict[str, Metric] = {}


def _declare(name: str, type_: MetricType, labels: tuple[str, ...], unit: str, scope: Scope, help_: str) -> Metric:
    metric = Metric(PREFIX + name, type_, labels, unit, help_, scope)
    METRICS[metric.name] = metric
    return metric


def _node(name: str, unit: str, help_: str, scope: Scope = "node", extra: tuple[str, ...] = ()) -> Metric:
    return _declare(f"node_{name}", _type_of(name), (*NODE_LABELS, *extra), unit, scope, help_)


def _pod(name: str, unit: str, help_: str, scope: Scope = "node", extra: tuple[str, ...] = ()) -> Metric:
    return _declare(f"pod_{name}", _type_of(name), (*POD_LABELS, *extra), unit, scope, help_)


def _container(name: str, unit: str, help_: str) -> Metric:
    return _declare(f"container_{name}", _type_of(name), CONTAINER_LABELS, unit, "node", help_)


def _type_of(name: str) -> MetricType:
    return "counter" if name.endswith("_total") else "gauge"


# --- scope node: what the kubelet measured of its node ---------------------------------------------------------------
NODE_CPU_USAGE_CORES = _node("cpu_usage_cores", "cores", "CPU the node used, the kubelet's latest reading.")
NODE_CPU_USAGE_SECONDS = _node("cpu_usage_seconds_total", "seconds", "CPU time the node used since it started.")
NODE_MEMORY_WORKING_SET_BYTES = _node(
    "memory_working_set_bytes",
    "bytes",
    "Memory of the node that cannot be reclaimed at once: usage less inactive file cache.",
)
NODE_MEMORY_USAGE_BYTES = _node("memory_usage_bytes", "bytes", "Memory of the node in use, file cache included.")
NODE_MEMORY_RSS_BYTES = _node("memory_rss_bytes", "bytes", "Anonymous memory of the node's processes.")
NODE_MEMORY_AVAILABLE_BYTES = _node(
    "memory_available_bytes", "bytes", "Memory left on the node: capacity less working set."
)
NODE_NETWORK_RECEIVE_BYTES_PER_SECOND = _node(
    "network_receive_bytes_per_second", "bytes per second", "Bytes the node received, between its last two readings."
)
NODE_NETWORK_RECEIVE_BYTES = _node("network_receive_bytes_total", "bytes", "Bytes the node's own interfaces received.")
NODE_NETWORK_TRANSMIT_BYTES_PER_SECOND = _node(
    "network_transmit_bytes_per_second", "bytes per second", "Bytes the node sent, between its last two readings."
)
NODE_NETWORK_TRANSMIT_BYTES = _node("network_transmit_bytes_total", "bytes", "Bytes the node's own interfaces sent.")
NODE_NETWORK_INTERFACE_INFO = _node(
    "network_interface_info", "1", "An interface that the node's network figures count.", extra=("interface",)
)
NODE_DISK_READ_BYTES_PER_SECOND = _node(
    "disk_read_bytes_per_second", "bytes per second", "Bytes read from the node's disks, between its last two readings."
)
NODE_DISK_READ_BYTES = _node("disk_read_bytes_total", "bytes", "Bytes read from the node's disks.")
NODE_DISK_WRITTEN_BYTES_PER_SECOND = _node(
    "disk_written_bytes_per_second",
    "bytes per second",
    "Bytes written to the node's disks, between its last two readings.",
)
NODE_DISK_WRITTEN_BYTES = _node("disk_written_bytes_total", "bytes", "Bytes written to the node's disks.")
NODE_FILESYSTEM_USED_BYTES = _node("filesystem_used_bytes", "bytes", "Bytes used of the node's root filesystem.")
NODE_FILESYSTEM_CAPACITY_BYTES = _node("filesystem_capacity_bytes", "bytes", "Size of the node's root filesystem.")
NODE_CPU_PRESSURE_SECONDS = _node(
    "cpu_pressure_some_seconds_total", "seconds", "Time in which some task of the node waited for CPU (PSI some)."
)
NODE_MEMORY_PRESSURE_SECONDS = _node(
    "memory_pressure_some_seconds_total", "seconds", "Time in which some task of the node waited for memory (PSI some)."
)
NODE_IO_PRESSURE_SECONDS = _node(
    "io_pressure_some_seconds_total", "seconds", "Time in which some task of the node waited for I/O (PSI some)."
)

# --- scope node: what the kubelet measured of its pods ----------------------------------------------------------------
POD_CPU_USAGE_CORES = _pod("cpu_usage_cores", "cores", "CPU the pod used, the kubelet's latest reading.")
POD_CPU_USAGE_SECONDS = _pod("cpu_usage_seconds_total", "seconds", "CPU time the pod used since it started.")
POD_CPU_THROTTLED_SECONDS = _pod(
    "cpu_throttled_seconds_total", "seconds", "Time the pod was held back by its CPU limits."
)
POD_CPU_PERIODS = _pod("cpu_periods_total", "periods", "CFS periods in which the pod ran under a CPU limit.")
POD_CPU_THROTTLED_PERIODS = _pod(
    "cpu_throttled_periods_total", "periods", "CFS periods in which the pod was throttled."
)
POD_MEMORY_WORKING_SET_BYTES = _pod(
    "memory_working_set_bytes",
    "bytes",
    "Memory of the pod that cannot be reclaimed at once: usage less inactive file cache.",
)
POD_MEMORY_USAGE_BYTES = _pod("memory_usage_bytes", "bytes", "Memory of the pod in use, file cache included.")
POD_MEMORY_RSS_BYTES = _pod("memory_rss_bytes", "bytes", "Anonymous memory of the pod's processes.")
POD_NETWORK_RECEIVE_BYTES_PER_SECOND = _pod(
    "network_receive_bytes_per_second", "bytes per second", "Bytes the pod received, between its last two readings."
)
POD_NETWORK_RECEIVE_BYTES = _pod("network_receive_bytes_total", "bytes", "Bytes the pod received.")
POD_NETWORK_TRANSMIT_BYTES_PER_SECOND = _pod(
    "network_transmit_bytes_per_second", "bytes per second", "Bytes the pod sent, between its last two readings."
)
POD_NETWORK_TRANSMIT_BYTES = _pod("network_transmit_bytes_total", "bytes", "Bytes the pod sent.")
POD_DISK_READ_BYTES_PER_SECOND = _pod(
    "disk_read_bytes_per_second", "bytes per second", "Bytes the pod read from disks, between its last two readings."
)
POD_DISK_READ_BYTES = _pod("disk_read_bytes_total", "bytes", "Bytes the pod read from disks.")
POD_DISK_WRITTEN_BYTES_PER_SECOND = _pod(
    "disk_written_bytes_per_second", "bytes per second", "Bytes the pod wrote to disks, between its last two readings."
)
POD_DISK_WRITTEN_BYTES = _pod("disk_written_bytes_total", "bytes", "Bytes the pod wrote to disks.")
POD_EPHEMERAL_STORAGE_USED_BYTES = _pod(
    "ephemeral_storage_used_bytes", "bytes", "Node disk the pod uses: container layers, logs and emptyDir volumes."
)
POD_VOLUME_USED_BYTES = _pod(
    "volume_used_bytes", "bytes", "Bytes used of a persistent volume.", extra=("volume", "persistentvolumeclaim")
)
POD_VOLUME_CAPACITY_BYTES = _pod(
    "volume_capacity_bytes", "bytes", "Size of a persistent volume.", extra=("volume", "persistentvolumeclaim")
)
POD_CPU_PRESSURE_SECONDS = _pod(
    "cpu_pressure_some_seconds_total", "seconds", "Time in which some task of the pod waited for CPU (PSI some)."
)
POD_MEMORY_PRESSURE_SECONDS = _pod(
    "memory_pressure_some_seconds_total", "seconds", "Time in which some task of the pod waited for memory (PSI some)."
)
POD_IO_PRESSURE_SECONDS = _pod(
    "io_pressure_some_seconds_total", "seconds", "Time in which some task of the pod waited for I/O (PSI some)."
)

# --- what pods ask for, restart and are killed for: scope node, and scope cluster for pods that no node runs ----------
POD_CPU_REQUEST_CORES = _pod("cpu_request_cores", "cores", "CPU the scheduler reserves for the pod.", "both")
POD_CPU_LIMIT_CORES = _pod(
    "cpu_limit_cores", "cores", "CPU limit of the pod; absent unless every container has one.", "both"
)
POD_MEMORY_REQUEST_BYTES = _pod("memory_request_bytes", "bytes", "Memory the scheduler reserves for the pod.", "both")
POD_MEMORY_LIMIT_BYTES = _pod(
    "memory_limit_bytes", "bytes", "Memory limit of the pod; absent unless every container has one.", "both"
)
POD_READY = _pod("ready", "1", "Whether the pod's Ready condition is true (1) or not (0).")
POD_START_TIME_SECONDS = _pod("start_time_seconds", "seconds", "Unix time at which the kubelet acknowledged the pod.")
POD_CONTAINER_RESTARTS = _pod("container_restarts_total", "restarts", "Restarts of the pod's containers.")
POD_OOM_KILLS = _pod(
    "oom_kills_total", "kills", "Containers of the pod killed for memory since this exporter first saw them."
)
POD_LAST_OOM_KILL_TIMESTAMP_SECONDS = _pod(
    "last_oom_kill_timestamp_seconds",
    "seconds",
    "Unix time at which a container of the pod was last killed for memory.",
)

# --- per container ---------------------------------------------------------------------------------------------------
CONTAINER_CPU_USAGE_CORES = _container(
    "cpu_usage_cores", "cores", "CPU the container used, the kubelet's latest reading."
)
CONTAINER_MEMORY_WORKING_SET_BYTES = _container(
    "memory_working_set_bytes", "bytes", "Memory of the container that cannot be reclaimed at once."
)
CONTAINER_CPU_REQUEST_CORES = _container("cpu_request_cores", "cores", "CPU the container asks for.")
CONTAINER_CPU_LIMIT_CORES = _container("cpu_limit_cores", "cores", "CPU limit of the container in force.")
CONTAINER_MEMORY_REQUEST_BYTES = _container("memory_request_bytes", "bytes", "Memory the container asks for.")
CONTAINER_MEMORY_LIMIT_BYTES = _container("memory_limit_bytes", "bytes", "Memory limit of the container in force.")

# --- scope cluster: what exists ---------------------------------------------------------------------------------------
NODE_CPU_CAPACITY_CORES = _node("cpu_capacity_cores", "cores", "CPU the node has.", "cluster")
NODE_CPU_ALLOCATABLE_CORES = _node(
    "cpu_allocatable_cores", "cores", "CPU of the node that pods may request.", "cluster"
)
NODE_MEMORY_CAPACITY_BYTES = _node("memory_capacity_bytes", "bytes", "Memory the node has.", "cluster")
NODE_MEMORY_ALLOCATABLE_BYTES = _node(
    "memory_allocatable_bytes", "bytes", "Memory of the node that pods may request.", "cluster"
)
NODE_PODS_CAPACITY = _node("pods_capacity", "pods", "Pods the node can hold.", "cluster")
NODE_PODS_ALLOCATABLE = _node("pods_allocatable", "pods", "Pods of the node that may be scheduled.", "cluster")
NODE_READY = _node("ready", "1", "Whether the node's Ready condition is true (1) or not (0).", "cluster")
NODE_INFO = _node(
    "info",
    "1",
    "A node of the cluster and what runs on it.",
    "cluster",
    extra=("kubelet_version", "container_runtime_version", "os_image", "kernel_version", "architecture", "internal_ip"),
)
POD_INFO = _pod(
    "info",
    "1",
    "A pod of the cluster, whatever its phase.",
    "cluster",
    extra=("host_network", "qos_class", "replicaset"),
)
POD_CREATED_TIMESTAMP_SECONDS = _pod(
    "created_timestamp_seconds", "seconds", "Unix time at which the pod was created.", "cluster"
)
POD_PHASE = _pod("phase", "1", "The phase the pod is in: one series.", "cluster", extra=("phase",))
WORKLOAD_REPLICAS = _declare(
    "workload_replicas",
    "gauge",
    (*WORKLOAD_LABELS, "state"),
    "pods",
    "cluster",
    "Replicas of a Deployment, StatefulSet or DaemonSet by state: desired, ready, available, updated.",
)
NAMESPACE_INFO = _declare(
    "namespace_info", "gauge", ("namespace",), "1", "cluster", "A namespace of the cluster, empty ones too."
)

# --- about the exporter itself. Scope node adds its `node`; scope cluster has none. -----------------------------------
_SELF: Final = ("node", "source")
SOURCE_UP = _declare("source_up", "gauge", _SELF, "1", "both", "Whether the last read of the source succeeded.")
SOURCE_SCRAPE_DURATION_SECONDS = _declare(
    "source_scrape_duration_seconds", "gauge", _SELF, "seconds", "both", "How long the last read of the source took."
)
SOURCE_SAMPLE_AGE_SECONDS = _declare(
    "source_sample_age_seconds",
    "gauge",
    _SELF,
    "seconds",
    "both",
    "Age of the source's reading that is being served; absent while none is.",
)
SOURCE_ERRORS = _declare(
    "source_errors_total",
    "counter",
    (*_SELF, "stage", "reason"),
    "errors",
    "both",
    "Readings, or parts of one, that were lost: stage is connect, read, decode or join.",
)
SOURCE_SHARDS = _declare(
    "source_shards",
    "gauge",
    ("source",),
    "shards",
    "cluster",
    "Parts that the source's objects are shared out in, where there are several; this exporter serves one of them.",
)
PODS_SEEN = _declare("pods_seen", "gauge", ("node",), "pods", "both", "Pods the API server told this exporter of.")
PODS_WITHOUT_STATS = _declare(
    "pods_without_stats",
    "gauge",
    ("node",),
    "pods",
    "node",
    "Running pods of the node of which the kubelet gives no reading.",
)
INSECURE_TLS = _declare(
    "kubelet_tls_insecure", "gauge", ("node",), "1", "node", "1 while the kubelet's certificate is not verified."
)
