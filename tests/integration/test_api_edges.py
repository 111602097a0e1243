"""What the contract says of pods that do not report, and of exporters that are silent: on a real Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.harness.fleet import DAY, Fleet, FleetPod
from tests.harness.store import facade_on, get, store

NOW = 1794484807.0
_pod = partial(FleetPod, created=NOW - DAY)
WEB = ("Deployment", "web")
PODS = (
    _pod("shop", "web-1", "w1", WEB, value=3),
    _pod("shop", "web-2", "w2", WEB, node="n2", value=5),
    _pod("shop", "free", "f1", ("Pod", "free"), limits=False, disk=False),
    _pod("infra", "agent", "h1", ("DaemonSet", "agent"), host_network=True),
    _pod("shop", "done", "j1", ("Job", "batch"), phase="Succeeded"),
    _pod("shop", "waiting", "p1", ("Deployment", "waiting"), node="", phase="Pending"),
    _pod("shop", "twin", "t1", ("Pod", "twin")),
    _pod("infra", "twin", "t2", ("Pod", "twin")),
    # Deleted half an hour ago and made again under the same name; and one that did not come again.
    _pod("shop", "reborn", "r1", ("StatefulSet", "db"), value=7, until=NOW - 1800),
    _pod("shop", "reborn", "r2", ("StatefulSet", "db"), value=11, created=NOW - 1790),
    _pod("shop", "gone", "g1", ("Pod", "gone"), until=NOW - 1800),
)
# n1 reports; n2's exporter is silent; scope cluster says what there is.
EDGES = Fleet(
    PODS,
    nodes=("n1", "n2"),
    namespaces=("shop", "infra", "empty"),
    deployments=(("shop", "web", 2), ("shop", "waiting", 1), ("shop", "idle", 0)),
    silent=lambda node, _source, _time: node == "n2",
    ready=lambda node: node == "n1",
)
UNCOLLECTED = Fleet(PODS, silent=lambda node, _source, _time: node != "n1")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    directory = tmp_path_factory.mktemp("edges") / "data"
    with facade_on(store(directory, EDGES.samples, ("n1", "n2"), NOW, 5400), NOW) as app:
        yield app


@pytest.fixture(scope="module")
def uncollected(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    directory = tmp_path_factory.mktemp("uncollected") / "data"
    with facade_on(store(directory, UNCOLLECTED.samples, ("n1",), NOW, 1800), NOW) as app:
        yield app


def names_of(answer: dict[str, Any]) -> list[str]:
    return [item["name"] for item in answer["items"]]


def test_every_pod_is_listed_whatever_its_state(client: FlaskClient) -> None:
    answer = get(client, "/api/pods")
    assert [(item["name"], item["namespace"]) for item in answer["items"]] == [
        ("agent", "infra"),
        ("done", "shop"),
        ("free", "shop"),
        ("reborn", "shop"),
        ("twin", "infra"),
        ("twin", "shop"),
        ("waiting", "shop"),
        ("web-1", "shop"),
        ("web-2", "shop"),
    ]
    assert answer["total"] == 9
    assert "partial" not in answer


@pytest.mark.contract("reason:not_running")
def test_a_finished_pod_is_not_running(client: FlaskClient) -> None:
    pod = get(client, "/api/pods/done")
    assert pod["phase"] == "Succeeded"
    assert set(pod["usage"].values()) == {None}
    assert set(pod["missing"].values()) == {"not_running"}


def test_a_pod_that_no_node_runs(client: FlaskClient) -> None:
    pod = get(client, "/api/pods/waiting")
    assert (pod["phase"], pod["node"], pod["ready"], pod["started"]) == ("Pending", None, None, None)
    assert {pod["missing"][key] for key in ("node", "ready", "restarts", "started", "cpu_cores")} == {"not_running"}


@pytest.mark.contract("reason:host_network")
def test_a_host_network_pod_has_no_traffic_of_its_own(client: FlaskClient) -> None:
    pod = get(client, "/api/pods/agent")
    assert pod["missing"]["network_receive_bytes_per_second"] == "host_network"
    assert pod["usage"]["cpu_cores"] == 1


@pytest.mark.contract("reason:no_samples")
def test_a_pod_on_a_silent_node_has_no_samples(client: FlaskClient) -> None:
    pod = get(client, "/api/pods/web-2")
    assert pod["phase"] == "Running"
    assert set(pod["usage"].values()) == {None}
    assert set(pod["missing"].values()) == {"no_samples"}
    # Of what it was killed for before, the store still knows: null means never.
    assert pod["last_oom_kill"] is None
    assert "last_oom_kill" not in pod["missing"]


@pytest.mark.contract("reason:no_limit", "reason:no_request", "reason:not_reported", "field:missing.missing")
def test_without_limits_the_reason_says_so(client: FlaskClient) -> None:
    pod = get(client, "/api/pods/free")
    assert pod["missing"] == {
        "cpu_throttled_ratio": "no_limit",
        "disk_read_bytes_per_second": "not_reported",
        "disk_write_bytes_per_second": "not_reported",
        "requests.memory_bytes": "no_request",
        "limits.cpu_cores": "no_limit",
        "limits.memory_bytes": "no_limit",
        "cpu_of_limit": "no_limit",
        "memory_of_limit": "no_limit",
        "memory_of_request": "no_request",
    }


@pytest.mark.contract("status:400", "parameter:namespace")
def test_a_name_in_two_namespaces_is_asked_back(client: FlaskClient) -> None:
    for path in ("/api/pods/twin", "/api/pods/twin/timeseries?window=5m"):
        problem = get(client, path, 400)
        assert "infra" in problem["detail"]
        assert "shop" in problem["detail"]
    assert get(client, "/api/pods/twin?namespace=infra")["uid"] == "t2"


def test_of_two_pods_of_one_name_the_latest_is_the_entity_and_the_series_spans_both(client: FlaskClient) -> None:
    assert get(client, "/api/pods/reborn")["uid"] == "r2"
    series = get(client, "/api/pods/reborn/timeseries?window=1h&step=300")["series"]
    assert series["memory_rss_bytes"][0] == 7
    assert series["memory_rss_bytes"][-1] == 11
    assert series["cpu_cores"][-1] == pytest.approx(11)


def test_a_pod_that_is_gone(client: FlaskClient) -> None:
    problem = get(client, "/api/pods/gone", 404)
    assert problem["detail"] == "There is no pod named gone; it was last seen at 2026-11-12T11:30:00Z."
    series = get(client, "/api/pods/gone/timeseries?window=1h&step=300&metrics=cpu_cores")["series"]["cpu_cores"]
    assert series[0] == pytest.approx(1)
    assert series[-1] is None
    assert "last seen" in get(client, "/api/pods/gone/timeseries?window=5m", 404)["detail"]


def test_a_silent_node_keeps_its_place(client: FlaskClient) -> None:
    node = get(client, "/api/nodes/n2")
    assert (node["ready"], node["pods"], node["age"]) == (False, 1, None)
    assert set(node["usage"].values()) == {None}
    assert node["missing"]["cpu_cores"] == node["missing"]["age"] == "no_samples"
    assert node["missing"]["requests.cpu_cores"] == "no_samples"
    assert node["coverage"]["requests.cpu_cores"] == [0, 1]
    assert node["allocatable"]["cpu_cores"] == 4
    series = get(client, "/api/nodes/n2/timeseries?window=5m&metrics=cpu_cores")
    assert set(series["series"]["cpu_cores"]) == {None}
    assert series["missing"] == {"cpu_cores": "no_samples"}
    assert names_of(get(client, "/api/nodes/n2/pods")) == ["web-2"]


def test_a_node_that_reports(client: FlaskClient) -> None:
    node = get(client, "/api/nodes/n1")
    assert node["age"] == 4.5
    assert node["pods"] == 6
    assert node["usage"]["cpu_cores"] == 0.5
    assert node["missing"]["disk_read_bytes_per_second"] == "not_reported"
    assert node["utilization"]["cpu_of_allocatable"] == 0.125
    assert node["requests"]["cpu_cores"] == 3 + 1 + 1 + 1 + 1 + 11


@pytest.mark.contract("field:missing.coverage", "field:timeseries.coverage")
def test_a_total_says_how_many_pods_it_lacks(client: FlaskClient) -> None:
    web = get(client, "/api/deployments/web")
    assert web["replicas"] == {"desired": 2, "ready": 1, "available": 1, "updated": 1}
    assert web["pods"] == 2
    assert web["usage"]["cpu_cores"] == 3
    assert web["coverage"]["cpu_cores"] == [1, 2]
    assert web["coverage"]["requests.cpu_cores"] == [1, 2]
    assert web["utilization"]["cpu_of_limit"] == 0.5
    series = get(client, "/api/deployments/web/timeseries?window=5m&step=60")
    assert set(series["coverage"]) == {0.5}
    assert series["series"]["cpu_cores"] == pytest.approx([3] * 5)


def test_a_namespace(client: FlaskClient) -> None:
    shop = get(client, "/api/namespaces/shop")
    # web-1, web-2, free, waiting, twin, reborn: `done` has finished.
    assert (shop["pods"], shop["deployments"]) == (6, 3)
    assert shop["usage"]["memory_rss_bytes"] == 3 + 1 + 1 + 11
    assert shop["coverage"]["memory_rss_bytes"] == [4, 5]
    assert shop["coverage"]["disk_read_bytes_per_second"] == [3, 5]
    infra = get(client, "/api/namespaces/infra")
    # `agent` is on the host's network: it should not report any.
    assert "network_receive_bytes_per_second" not in infra.get("coverage", {})


def test_what_has_no_pods_uses_nothing(client: FlaskClient) -> None:
    for path in ("/api/namespaces/empty", "/api/deployments/idle"):
        entity = get(client, path)
        assert entity["pods"] == 0
        assert entity["usage"]["cpu_cores"] == 0
        assert entity["requests"] == {"cpu_cores": 0, "memory_bytes": 0}
        assert entity["missing"]["cpu_throttled_ratio"] == entity["missing"]["cpu_of_limit"] == "not_running"
        series = get(client, path + "/timeseries?window=5m&step=60&metrics=cpu_cores")
        assert series["series"]["cpu_cores"] == [0] * 5
        assert series["coverage"] == [None] * 5
    assert names_of(get(client, "/api/deployments/idle/pods")) == []


def test_before_the_first_evaluation_there_is_no_zero(client: FlaskClient) -> None:
    answer = get(
        client, f"/api/namespaces/shop/timeseries?start={NOW - 7200}&end={NOW - 5000}&step=300&metrics=cpu_cores"
    )
    values = answer["series"]["cpu_cores"]
    assert values[0] is None
    assert values[-1] is not None


def test_lists_of_namespaces_and_deployments(client: FlaskClient) -> None:
    assert names_of(get(client, "/api/namespaces")) == ["empty", "infra", "shop"]
    assert names_of(get(client, "/api/deployments")) == ["idle", "waiting", "web"]
    assert names_of(get(client, "/api/namespaces/infra/deployments")) == []


@pytest.mark.parametrize(
    "path",
    [
        "/api/nodes/n9",
        "/api/nodes/n9/pods",
        "/api/nodes/n9/timeseries",
        "/api/pods/none",
        "/api/namespaces/none",
        "/api/namespaces/none/pods",
        "/api/namespaces/none/deployments",
        "/api/namespaces/none/timeseries",
        "/api/deployments/none",
        "/api/deployments/none/pods",
        "/api/deployments/none/timeseries",
        "/api/deployments/agent",
    ],
)
def test_nothing_by_that_name(client: FlaskClient, path: str) -> None:
    assert "there was none in the last 30 days" in get(client, path, 404)["detail"]


def test_constant_number_of_queries(client: FlaskClient) -> None:
    for path in ("/api/nodes/n1/pods", "/api/namespaces/shop/pods", "/api/pods/web-1", "/api/nodes", "/api/namespaces"):
        assert len(get(client, f"{path}?explain=true")["explain"]) <= 2


@pytest.mark.contract("reason:not_collected", "field:missing.partial")
def test_while_scope_cluster_is_silent_pods_are_known_by_their_series(uncollected: FlaskClient) -> None:
    answer = get(uncollected, "/api/pods")
    assert answer["partial"] == ["not_collected"]
    assert {item["name"] for item in answer["items"]} == {"agent", "done", "free", "reborn", "twin", "web-1"}
    pod = get(uncollected, "/api/pods/web-1")
    assert (pod["phase"], pod["missing"]["phase"]) == (None, "not_collected")
    assert pod["usage"]["cpu_cores"] == 3
    node = get(uncollected, "/api/nodes/n1")
    assert (node["ready"], node["missing"]["ready"], node["missing"]["pods"]) == (
        None,
        "not_collected",
        "not_collected",
    )
    assert node["missing"]["allocatable.cpu_cores"] == node["missing"]["cpu_of_allocatable"] == "not_collected"
    assert get(uncollected, "/api/nodes")["partial"] == ["not_collected"]


def test_totals_while_scope_cluster_is_silent(uncollected: FlaskClient) -> None:
    shop = get(uncollected, "/api/namespaces/shop")
    assert shop["usage"]["cpu_cores"] == 3 + 1 + 1 + 11
    assert (shop["pods"], shop["missing"]["pods"]) == (None, "not_collected")
    assert "coverage" not in shop
    web = get(uncollected, "/api/deployments/web")
    assert web["replicas"]["desired"] is None
    assert web["missing"]["replicas.desired"] == "not_collected"
