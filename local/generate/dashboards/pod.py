"""One pod: its state, its usage beside requests and limits, its containers and volumes."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.common import BigValueTextMode

from local.generate.dashboards import frame, shared
from local.generate.dashboards.frame import Section, assembled
from local.generate.dashboards.panels import (
    ANY_IS_BAD,
    BYTES,
    CORES,
    COUNT,
    FILLING,
    MOMENT,
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

UID = "cloudmon-pod"
POD = q.pods(q.POD)
CONTAINER = q.Rows(q.POD, ("uid", "container"))
VOLUME = q.Rows(q.POD, ("uid", "volume"))
_WAITS = {"cpu_pressure_ratio": "CPU", "memory_pressure_ratio": "memory", "io_pressure_ratio": "I/O"}
_IDENTITY = {
    "cluster": "Cluster",
    "namespace": "Namespace",
    "workload_kind": "Kind",
    "workload": "Workload",
    "node": "Node",
    "qos_class": "QoS class",
    "host_network": "Host network",
    "uid": "UID",
}


def pod() -> model.Dashboard:
    return assembled(
        UID,
        "Pod",
        "One pod, and those that had its name before: usage beside requests and limits, containers, volumes, restarts.",
        (frame.namespace(), frame.pod()),
        (
            Section("Now", _now()),
            Section("Usage, requests and limits", _usage()),
            Section("Containers (of pods that have several)", _containers()),
            Section("Persistent volumes", _volumes()),
        ),
    )


def _now() -> list[Builder]:
    phase = q.latest(names.POD_PHASE, POD, ("phase",))
    killed = q.milliseconds(q.latest(names.POD_LAST_OOM_KILL_TIMESTAMP_SECONDS, POD, ("pod",)))
    started = q.milliseconds(q.latest(names.POD_START_TIME_SECONDS, POD, ("pod",)))
    return [
        number("Phase", "The phase that the pod is in.", COUNT, Line("{{phase}}", phase),
               text=BigValueTextMode.NAME),
        number("Ready", "Whether the pod's Ready condition is true.", COUNT,
               Line("Ready", q.latest(names.POD_READY, POD)), words=READY),
        number("Started", "When the kubelet took the pod on.", MOMENT, Line("Started", started)),
        number("Restarts", "Restarts of its containers in the range that is shown.", COUNT,
               Line("Restarts", q.increased(names.POD_CONTAINER_RESTARTS, POD)), levels=ANY_IS_BAD, decimals=0),
        number("OOM kills", "Containers killed for memory in the range that is shown.", COUNT,
               Line("OOM kills", q.increased(names.POD_OOM_KILLS, POD)), levels=ANY_IS_BAD, decimals=0),
        number("Last OOM kill", "When a container was last killed for memory. Most pods never had one.", MOMENT,
               Line("Last OOM kill", killed)),
        rows("What it is", "Where the pod runs and what it belongs to.", _IDENTITY,
             (Column("", q.labelled(names.POD_INFO, q.POD, tuple(_IDENTITY))),),
             links=(shared.TO_NODE, shared.TO_NAMESPACE, shared.TO_WORKLOAD), height=4),
    ]  # fmt: skip


def _usage() -> list[Builder]:
    def of(title: str, key: str) -> Line:
        return Line(title, q.drawn("pod", key, POD))

    return [
        graph("CPU", "CPU that the pod uses, beside what it requests and is limited to.", CORES,
              of("Usage", "cpu_cores"),
              Line("Requests", q.level(names.POD_CPU_REQUEST_CORES, POD)),
              Line("Limits", q.level(names.POD_CPU_LIMIT_CORES, POD))),
        graph("Memory", "Working set cannot be reclaimed at once, and is what a limit ends; usage has file cache too.",
              BYTES, of("Working set", "memory_working_set_bytes"), of("RSS", "memory_rss_bytes"),
              of("Usage", "memory_usage_bytes"),
              Line("Requests", q.level(names.POD_MEMORY_REQUEST_BYTES, POD)),
              Line("Limits", q.level(names.POD_MEMORY_LIMIT_BYTES, POD))),
        shared.throttled(q.drawn("pod", "cpu_throttled_ratio", POD), span=8),
        graph("Time throttled", "Seconds a second for which CPU limits held threads back; of several the sum.",
              SECONDS, Line("Held back", q.held_back_seconds(POD)), span=8),
        graph("Pressure", "Share of the time in which some task waited (PSI some), where the kubelet reports it.",
              SHARE, *(of(f"Waiting for {what}", key) for key, what in _WAITS.items()), span=8),
        graph("Network", "What the pod receives and sends; on the host's network it has no figures of its own.", RATE,
              of("Receive", "network_receive_bytes_per_second"), of("Transmit", "network_transmit_bytes_per_second"),
              span=8),
        graph("Disk", "What the pod reads from and writes to disks.", RATE,
              of("Read", "disk_read_bytes_per_second"), of("Write", "disk_write_bytes_per_second"), span=8),
        graph("Ephemeral storage", "Node disk that the pod uses: container layers, logs and emptyDir volumes.", BYTES,
              of("Used", "filesystem_used_bytes"), span=8),
    ]  # fmt: skip


def _containers() -> list[Builder]:
    by = ("container",)

    def line(title: str, metric: names.Metric) -> Line:
        return Line(f"{title}{{{{container}}}}", q.level(metric, CONTAINER, by))

    def column(title: str, metric: names.Metric, unit: str) -> Column:
        return Column(title, q.latest(metric, CONTAINER, ("cluster", *by)), unit)

    return [
        graph("CPU by container", "CPU that each container uses, beside what it requests and is limited to.", CORES,
              line("", names.CONTAINER_CPU_USAGE_CORES),
              line("Requests ", names.CONTAINER_CPU_REQUEST_CORES),
              line("Limits ", names.CONTAINER_CPU_LIMIT_CORES)),
        graph("Memory by container", "Working set of each container, beside what it requests and is limited to.", BYTES,
              line("", names.CONTAINER_MEMORY_WORKING_SET_BYTES),
              line("Requests ", names.CONTAINER_MEMORY_REQUEST_BYTES),
              line("Limits ", names.CONTAINER_MEMORY_LIMIT_BYTES)),
        rows("Containers", "Every container of the pod, where it has several: with one, the pod's figures are its own.",
             {"cluster": "Cluster", "container": "Container"},
             (column("CPU", names.CONTAINER_CPU_USAGE_CORES, CORES),
              column("CPU requests", names.CONTAINER_CPU_REQUEST_CORES, CORES),
              column("CPU limits", names.CONTAINER_CPU_LIMIT_CORES, CORES),
              column("Memory", names.CONTAINER_MEMORY_WORKING_SET_BYTES, BYTES),
              column("Memory requests", names.CONTAINER_MEMORY_REQUEST_BYTES, BYTES),
              column("Memory limits", names.CONTAINER_MEMORY_LIMIT_BYTES, BYTES)), height=6),
    ]  # fmt: skip


def _volumes() -> list[Builder]:
    by = ("persistentvolumeclaim",)
    full = q.of_whole(names.POD_VOLUME_USED_BYTES, names.POD_VOLUME_CAPACITY_BYTES,
                      q.Rows(q.POD, ("uid", "volume", "persistentvolumeclaim")), by)  # fmt: skip
    return [
        graph("Volumes", "What is used of each persistent volume claim, beside its size.", BYTES,
              Line("{{persistentvolumeclaim}}", q.level(names.POD_VOLUME_USED_BYTES, VOLUME, by)),
              Line("Capacity {{persistentvolumeclaim}}", q.level(names.POD_VOLUME_CAPACITY_BYTES, VOLUME, by)),
              span=16),
        number("Volumes in use", "What is used of each persistent volume claim.", SHARE,
               Line("{{persistentvolumeclaim}}", full), levels=FILLING, span=8),
    ]  # fmt: skip
