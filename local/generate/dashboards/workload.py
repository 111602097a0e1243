"""One workload: its replicas, its total, and its pods."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model

from local.generate.dashboards import frame, shared
from local.generate.dashboards.frame import Section, assembled
from local.generate.dashboards.panels import ANY_IS_BAD, COUNT, Builder, Line, graph, number
from promql import dashboards as q
from promql import names
from promql.selectors import Matcher

UID = "cloudmon-workload"
PODS = q.pods(q.WORKLOAD)


def workload() -> model.Dashboard:
    labels = {"cluster": "Cluster", "node": "Node", "namespace": "Namespace", "pod": "Pod"}
    return assembled(
        UID,
        "Workload",
        "One Deployment, StatefulSet, DaemonSet or other workload: usage beside requests and limits, replicas, pods.",
        (frame.namespace(), frame.workload_kind(), frame.workload()),
        (
            Section("Now", _now()),
            Section("Usage, requests and limits", shared.total_graphs("workload", q.WORKLOAD)),
            Section("Pods", [_replicas(), shared.reporting("workload", q.WORKLOAD),
                             *shared.by_pod(PODS),
                             shared.pod_table(PODS, labels, (shared.TO_POD, shared.TO_NODE))]),
        ),
    )  # fmt: skip


def _now() -> list[Builder]:
    return [
        shared.coverage("workload", q.WORKLOAD, span=4),
        *shared.utilizations("workload", q.WORKLOAD, span=3),
        number("Restarts", "Restarts of containers in the range that is shown.", COUNT,
               Line("Restarts", q.increased(names.POD_CONTAINER_RESTARTS, PODS)), levels=ANY_IS_BAD, decimals=0),
        number("OOM kills", "Containers killed for memory in the range that is shown.", COUNT,
               Line("OOM kills", q.increased(names.POD_OOM_KILLS, PODS)), levels=ANY_IS_BAD, decimals=0),
    ]  # fmt: skip


def _replicas() -> Builder:
    def state(name: str) -> Line:
        of = q.Rows((*q.WORKLOAD, Matcher("state", "=", name)), ("namespace", "workload_kind", "workload"))
        return Line(name.capitalize(), q.latest(names.WORKLOAD_REPLICAS, of))

    return graph(
        "Replicas",
        "Replicas by state, of Deployments, StatefulSets and DaemonSets.",
        COUNT,
        *(state(name) for name in ("desired", "ready", "available", "updated")),
    )
