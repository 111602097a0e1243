"""Queries of another dialect: what becomes of a selector, and that Prometheus's own parser takes all of it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from promql import names
from promql.__main__ import main
from promql.catalogue import KINDS, Catalogue
from promql.dialects import CLOUDMON, KUBE_PROMETHEUS, metric_rules, translation, windows_of
from promql.dialects.scan import replace_selectors
from promql.pages import PageQueries
from promql.queries import Queries
from promql.selectors import Selector, equal, one_of
from promql.timeseries import TimeseriesQueries
from promql.windows import Windows, duration, seconds_of

CATALOGUE = Catalogue.load()
WINDOWS = windows_of(KUBE_PROMETHEUS, Windows())
translate = translation(KUBE_PROMETHEUS, CATALOGUE, WINDOWS)
HOSTILE = 'a"} or vector(1) #\\{x}\n[5m] offset 1h $1'
# A string, so that what is in one is not taken for PromQL.
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
# What no query of the facade reads.
UNREAD = re.compile(
    r"cloudmon_(container_|pod_volume_|pods_|source_(up|scrape|errors)|kubelet_|node_network_interface_)"
)


def every_query(selector: Selector) -> list[str]:
    queries, series = Queries(CATALOGUE, WINDOWS), TimeseriesQueries(CATALOGUE, WINDOWS, recorded=False)
    pages = PageQueries(queries)
    pod_signals, cpu = CATALOGUE.of_kind("pod"), CATALOGUE.signals["cpu_cores"]
    found = [
        queries.pods(selector, pod_signals, oom_kills=True), *queries.pods_in_parts(selector, pod_signals),
        queries.nodes(selector, CATALOGUE.of_kind("node")), queries.namespaces(selector), queries.deployments(selector),
        pages.top(selector, cpu, 11, descending=True), pages.name_counts(selector),
        *pages.order(selector, cpu, "Running"), pages.namesakes(selector, ["web"], 10),
        queries.last_seen([names.POD_INFO.name, names.POD_READY.name], selector),
    ]  # fmt: skip
    for kind in KINDS:
        signals = CATALOGUE.of_kind(kind)
        found += [series.points(kind, selector, signals, 60), series.evidence(kind, selector, 3600)]
        found += [*series.statistics(kind, selector, signals, 3600), series.known(kind, selector, 3600)]
        found += [series.points(kind, selector, signals, 60, "last", joined=True), queries.exists(kind, selector)]
    return found


@pytest.mark.parametrize(
    "selector",
    [
        equal(namespace="shop", pod="web-1"),
        equal(cluster="c", node="n1", workload_kind="Deployment", workload="web"),
        (one_of("uid", ["u.1", "u+2"]),),
        equal(workload=HOSTILE, node=HOSTILE),
    ],
    ids=["name", "workload", "uids", "hostile"],
)
def test_every_query_is_promql_and_reads_nothing_of_ours(selector: Selector, tmp_path: Path) -> None:
    translated = [translate(query) for query in every_query(selector)]
    for query in translated:
        assert "cloudmon_" not in STRING.sub("", query)
    rules = [{"record": f"r{number}", "expr": query} for number, query in enumerate(translated)]
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": rules}]}))
    promtool = shutil.which("promtool")
    assert promtool is not None
    checked = subprocess.run([promtool, "check", "rules", str(path)], capture_output=True, timeout=60, check=False)
    assert checked.returncode == 0, checked.stderr.decode()


def test_our_own_dialect_is_left_as_it_is() -> None:
    query = 'max by (uid) (cloudmon_pod_info{pod="web"})'
    assert translation(CLOUDMON, CATALOGUE, Windows())(query) == query
    assert windows_of(CLOUDMON, Windows()) == Windows()


def test_detail_is_read_at_every_scrape() -> None:
    assert windows_of(KUBE_PROMETHEUS, Windows(30, 60, 300)).rate("detail") == "150s"


def test_a_matcher_goes_to_the_series_that_carry_its_label() -> None:
    query = translate('max by (uid) (cloudmon_pod_memory_rss_bytes{namespace="shop", node="n1"})')
    assert 'container_memory_rss{image="", namespace="shop", node="n1"}' in query
    assert 'kube_pod_info{namespace="shop", node="n1"}' in query
    assert "kept_" not in query


def test_a_deployment_is_looked_for_by_their_name_of_the_label() -> None:
    query = translate('cloudmon_workload_replicas{workload="web", state="ready"}')
    assert 'kube_deployment_status_replicas_ready{deployment="web"}' in query
    assert 'label_replace(vector(1), "kept_0", "1", "", "")' in query


@pytest.mark.parametrize(("operator", "keep"), [("=", "and"), ("!=", "unless")])
def test_rows_are_sifted_by_a_label_that_no_series_carries(operator: str, keep: str) -> None:
    query = translate(f'cloudmon_pod_memory_rss_bytes{{workload{operator}"web.1"}}')
    assert f'"kept_0", "1", "workload", "web\\\\.1") {keep} on (kept_0)' in query


def test_workloads_are_joined_only_where_they_are_asked_for() -> None:
    assert "kube_replicaset_owner" not in translate("max by (uid) (cloudmon_pod_memory_rss_bytes)")
    assert "kube_replicaset_owner" in translate("max by (uid, workload) (cloudmon_pod_memory_rss_bytes)")
    assert "kube_replicaset_owner" in translate('max by (uid) (cloudmon_pod_memory_rss_bytes{workload="web"})')


def test_a_range_is_one_value_a_scrape_and_an_offset_moves_their_series() -> None:
    assert translate("rate(cloudmon_node_cpu_usage_seconds_total[60s] offset 5m)").endswith("[60s:15s] offset 5m)")
    moved = translate("cloudmon_node_memory_rss_bytes offset 60s")
    assert 'container_memory_rss{id="/"} offset 60s' in moved
    assert "node_memory_AnonPages_bytes{} offset 60s" in moved


def test_which_entities_there_were_is_not_looked_for_at_every_scrape_of_a_month() -> None:
    query = translate('last_over_time({__name__=~"cloudmon_pod_info|cloudmon_pod_phase"}[30d])')
    assert re.search(r"\[30d:10800s\]\)$", query)


def test_what_the_dialect_does_not_have_gives_no_rows() -> None:
    assert translate("cloudmon_pod_ephemeral_storage_used_bytes") == "(vector(1) == 0)"


def test_a_total_is_made_of_the_pods() -> None:
    query = translate('max by (cluster, namespace) (namespace:cloudmon_pod_memory_rss_bytes:sum{namespace="shop"})')
    assert "sum by (cluster, namespace) (max by (cluster, namespace, uid)" in query
    assert 'container_memory_rss{image="", namespace="shop"}' in query


def test_what_a_string_holds_is_no_selector() -> None:
    assert replace_selectors('f("m{a}", m)', lambda name: name == "m", lambda _: "X") == 'f("m{a}", X)'


def test_every_metric_that_is_read_is_made_or_said_to_be_missing() -> None:
    text = (Path(__file__).parents[3] / "promql" / "dialects" / "kube-prometheus.yaml").read_text(encoding="utf-8")
    data = yaml.safe_load(text)
    said = {f"cloudmon_pod_{key}" for key in data["pods"]} | {f"cloudmon_node_{key}" for key in data["nodes"]}
    said |= data["others"].keys()
    assert {name for name in names.METRICS if not UNREAD.match(name)} == said


def test_rules_can_record_our_metrics_from_theirs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "--dialect", KUBE_PROMETHEUS, "--scrape-interval", "30"]) == 0
    groups = {group["name"]: group for group in yaml.safe_load(capsys.readouterr().out)["groups"]}
    recorded = {rule["record"]: rule["expr"] for rule in groups["cloudmon_dialect"]["rules"]}
    assert list(groups) == ["cloudmon_dialect", "cloudmon", "cloudmon_5m"]
    assert "kube_replicaset_owner" in recorded["cloudmon_pod_info"]
    assert "cloudmon_pod_ephemeral_storage_used_bytes" not in recorded
    assert metric_rules(CLOUDMON, CATALOGUE, Windows()) == []


def test_a_duration_is_read_as_it_is_written() -> None:
    assert [seconds_of(text) for text in (duration(90), duration(0.25), "24h", "30d")] == [90, 0.25, 86400, 2592000]
