"""Cloud Monitoring itself: does every exporter answer, how old is what it says, how do facade and Prometheus do."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model

from local.generate.dashboards.frame import Section, assembled
from local.generate.dashboards.panels import (
    ANY_IS_BAD,
    BYTES,
    CORES,
    COUNT,
    SECONDS,
    SHARE,
    Builder,
    Column,
    Line,
    graph,
    number,
    rows,
)
from local.generate.dashboards.shared import reporting
from promql import dashboards as q
from promql import names
from promql.queries import ON_A_NODE

UID = "cloudmon-health"
_A_SECOND = "suffix: /s"
SOURCE = q.Rows(q.CLUSTER, ("instance", "source"))
EXPORTER = q.Rows(q.CLUSTER, ("instance",))


def health() -> model.Dashboard:
    return assembled(
        UID,
        "Own health",
        "Whether Cloud Monitoring can be believed: exporters, the age of readings, the API, Prometheus and rules.",
        (),
        (
            Section("Now", _now()),
            Section("Exporters", _exporters()),
            Section("API", _facade()),
            Section("Prometheus", _prometheus()),
        ),
    )


def _now() -> list[Builder]:
    up = q.own_up(names.EXPORTER_JOB)
    return [
        number("Exporters", "Exporters that Prometheus knows, and those that answered the last scrape.", COUNT,
               Line("Up", q.Query(f"sum({up.expr})")), Line("All", q.Query(f"count({up.expr})"))),
        number("Sources down", "Kubelet endpoints and watches whose last reading failed.", COUNT,
               Line("Down", q.sources_down()), levels=ANY_IS_BAD, decimals=0),
        number("Pods without readings", "Running pods of which their kubelet gives none.", COUNT,
               Line("Pods", q.latest(names.PODS_WITHOUT_STATS, EXPORTER)), levels=ANY_IS_BAD, decimals=0),
        number("Kubelets not verified", "Exporters that do not verify their kubelet's certificate.", COUNT,
               Line("Exporters", q.latest(names.INSECURE_TLS, EXPORTER)), levels=ANY_IS_BAD, decimals=0),
        number("API up", "Facades that Prometheus knows, and those that answered the last scrape.", COUNT,
               Line("Up", q.Query(f"sum({q.own_up(names.FACADE_JOB).expr})")),
               Line("All", q.Query(f"count({q.own_up(names.FACADE_JOB).expr})"))),
        number("Series", "Series that Prometheus holds in memory.", COUNT,
               Line("Series", q.own("prometheus_tsdb_head_series", names.PROMETHEUS_JOB))),
    ]  # fmt: skip


def _exporters() -> list[Builder]:
    def oldest(metric: names.Metric) -> Line:
        return Line("{{source}}", q.most(metric, q.CLUSTER, ("source",)))

    return [
        graph("Age of readings", "The oldest reading that is served of each source, of all exporters.", SECONDS,
              oldest(names.SOURCE_SAMPLE_AGE_SECONDS)),
        graph("Time of a reading", "How long the slowest last reading of each source took, of all exporters.", SECONDS,
              oldest(names.SOURCE_SCRAPE_DURATION_SECONDS)),
        graph("Failed readings", "Readings, or parts of one, that were lost, by source.", _A_SECOND,
              Line("{{source}}", q.source_errors()), span=8),
        graph("Time of a scrape", "How long Prometheus waited for the slowest exporter of each job.", SECONDS,
              Line("Slowest", q.scrape_seconds(names.EXPORTER_JOB)), span=8),
        reporting("cluster", q.CLUSTER, span=8),
        graph("Pods seen", "Pods of which the API server told the exporters, and those without readings.", COUNT,
              Line("Seen", q.level(names.PODS_SEEN, q.Rows((*q.CLUSTER, ON_A_NODE), ("node",)))),
              Line("Without readings", q.level(names.PODS_WITHOUT_STATS, q.nodes(q.CLUSTER))), span=8),
        graph("CPU of exporters", "CPU of all exporters together.", CORES,
              Line("Exporters", q.own_rate("process_cpu_seconds_total", names.EXPORTER_JOB)), span=8),
        graph("Memory of exporters", "Resident memory: of the largest exporter, and of all.", BYTES,
              Line("Largest", q.own_most("process_resident_memory_bytes", names.EXPORTER_JOB)),
              Line("All", q.own("process_resident_memory_bytes", names.EXPORTER_JOB)), span=8),
        rows("Sources", "Every exporter's sources: whether the last reading succeeded, its age and how long it took.",
             {"cluster": "Cluster", "instance": "Exporter", "source": "Source"},
             (Column("Age", q.latest(names.SOURCE_SAMPLE_AGE_SECONDS, SOURCE, _BY_SOURCE), SECONDS),
              Column("Took", q.latest(names.SOURCE_SCRAPE_DURATION_SECONDS, SOURCE, _BY_SOURCE), SECONDS),
              Column("Last reading", q.latest(names.SOURCE_UP, SOURCE, _BY_SOURCE),
                     words={"1": "Good", "0": "Failed"}))),
    ]  # fmt: skip


_BY_SOURCE = ("cluster", "instance", "source")


def _facade() -> list[Builder]:
    job = q.job(names.FACADE_JOB)
    seconds, upstream = "cloudmon_facade_request_duration_seconds", "cloudmon_facade_upstream_query_duration_seconds"
    return [
        graph("Requests", "Requests a second by status.", _A_SECOND,
              Line("{{status}}", q.own_rate("cloudmon_facade_requests_total", names.FACADE_JOB, ("status",))), span=8),
        graph("Errors", "Share of the requests that ended in an error of the server (5xx).", SHARE,
              Line("5xx", q.facade_errors()), span=8),
        graph("Failed queries", "Queries a second that Prometheus did not answer, by kind.", _A_SECOND,
              Line("{{kind}}", q.own_rate("cloudmon_facade_upstream_errors_total", names.FACADE_JOB, ("kind",))),
              span=8),
        graph("Latency", "Time to answer: half, and 19 of 20 requests are faster.", SECONDS,
              Line("Half", q.quantile(0.5, seconds, job)), Line("19 of 20", q.quantile(0.95, seconds, job)), span=8),
        graph("Latency by route", "Time in which 19 of 20 requests of a route are answered.", SECONDS,
              Line("{{route}}", q.quantile(0.95, seconds, job, ("route",))), span=8),
        graph("Latency of Prometheus", "Time that queries of the API take.", SECONDS,
              Line("Half", q.quantile(0.5, upstream, job)), Line("19 of 20", q.quantile(0.95, upstream, job)), span=8),
    ]  # fmt: skip


def _prometheus() -> list[Builder]:
    job = names.PROMETHEUS_JOB
    return [
        graph("Samples", "Samples stored a second.", _A_SECOND,
              Line("Samples", q.own_rate("prometheus_tsdb_head_samples_appended_total", job)), span=8),
        graph("Series", "Series in memory.", COUNT, Line("Series", q.own("prometheus_tsdb_head_series", job)), span=8),
        graph("Storage", "Disk that blocks take, beside what they may take; the write-ahead log comes to it.", BYTES,
              Line("Blocks", q.own("prometheus_tsdb_storage_blocks_bytes", job)),
              Line("Limits", q.above_zero(q.own("prometheus_tsdb_retention_limit_bytes", job))), span=8),
        graph("Time of the rules", "How long the last evaluation of each group of rules took.", SECONDS,
              Line("{{rule_group}}", q.own_most("prometheus_rule_group_last_duration_seconds", job, ("rule_group",))),
              span=8),
        graph("Rules that failed", "Evaluations a second that failed, and that came too late to be made.", _A_SECOND,
              Line("Failed", q.own_rate("prometheus_rule_evaluation_failures_total", job)),
              Line("Missed", q.own_rate("prometheus_rule_group_iterations_missed_total", job)), span=8),
        graph("Memory", "Resident memory of Prometheus.", BYTES,
              Line("Memory", q.own("process_resident_memory_bytes", job)), span=8),
    ]  # fmt: skip
