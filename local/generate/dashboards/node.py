"""One node: what it has, what its pods ask for, what is used and by which of them."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model

from local.generate.dashboards import frame, shared
from local.generate.dashboards.frame import Section, assembled
from local.generate.dashboards.panels import (
    BYTES,
    CORES,
    COUNT,
    FILLING,
    RATE,
    READY,
    SECONDS,
    SHARE,
    Builder,
    Column,
    Line,
    graph,
    number,
    rows,
)
from promql import dashboards as q
from promql import names
from promql.catalogue import Signal
from promql.queries import ON_A_NODE

UID = "cloudmon-node"
NODE = q.nodes(q.NODE)
PODS = q.pods(q.NODE)
_PRESSURES = ("cpu_pressure_ratio", "memory_pressure_ratio", "io_pressure_ratio")
_INFO = ("kubelet_version", "container_runtime_version", "os_image", "kernel_version", "architecture", "internal_ip")


def node() -> model.Dashboard:
    return assembled(
        UID,
        "Node",
        "What one node has, what its pods request, what is used of it, and by which pods.",
        (frame.node(),),
        (
            Section("Now", _now()),
            Section("Usage, requests and limits", _usage()),
            Section("Pods", [*shared.by_pod(PODS, ("namespace", "pod")),
                             shared.pod_table(PODS, {"cluster": "Cluster", "namespace": "Namespace", "pod": "Pod"})]),
            Section("About", [_about()]),
        ),
    )  # fmt: skip


def _now() -> list[Builder]:
    def share(title: str, description: str, part: names.Metric, whole: names.Metric) -> Builder:
        return number(title, description, SHARE, Line(title, q.of_whole(part, whole, NODE)), levels=FILLING)

    age = q.latest(names.SOURCE_SAMPLE_AGE_SECONDS, q.Rows(q.NODE, ("source",)), ("source",))
    return [
        number("Ready", "Whether the node's Ready condition is true.", COUNT,
               Line("Ready", q.latest(names.NODE_READY, NODE)), words=READY, span=3),
        share("CPU", "CPU that is used of what pods may request.",
              names.NODE_CPU_USAGE_CORES, names.NODE_CPU_ALLOCATABLE_CORES),
        share("Memory", "Working set, of the memory that pods may request.",
              names.NODE_MEMORY_WORKING_SET_BYTES, names.NODE_MEMORY_ALLOCATABLE_BYTES),
        share("Filesystem", "What is used of the root filesystem.",
              names.NODE_FILESYSTEM_USED_BYTES, names.NODE_FILESYSTEM_CAPACITY_BYTES),
        number("Pods", "Pods that are not finished, and how many the node takes.", COUNT,
               Line("Pods", q.node_pods(q.NODE)),
               Line("Most", q.latest(names.NODE_PODS_ALLOCATABLE, NODE))),
        number("Age of readings", "How old the readings are that the node's exporter serves, by source.", SECONDS,
               Line("{{source}}", age), span=5),
    ]  # fmt: skip


def _usage() -> list[Builder]:
    return [
        graph("CPU", "CPU that the node and its pods use, beside what the pods request and are limited to.", CORES,
              Line("Node", q.drawn("node", "cpu_cores", NODE)),
              Line("Pods", q.drawn("pod", "cpu_cores", PODS)),
              *_bounds(names.POD_CPU_REQUEST_CORES, names.POD_CPU_LIMIT_CORES, names.NODE_CPU_ALLOCATABLE_CORES,
                       names.NODE_CPU_CAPACITY_CORES)),
        graph("Memory", "Working set of the node and of its pods, beside what the pods request and are limited to.",
              BYTES,
              Line("Node", q.drawn("node", "memory_working_set_bytes", NODE)),
              Line("Pods", q.drawn("pod", "memory_working_set_bytes", PODS)),
              *_bounds(names.POD_MEMORY_REQUEST_BYTES, names.POD_MEMORY_LIMIT_BYTES,
                       names.NODE_MEMORY_ALLOCATABLE_BYTES, names.NODE_MEMORY_CAPACITY_BYTES)),
        graph("Kinds of memory", "Working set cannot be reclaimed at once; usage has file cache too; RSS is anonymous.",
              BYTES,
              Line("Working set", q.drawn("node", "memory_working_set_bytes", NODE)),
              Line("Usage", q.drawn("node", "memory_usage_bytes", NODE)),
              Line("RSS", q.drawn("node", "memory_rss_bytes", NODE)),
              Line("Available", q.level(names.NODE_MEMORY_AVAILABLE_BYTES, NODE)), span=8),
        graph("Network", "What the node's own interfaces receive and send.", RATE,
              Line("Receive", q.drawn("node", "network_receive_bytes_per_second", NODE)),
              Line("Transmit", q.drawn("node", "network_transmit_bytes_per_second", NODE)), span=8),
        graph("Disk", "What is read from and written to the node's disks.", RATE,
              Line("Read", q.drawn("node", "disk_read_bytes_per_second", NODE)),
              Line("Write", q.drawn("node", "disk_write_bytes_per_second", NODE)), span=8),
        graph("Filesystem", "What is used of the root filesystem.", BYTES,
              Line("Used", q.drawn("node", "filesystem_used_bytes", NODE)),
              Line("Capacity", q.level(names.NODE_FILESYSTEM_CAPACITY_BYTES, NODE))),
        graph("Pressure", "Share of the time in which some task waited (PSI some), where the kubelet reports it.",
              SHARE, *(Line(_waits(q.CATALOGUE.signals[key]), q.drawn("node", key, NODE)) for key in _PRESSURES)),
    ]  # fmt: skip


def _bounds(requests: names.Metric, limits: names.Metric, room: names.Metric, size: names.Metric) -> list[Line]:
    return [
        Line("Requests", q.level(requests, PODS)),
        Line("Limits", q.level(limits, PODS)),
        Line("Allocatable", q.level(room, NODE)),
        Line("Capacity", q.level(size, NODE)),
    ]


def _waits(signal: Signal) -> str:
    what = signal.key.partition("_")[0]
    return f"Waiting for {what if what == 'memory' else {'cpu': 'CPU', 'io': 'I/O'}[what]}"


def _about() -> Builder:
    labels = {"cluster": "Cluster", "node": "Node", **{name: name.replace("_", " ").capitalize() for name in _INFO}}
    query = q.labelled(names.NODE_INFO, (*q.NODE, ON_A_NODE), tuple(labels))
    return rows("What runs on it", "What the node says of itself.", labels, (Column("", query),), height=4)
