"""What the contract promises, asked of each engine: numbers, identity, reasons, coverage, refusals; and the rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from flask.testing import FlaskClient

from promql.catalogue import Catalogue
from promql.rules import Rule, coarse_rules, recording_rules
from promql.windows import Windows
from tests.engines.pasts import CLUSTERS, ENGINES, NOW, Served, both_engines
from tests.harness import VictoriaMetrics
from tests.harness.store import DETAIL_SECONDS, SCRAPE_SECONDS, application, get

# A point of a steady rate: VictoriaMetrics keeps about a dozen digits of a counter.
CLOSE = 1e-6


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Served]]:
    with both_engines(CLUSTERS, tmp_path_factory.mktemp("contract")) as both:
        yield both


@pytest.fixture(params=ENGINES)
def client(clusters: Mapping[str, Served], request: pytest.FixtureRequest) -> FlaskClient:
    return clusters[request.param].client


def series(client: FlaskClient, path: str, signal: str) -> list[float | None]:
    column: list[float | None] = get(client, f"{path}&metrics={signal}")["series"][signal]
    return column


def test_a_pod_has_its_own_numbers(client: FlaskClient) -> None:
    pod = get(client, "/api/pods/web-1?cluster=west")
    assert (pod["name"], pod["namespace"], pod["uid"], pod["node"], pod["cluster"]) == (
        "web-1", "shop", "w1", "n1", "west")  # fmt: skip
    assert pod["workload"] == {"kind": "Deployment", "name": "web"}
    assert pod["usage"]["cpu_cores"] == pod["usage"]["memory_working_set_bytes"] == 30
    assert (pod["requests"]["cpu_cores"], pod["limits"]["cpu_cores"]) == (30, 60)
    assert pod["utilization"]["cpu_of_limit"] == 0.5
    assert pod["usage"]["cpu_throttled_ratio"] == pytest.approx(1)
    assert pod["restarts"] == 2
    assert pod["time"] == "2025-01-15T12:00:07Z"


def test_why_a_value_is_missing(client: FlaskClient) -> None:
    def missing(name: str) -> Any:
        return get(client, f"/api/pods/{name}?cluster=east")["missing"]

    assert missing("waiting")["cpu_cores"] == "not_running"
    assert missing("agent")["network_receive_bytes_per_second"] == "host_network"
    assert missing("quiet")["cpu_cores"] == "no_samples"
    assert missing("web-2")["cpu_of_limit"] == "no_limit"
    assert missing("web-2")["disk_read_bytes_per_second"] == "no_samples"
    assert missing("web-1")["memory_of_request"] == "no_request"
    north = get(client, "/api/nodes/n1?cluster=north")
    assert north["missing"]["ready"] == "not_collected"


def test_kills_are_counted_across_a_restart_of_the_exporter(client: FlaskClient) -> None:
    """From the 12 there were when the past begins to 25, and three of the exporter that came then."""
    pod = get(client, "/api/pods/leak")
    assert pod["oom_kills"] == 16
    assert pod["last_oom_kill"] == "2025-01-15T11:50:07Z"


def test_lists_hold_what_there_is_and_never_merge_clusters(client: FlaskClient) -> None:
    pods = get(client, "/api/pods")
    assert [(item["name"], item["namespace"], item["cluster"]) for item in pods["items"]] == [
        ("agent", "infra", "east"), ("db-0", "solo", "east"), ("done", "shop", "east"), ("leak", "infra", "east"),
        ("only-2", "solo", "east"), ("quiet", "infra", "east"), ("twin", "infra", "west"), ("twin", "shop", "west"),
        ("waiting", "shop", "east"), ("web-1", "shop", "east"), ("web-1", "shop", "north"), ("web-1", "shop", "west"),
        ("web-2", "shop", "east"),
    ]  # fmt: skip
    assert pods["total"] == 13
    assert pods["partial"] == ["not_collected"]
    namespaces = get(client, "/api/namespaces?cluster=east")
    assert [item["name"] for item in namespaces["items"]] == ["empty", "infra", "shop", "solo"]
    assert "partial" not in namespaces
    deployments = get(client, "/api/deployments?cluster=east")["items"]
    assert [(item["name"], item["replicas"]["desired"], item["pods"]) for item in deployments] == [
        ("leak", 1, 1), ("none", 0, 0), ("only", 1, 1), ("web", 2, 2)]  # fmt: skip
    nodes = get(client, "/api/nodes?cluster=east")["items"]
    assert [(item["name"], item["ready"], item["pods"]) for item in nodes] == [
        ("n1", True, 5), ("n2", True, 1), ("n3", False, 1)]  # fmt: skip


def test_totals_and_their_coverage(client: FlaskClient) -> None:
    shop = get(client, "/api/namespaces/shop?cluster=east")
    assert (shop["usage"]["cpu_cores"], shop["pods"], shop["deployments"]) == (8, 3, 2)
    assert shop["coverage"]["network_receive_bytes_per_second"] == [1, 2]
    assert shop["coverage"]["limits.cpu_cores"][0] == 1
    empty = get(client, "/api/namespaces/empty")
    assert (empty["usage"]["cpu_cores"], empty["pods"]) == (0, 0)
    solo = get(client, "/api/deployments/only")
    assert solo["usage"]["memory_rss_bytes"] == 7


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/api/pods/web-1", "cluster: several clusters have a pod named web-1: east, north, west."),
        ("/api/pods/twin", "namespace: several namespaces have a pod named twin: infra, shop."),
        ("/api/deployments/web?cluster=west", "namespace: several namespaces have a deployment named web"),
    ],
)
def test_an_ambiguous_name_is_asked_back(client: FlaskClient, path: str, words: str) -> None:
    assert words in get(client, path, 400)["detail"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/api/pods/only-1", "it was last seen at 2025-01-15T11:"),
        ("/api/pods/nothing", "there was none in the last 30 days"),
    ],
)
def test_what_is_gone_says_when_it_was_last_seen(client: FlaskClient, path: str, words: str) -> None:
    assert words in get(client, path, 404)["detail"]


def test_points_of_steady_numbers(client: FlaskClient) -> None:
    for step in (15, 60, 300):
        where = f"/api/pods/web-1/timeseries?cluster=west&window=30m&step={step}"
        points = 1800 // step
        assert series(client, where, "memory_rss_bytes") == [30] * points
        for signal in ("cpu_cores", "disk_write_bytes_per_second"):
            assert series(client, where, signal) == pytest.approx([30] * points, rel=CLOSE)
        assert series(client, where, "cpu_throttled_ratio") == pytest.approx([1] * points, rel=CLOSE)
    assert series(client, "/api/nodes/n2/timeseries?window=30m&step=60", "cpu_cores") == pytest.approx(
        [0.5] * 30, rel=CLOSE)  # fmt: skip


def test_points_of_totals(client: FlaskClient) -> None:
    where = "/api/namespaces/shop/timeseries?cluster=east&window=30m&step=60"
    assert series(client, where, "memory_rss_bytes") == [8] * 30
    assert series(client, where, "cpu_cores") == pytest.approx([8] * 30)
    assert get(client, where)["coverage"] == [1] * 30
    assert series(client, "/api/namespaces/empty/timeseries?window=30m&step=60", "cpu_cores") == [0] * 30
    only = series(client, "/api/deployments/only/timeseries?window=80m&step=5m", "memory_rss_bytes")
    assert (only[0], only[9]) == (5, 0)
    assert only[-1] == pytest.approx(7)


def test_a_window_reaches_back_to_what_is_gone(client: FlaskClient) -> None:
    levels = series(client, "/api/pods/only-1/timeseries?window=80m&step=5m", "memory_rss_bytes")
    assert levels == [5] * 8 + [None] * 8
    # Of two pods of one name, the series is one.
    levels = series(client, "/api/pods/db-0/timeseries?window=80m&step=5m", "memory_rss_bytes")
    assert (levels[0], levels[-1]) == (2, 4)
    assert None in levels


def test_a_silent_node_has_no_points_and_a_reason(client: FlaskClient) -> None:
    answer = get(client, "/api/nodes/n3/timeseries?window=5m&step=60")
    assert set(answer["series"]["cpu_cores"]) == {None}
    assert answer["missing"]["cpu_cores"] == "no_samples"
    assert answer["end"] <= NOW


def test_a_question_that_is_too_long_is_said_to_be_refused() -> None:
    """What VictoriaMetrics does without the setting that `docs/engines.md` asks for."""
    with (
        VictoriaMetrics(extra_flags=("-search.maxQueryLen=1KB",)) as engine,
        application(engine.url, NOW) as client,
    ):
        assert get(client, "/api/nodes", 502)["title"] == "A limit of Prometheus is exceeded"


# --- the recording rules, evaluated by each engine over the same scrapes: vmalert asks the same -----------------------
TOTALS = Catalogue.load().totals
RULES = (*recording_rules(TOTALS, Windows(SCRAPE_SECONDS, DETAIL_SECONDS)), *coarse_rules(TOTALS))


def evaluated(served: Served, rule: Rule, time: float) -> dict[str, float]:
    """Values by their labels: the metric's name is the rule's, whatever the engine has kept."""
    return {
        str(sorted((name, value) for name, value in sample.labels.items() if name != "__name__")): sample.value
        for sample in served.engine.query(rule.expr, time)
    }


@pytest.mark.parametrize("seconds_ago", [0, 2000])
def test_every_rule_records_the_same(clusters: Mapping[str, Served], seconds_ago: float) -> None:
    """Now, while a node is silent, and while a pod that went is still counted; steady rates are the same too."""
    recorded = 0
    for rule in RULES:
        prometheus, victoria_metrics = (evaluated(served, rule, NOW - seconds_ago) for served in clusters.values())
        assert victoria_metrics == pytest.approx(prometheus, rel=1e-6), rule.record
        recorded += len(prometheus)
    assert recorded > len(RULES)
