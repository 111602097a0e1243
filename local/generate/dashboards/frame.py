"""What all dashboards have: identity, variables, links to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    Row,
)
from grafana_foundation_sdk.models import dashboard as model

from local.generate.dashboards.panels import DATA_SOURCE, Builder
from promql import names
from promql.dashboards import CLUSTER, NAMESPACE, label_values
from promql.selectors import Matcher

TAG: Final = "cloud-monitoring"
ALL: Final = model.VariableOption(text="All", value="$__all")


@dataclass(frozen=True, slots=True)
class Section:
    """A row with a title, and the panels below it."""

    title: str
    panels: Sequence[Builder]


def assembled(
    uid: str, title: str, description: str, variables: Sequence[QueryVariable], sections: Sequence[Section]
) -> model.Dashboard:
    """A dashboard with its panels laid out from left to right, 24 to a line, and numbered."""
    builder = (
        Dashboard(f"Cloud Monitoring / {title}")
        .uid(uid)
        .description(description)
        .tags([TAG])
        .editable()
        .timezone("browser")
        .time("now-3h", "now")
        .refresh("30s")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .link(_others())
        .with_variable(_data_source())
    )
    for variable in (_cluster(), *variables):
        builder.with_variable(variable)
    for section in sections:
        builder.with_row(Row(section.title))
        for panel in section.panels:
            builder.with_panel(panel)
    built = builder.build()
    for number, panel_or_row in enumerate(built.panels or [], 1):
        panel_or_row.id_val = number
    return built


def _others() -> DashboardLink:
    """A menu of all dashboards with the same tag; time and variables go along."""
    return (
        DashboardLink("Cloud Monitoring")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(True)
        .include_vars(True)
        .keep_time(True)
    )


def _data_source() -> DatasourceVariable:
    return DatasourceVariable("datasource").label("Data source").type("prometheus")


def _cluster() -> QueryVariable:
    """Which cluster. A store of one cluster may have no such label: then there is nothing to choose, and All is it."""
    query = label_values((names.SOURCE_SAMPLE_AGE_SECONDS,), "cluster")
    return _variable("cluster", "Cluster", query).include_all(True).all_value(".*").current(ALL)


def node() -> QueryVariable:
    """Which node: also one whose exporter is silent, or that only its exporter knows."""
    return _variable("node", "Node", label_values((names.NODE_INFO, names.NODE_CPU_USAGE_CORES), "node", CLUSTER))


def namespace() -> QueryVariable:
    query = label_values((names.NAMESPACE_INFO, names.POD_READY), "namespace", CLUSTER)
    return _variable("namespace", "Namespace", query)


def workload_kind() -> QueryVariable:
    query = label_values((names.WORKLOAD_REPLICAS, names.POD_INFO), "workload_kind", NAMESPACE)
    return _variable("workload_kind", "Kind", query)


def workload() -> QueryVariable:
    kind = Matcher("workload_kind", "=", "$workload_kind")
    query = label_values((names.WORKLOAD_REPLICAS, names.POD_INFO), "workload", (*NAMESPACE, kind))
    return _variable("workload", "Workload", query)


def pod() -> QueryVariable:
    return _variable("pod", "Pod", label_values((names.POD_INFO, names.POD_READY), "pod", NAMESPACE))


def _variable(name: str, label: str, query: str) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(label)
        .query(query)
        .datasource(DATA_SOURCE)
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
    )
