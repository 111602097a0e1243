"""The cluster: is there room, what takes it, and does everything report."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model

from local.generate.dashboards import shared
from local.generate.dashboards.frame import Section, assembled
from local.generate.dashboards.panels import (
    ANY_IS_BAD,
    BYTES,
    CORES,
    COUNT,
    FILLING,
    RATE,
    READY,
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

UID = "cloudmon-overview"
NODES = q.nodes(q.CLUSTER)
PODS = q.pods(q.CLUSTER)
BY_NODE = ("cluster", "node")
BY_NAMESPACE = ("cluster", "namespace")
BY_POD = ("cluster", "namespace", "pod")


def overview() -> model.Dashboard:
    return assembled(
        UID,
        "Overview",
        "What the cluster uses of what it has, which namespaces and nodes use it, and whether everything reports.",
        (),
        (
            Section("Now", _now()),
            Section("Usage, requests and limits", _usage()),
            Section("By namespace", _namespaces()),
            Section("By node", [_node_table()]),
            Section("By pod", _pods()),
        ),
    )


def _now() -> list[Builder]:
    cpu = q.latest(names.NODE_CPU_ALLOCATABLE_CORES, NODES)
    memory = q.latest(names.NODE_MEMORY_ALLOCATABLE_BYTES, NODES)
    cpu_asked = q.total_now("cluster", names.POD_CPU_REQUEST_CORES, q.CLUSTER)
    memory_asked = q.total_now("cluster", names.POD_MEMORY_REQUEST_BYTES, q.CLUSTER)

    def share(title: str, description: str, query: q.Query) -> Builder:
        return number(title, description, SHARE, Line(title, query), levels=FILLING, span=3)

    return [
        share("CPU used", "CPU that the nodes use of what pods may request, over the nodes whose exporters report.",
              q.of_whole(names.NODE_CPU_USAGE_CORES, names.NODE_CPU_ALLOCATABLE_CORES, NODES)),
        share("CPU requested", "CPU that pods request, those that no node runs yet too, of what they may request.",
              q.ratio(cpu_asked, cpu)),
        share("Memory used", "Working set of the nodes, of what pods may request, over the nodes that report.",
              q.of_whole(names.NODE_MEMORY_WORKING_SET_BYTES, names.NODE_MEMORY_ALLOCATABLE_BYTES, NODES)),
        share("Memory requested", "Memory that pods request, those that no node runs yet too, of what they may.",
              q.ratio(memory_asked, memory)),
        number("Nodes", "Nodes that there are, and those that are ready.", COUNT,
               Line("Ready", q.latest(names.NODE_READY, NODES)), Line("All", q.counted(names.NODE_INFO, NODES))),
        shared.coverage("cluster", q.CLUSTER, span=5),
        number("OOM kills", "Containers killed for memory in the range that is shown.", COUNT,
               Line("OOM kills", q.increased(names.POD_OOM_KILLS, PODS)), levels=ANY_IS_BAD, span=3, decimals=0),
    ]  # fmt: skip


def _usage() -> list[Builder]:
    allocatable = {"cpu": names.NODE_CPU_ALLOCATABLE_CORES, "memory": names.NODE_MEMORY_ALLOCATABLE_BYTES}
    lines = {
        "cpu": ("cpu_cores", names.POD_CPU_REQUEST_CORES, names.POD_CPU_LIMIT_CORES),
        "memory": ("memory_working_set_bytes", names.POD_MEMORY_REQUEST_BYTES, names.POD_MEMORY_LIMIT_BYTES),
    }

    def of(what: str) -> list[Line]:
        key, requests, limits = lines[what]
        return [
            Line("Nodes", q.drawn("node", key, NODES)),
            Line("Pods", q.total("cluster", key, q.CLUSTER)),
            Line("Requests", q.total_of("cluster", requests, q.CLUSTER)),
            Line("Limits", q.total_of("cluster", limits, q.CLUSTER)),
            Line("Allocatable", q.level(allocatable[what], NODES)),
        ]

    return [
        graph("CPU", "What nodes and pods use, beside what pods request, are limited to and may request. "
              "Limits are those of the pods that have one.", CORES, *of("cpu")),
        graph("Memory", "Working set of nodes and pods, beside what pods request, are limited to and may request. "
              "Limits are those of the pods that have one.", BYTES, *of("memory")),
        graph("Network", "What the nodes' own interfaces receive and send.", RATE,
              Line("Receive", q.drawn("node", "network_receive_bytes_per_second", NODES)),
              Line("Transmit", q.drawn("node", "network_transmit_bytes_per_second", NODES)), span=8),
        graph("Disk", "What is read from and written to the nodes' disks.", RATE,
              Line("Read", q.drawn("node", "disk_read_bytes_per_second", NODES)),
              Line("Write", q.drawn("node", "disk_write_bytes_per_second", NODES)), span=8),
        shared.reporting("cluster", q.CLUSTER, span=8),
    ]  # fmt: skip


def _namespaces() -> list[Builder]:
    def top(key: str) -> Line:
        return Line("{{namespace}}", q.highest(10, q.total("namespace", key, q.CLUSTER, ("namespace",))))

    def column(title: str, metric: names.Metric, unit: str) -> Column:
        return Column(title, q.total_now("namespace", metric, q.CLUSTER, BY_NAMESPACE), unit)

    return [
        graph("CPU by namespace", "The ten namespaces that use most at each moment.", CORES, top("cpu_cores"),
              stacked=True),
        graph("Memory by namespace", "Working set of the ten namespaces that use most at each moment.", BYTES,
              top("memory_working_set_bytes"), stacked=True),
        rows("Namespaces", "Usage of every namespace beside what its pods request.",
             {"cluster": "Cluster", "namespace": "Namespace"},
             (column("CPU", names.POD_CPU_USAGE_CORES, CORES),
              column("CPU requests", names.POD_CPU_REQUEST_CORES, CORES),
              column("CPU limits", names.POD_CPU_LIMIT_CORES, CORES),
              column("Memory", names.POD_MEMORY_WORKING_SET_BYTES, BYTES),
              column("Memory requests", names.POD_MEMORY_REQUEST_BYTES, BYTES),
              column("Memory limits", names.POD_MEMORY_LIMIT_BYTES, BYTES),
              Column("Pods", q.pod_count("namespace", q.CLUSTER, BY_NAMESPACE))),
             links=(shared.TO_NAMESPACE,)),
    ]  # fmt: skip


def _node_table() -> Builder:
    def share(part: names.Metric, whole: names.Metric) -> q.Query:
        return q.of_whole(part, whole, NODES, BY_NODE)

    return rows(
        "Nodes", "Usage of every node, and its share of what pods may request (of the filesystem: of its size).",
        {"cluster": "Cluster", "node": "Node"},
        (Column("CPU", q.now("node", "cpu_cores", NODES, BY_NODE), CORES),
         Column("CPU share", share(names.NODE_CPU_USAGE_CORES, names.NODE_CPU_ALLOCATABLE_CORES), SHARE, gauge=True),
         Column("Memory", q.now("node", "memory_working_set_bytes", NODES, BY_NODE), BYTES),
         Column("Memory share", share(names.NODE_MEMORY_WORKING_SET_BYTES, names.NODE_MEMORY_ALLOCATABLE_BYTES), SHARE,
                gauge=True),
         Column("Filesystem share", share(names.NODE_FILESYSTEM_USED_BYTES, names.NODE_FILESYSTEM_CAPACITY_BYTES),
                SHARE, gauge=True),
         Column("Pods", q.node_pods(q.CLUSTER, BY_NODE)),
         Column("Ready", q.latest(names.NODE_READY, NODES, BY_NODE), words=READY)),
        links=(shared.TO_NODE,),
    )  # fmt: skip


def _pods() -> list[Builder]:
    labels = {"cluster": "Cluster", "namespace": "Namespace", "pod": "Pod"}

    def top(title: str, description: str, query: q.Query, unit: str) -> Builder:
        column = Column(title, q.highest(15, query), unit)
        return rows(title, description, labels, (column,), links=(shared.TO_POD,), span=8)

    return [
        top("Most CPU", "The 15 pods that use most.", q.now("pod", "cpu_cores", PODS, BY_POD), CORES),
        top("Most memory", "The 15 pods with the largest working set.",
            q.now("pod", "memory_working_set_bytes", PODS, BY_POD), BYTES),
        top("Most restarts", "The 15 pods whose containers restarted most often in the range that is shown.",
            q.increased(names.POD_CONTAINER_RESTARTS, PODS, BY_POD), COUNT),
    ]  # fmt: skip
