"""Panels that several dashboards show, each of its own pods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from local.generate.dashboards.panels import (
    BYTES,
    CORES,
    COUNT,
    FILLING,
    RATE,
    SHARE,
    Builder,
    Column,
    Line,
    Link,
    graph,
    number,
    rows,
)
from promql import dashboards as q
from promql import names
from promql.selectors import Selector

TO_NODE: Final = Link("node", "cloudmon-node", ("node",))
TO_NAMESPACE: Final = Link("namespace", "cloudmon-namespace", ("namespace",))
TO_WORKLOAD: Final = Link("workload", "cloudmon-workload", ("namespace", "workload_kind", "workload"))
TO_POD: Final = Link("pod", "cloudmon-pod", ("namespace", "pod"))
HERE: Final = "Limits are those of the pods that have one."
_UTILIZATIONS: Final = {
    "cpu_of_request": ("CPU of requests", "What the pods that request CPU use of it."),
    "cpu_of_limit": ("CPU of limits", "What the pods that have a CPU limit use of it."),
    "memory_of_request": ("Memory of requests", "Working set of the pods that request memory, of what they request."),
    "memory_of_limit": ("Memory of limits", "Working set of the pods that have a memory limit, of that limit."),
}


def coverage(at: q.TotalLevel, selector: Selector, span: int = 4) -> Builder:
    return number(
        "Pods",
        "Pods that are not finished, those of them that should report (running for a minute), and those that do.",
        COUNT,
        Line("All", q.pod_count(at, selector)),
        Line("Should report", q.should_report(at, selector)),
        Line("Report", q.reporting(at, selector)),
        span=span,
    )


def reporting(at: q.TotalLevel, selector: Selector, span: int = 12) -> Builder:
    return graph(
        "Pods that report",
        "Totals speak of the pods that report. Where these are fewer than those that should, totals lack the rest.",
        COUNT,
        Line("Should report", q.should_report(at, selector)),
        Line("Report", q.reporting(at, selector)),
        span=span,
    )


def utilizations(at: q.TotalLevel, selector: Selector, span: int = 4) -> list[Builder]:
    """The four ratios of the totals."""
    return [
        number(title, description, SHARE, Line(title, q.utilization(at, key, selector)), span=span,
               levels=FILLING if key.endswith("limit") else ())
        for key, (title, description) in _UTILIZATIONS.items()
    ]  # fmt: skip


def total_graphs(at: q.TotalLevel, selector: Selector) -> list[Builder]:
    """CPU and memory beside requests and limits, throttling, network, disk and ephemeral storage."""
    return [
        graph("CPU", f"CPU that the pods use, beside what they request and are limited to. {HERE}", CORES,
              Line("Usage", q.total(at, "cpu_cores", selector)),
              Line("Requests", q.total_of(at, names.POD_CPU_REQUEST_CORES, selector)),
              Line("Limits", q.total_of(at, names.POD_CPU_LIMIT_CORES, selector))),
        graph("Memory", f"Working set of the pods, beside what they request and are limited to. {HERE}", BYTES,
              Line("Working set", q.total(at, "memory_working_set_bytes", selector)),
              Line("Requests", q.total_of(at, names.POD_MEMORY_REQUEST_BYTES, selector)),
              Line("Limits", q.total_of(at, names.POD_MEMORY_LIMIT_BYTES, selector))),
        graph("Network", "What the pods receive and send; pods on the host's network have no figures of their own.",
              RATE, Line("Receive", q.total(at, "network_receive_bytes_per_second", selector)),
              Line("Transmit", q.total(at, "network_transmit_bytes_per_second", selector)), span=6),
        graph("Disk", "What the pods read from and write to disks.", RATE,
              Line("Read", q.total(at, "disk_read_bytes_per_second", selector)),
              Line("Write", q.total(at, "disk_write_bytes_per_second", selector)), span=6),
        graph("Ephemeral storage", "Node disk that the pods use: container layers, logs and emptyDir volumes.", BYTES,
              Line("Used", q.total(at, "filesystem_used_bytes", selector)), span=6),
        throttled(q.total(at, "cpu_throttled_ratio", selector), span=6),
    ]  # fmt: skip


def throttled(query: q.Query, span: int = 12) -> Builder:
    return graph(
        "CPU throttled",
        "Share of the scheduler's periods in which CPU limits held containers back. Without a limit there is none.",
        SHARE,
        Line("Throttled periods", query),
        span=span,
        most=1,
    )


def pod_table(rows_: q.Rows, labels: dict[str, str], links: Sequence[Link] = (TO_POD,)) -> Builder:
    """Every pod with its usage, requests, limits and restarts."""
    by = tuple(labels)

    def now(title: str, metric: names.Metric, unit: str) -> Column:
        return Column(title, q.latest(metric, rows_, by), unit)

    return rows(
        "Pods", "Every pod: usage, what it requests and is limited to, and restarts in the range that is shown.",
        labels,
        (now("CPU", names.POD_CPU_USAGE_CORES, CORES),
         now("CPU requests", names.POD_CPU_REQUEST_CORES, CORES),
         now("CPU limits", names.POD_CPU_LIMIT_CORES, CORES),
         now("Memory", names.POD_MEMORY_WORKING_SET_BYTES, BYTES),
         now("Memory requests", names.POD_MEMORY_REQUEST_BYTES, BYTES),
         now("Memory limits", names.POD_MEMORY_LIMIT_BYTES, BYTES),
         Column("Restarts", q.increased(names.POD_CONTAINER_RESTARTS, rows_, by))),
        links=links,
    )  # fmt: skip


def by_pod(rows_: q.Rows, labels: Sequence[str] = ("pod",), most: int = 10) -> list[Builder]:
    """CPU and memory of the pods that use most; ``labels`` tell them apart."""
    legend = "/".join(f"{{{{{label}}}}}" for label in labels)

    def line(key: str) -> Line:
        return Line(legend, q.highest(most, q.drawn("pod", key, rows_, labels)))

    return [
        graph("CPU by pod", f"The {most} pods that use most at each moment.", CORES, line("cpu_cores"), stacked=True),
        graph("Memory by pod", f"Working set of the {most} pods that use most at each moment.", BYTES,
              line("memory_working_set_bytes"), stacked=True),
    ]  # fmt: skip
