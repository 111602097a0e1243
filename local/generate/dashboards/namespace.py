"""One namespace: its total, and the workloads that make it."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model

from local.generate.dashboards import frame, shared
from local.generate.dashboards.frame import Section, assembled
from local.generate.dashboards.panels import (
    ANY_IS_BAD,
    BYTES,
    CORES,
    COUNT,
    Builder,
    Column,
    Line,
    graph,
    number,
    rows,
)
from promql import dashboards as q
from promql import names
from promql.selectors import Matcher

UID = "cloudmon-namespace"
PODS = q.pods(q.NAMESPACE)
BY = ("cluster", "namespace", "workload_kind", "workload")


def namespace() -> model.Dashboard:
    return assembled(
        UID,
        "Namespace",
        "What one namespace uses of what its pods request and are limited to, and by which workloads.",
        (frame.namespace(),),
        (
            Section("Now", _now()),
            Section("Usage, requests and limits", shared.total_graphs("namespace", q.NAMESPACE)),
            Section("Workloads", _workloads()),
        ),
    )


def _now() -> list[Builder]:
    kills = q.increased(names.POD_OOM_KILLS, PODS)
    return [
        shared.coverage("namespace", q.NAMESPACE, span=5),
        *shared.utilizations("namespace", q.NAMESPACE),
        number("OOM kills", "Containers killed for memory in the range that is shown.", COUNT,
               Line("OOM kills", kills), levels=ANY_IS_BAD, span=3, decimals=0),
    ]  # fmt: skip


def _workloads() -> list[Builder]:
    def top(key: str) -> Line:
        query = q.total("workload", key, q.NAMESPACE, ("workload_kind", "workload"))
        return Line("{{workload_kind}} {{workload}}", q.highest(10, query))

    def column(title: str, metric: names.Metric, unit: str) -> Column:
        return Column(title, q.total_now("workload", metric, q.NAMESPACE, BY), unit)

    def replicas(state: str) -> q.Query:
        of = q.Rows((*q.NAMESPACE, Matcher("state", "=", state)), ())
        return q.latest(names.WORKLOAD_REPLICAS, of, BY)

    return [
        graph("CPU by workload", "The ten workloads that use most at each moment.", CORES, top("cpu_cores"),
              stacked=True),
        graph("Memory by workload", "Working set of the ten workloads that use most at each moment.", BYTES,
              top("memory_working_set_bytes"), stacked=True),
        rows("Workloads", "Every workload: usage, requests and limits of its pods, and its replicas where it has any.",
             {"namespace": "Namespace", "cluster": "Cluster", "workload_kind": "Kind", "workload": "Workload"},
             (column("CPU", names.POD_CPU_USAGE_CORES, CORES),
              column("CPU requests", names.POD_CPU_REQUEST_CORES, CORES),
              column("CPU limits", names.POD_CPU_LIMIT_CORES, CORES),
              column("Memory", names.POD_MEMORY_WORKING_SET_BYTES, BYTES),
              column("Memory requests", names.POD_MEMORY_REQUEST_BYTES, BYTES),
              column("Memory limits", names.POD_MEMORY_LIMIT_BYTES, BYTES),
              Column("Desired", replicas("desired")),
              Column("Ready", replicas("ready"))),
             links=(shared.TO_WORKLOAD,)),
        shared.reporting("namespace", q.NAMESPACE, span=24),
    ]  # fmt: skip
