"""What is answered while something is silent, was silent, is gone or was never there: a reason, and never a zero.

Each cluster of one store is a case of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.harness.fleet import DAY, Fleet, FleetPod, Sample
from tests.harness.store import facade_on, get, store

NOW = 1794484807.0
# The last whole five minutes: windows of whole five minutes end there.
END = 1794484800
WEB = ("Deployment", "web")
_pod = partial(FleetPod, created=NOW - DAY)
WEB_1 = _pod("shop", "web-1", "w1", WEB, value=3)
WEB_2 = _pod("shop", "web-2", "w2", WEB, value=5, node="n2")


def kills(time: float) -> float:
    """36 of them until its exporter was replaced, and 24 since."""
    if time < NOW - 600:
        return min(max((time - (NOW - 1400)) // 15, 0), 36)
    return min(max((time - (NOW - 500)) // 15, 0), 24)


# cadvisor has not been read for forty minutes.
BLIND = Fleet(
    (
        WEB_1,
        _pod("infra", "agent", "h1", ("DaemonSet", "agent"), host_network=True),
        _pod(
            "shop",
            "oomer",
            "o1",
            ("Pod", "oomer"),
            created=NOW - 1500,
            oom_kills=kills,
            last_oom_kill=lambda time: NOW - 700 if NOW - 700 <= time < NOW - 600 else None,
        ),
    ),
    namespaces=("shop", "infra"),
    deployments=(("shop", "web", 1),),
    silent=lambda node, source, time: source == "detail" and time > NOW - 2400,
    labels={"cluster": "blind"},
)
# Nobody said anything for three quarters of an hour.
DARK = Fleet(
    (WEB_1,),
    namespaces=("shop", "empty"),
    deployments=(("shop", "web", 1),),
    silent=lambda node, source, time: NOW - 4200 < time < NOW - 1500,
    labels={"cluster": "dark"},
)
# The machine that scope cluster ran on is gone, with a node's exporter.
HEADLESS = Fleet(
    (WEB_1, WEB_2, _pod("lone", "lone-1", "l1", ("Deployment", "lone"), node="n2", value=7)),
    nodes=("n1", "n2"),
    namespaces=("shop", "lone"),
    deployments=(("shop", "web", 2), ("lone", "lone", 1)),
    silent=lambda node, source, time: node != "n1" and time > NOW - 2700,
    labels={"cluster": "headless"},
)
# A Deployment and a node were deleted, and pods of theirs linger; a namespace has nothing but finished pods.
LEFT = Fleet(
    (
        WEB_1,
        _pod("shop", "ghost", "g1", WEB, node="n9", phase="Running"),
        _pod("jobs", "done-1", "d1", ("Job", "done"), phase="Succeeded"),
        _pod("jobs", "done-2", "d2", ("Job", "done"), phase="Failed", node="n2"),
        _pod("shop", "fresh", "f1", ("Deployment", "fresh"), created=NOW - 900),
    ),
    nodes=("n1", "n2", "n3"),
    namespaces=("shop", "jobs"),
    silent=lambda node, source, time: node == "n2",
    labels={"cluster": "left"},
)


def every_case(scope: str, node: str, time: float) -> Iterator[Sample]:
    for fleet in (BLIND, DARK, HEADLESS, LEFT):
        yield from fleet.samples(scope, node, time)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    directory = tmp_path_factory.mktemp("outages") / "data"
    with facade_on(store(directory, every_case, ("n1", "n2", "n3"), NOW, 7200, None), NOW) as app:
        yield app


@pytest.fixture(scope="module")
def unrecorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    directory = tmp_path_factory.mktemp("unrecorded") / "data"
    fleet = Fleet((WEB_1,), namespaces=("shop", "empty"), deployments=(("shop", "web", 1),))
    with facade_on(store(directory, fleet.samples, fleet.nodes, NOW, 1800, recorded=False), NOW) as app:
        yield app


def column(client: FlaskClient, path: str, signal: str = "cpu_cores", **parameters: Any) -> list[float | None]:
    query = "&".join(f"{key}={value}" for key, value in {"step": 300, "metrics": signal, **parameters}.items())
    values: list[float | None] = get(client, f"{path}&{query}")["series"][signal]
    return values


# --- half silent ------------------------------------------------------------------------------------------------------


def test_of_a_source_that_is_silent_only_its_own_signals_are_missing(client: FlaskClient) -> None:
    pod = get(client, "/api/pods/web-1?cluster=blind")
    for signal in ("cpu_cores", "memory_rss_bytes", "filesystem_used_bytes"):
        assert pod["usage"][signal] == 3
    silent = {"network_receive_bytes_per_second", "disk_read_bytes_per_second", "cpu_throttled_ratio"}
    assert {pod["missing"][signal] for signal in silent} == {"no_samples"}
    deployment = get(client, "/api/deployments/web?cluster=blind")
    assert deployment["usage"]["cpu_cores"] == 3
    assert deployment["coverage"]["network_receive_bytes_per_second"] == [0, 1]
    assert {deployment["missing"][signal] for signal in silent} == {"no_samples"}
    node = get(client, "/api/nodes/n1?cluster=blind")
    assert node["missing"]["network_receive_bytes_per_second"] == "no_samples"
    assert node["missing"]["memory_rss_bytes"] == "not_reported"


@pytest.mark.parametrize("path", ["/api/pods/web-1", "/api/deployments/web", "/api/namespaces/shop"])
def test_time_series_of_a_source_that_is_silent(client: FlaskClient, path: str) -> None:
    answer = get(client, f"{path}/timeseries?cluster=blind&window=15m&step=300")
    assert set(answer["series"]["cpu_cores"]) == ({3} if "shop" not in path else {4})
    assert set(answer["series"]["network_receive_bytes_per_second"]) == {None}
    assert answer["missing"]["network_receive_bytes_per_second"] == "no_samples"
    assert answer["missing"]["cpu_throttled_ratio"] == "no_samples"
    assert "filesystem_used_bytes" not in answer["missing"]


def test_a_host_network_pod_has_no_traffic_of_its_own_over_time(client: FlaskClient) -> None:
    answer = get(client, "/api/pods/agent/timeseries?cluster=blind&window=15m&step=300")
    assert answer["missing"]["network_receive_bytes_per_second"] == "host_network"
    assert answer["missing"]["disk_read_bytes_per_second"] == "no_samples"


@pytest.mark.contract("field:entity.oom_kills", "field:entity.last_oom_kill")
def test_kills_are_counted_through_an_exporters_restart_and_the_last_is_remembered(client: FlaskClient) -> None:
    pod = get(client, "/api/pods/oomer?cluster=blind")
    assert pod["oom_kills"] == 60
    assert pod["last_oom_kill"] == "2026-11-12T11:48:27Z"
    by_name = {item["name"]: item for item in get(client, "/api/pods?cluster=blind")["items"]}
    assert by_name["oomer"]["last_oom_kill"] == "2026-11-12T11:48:27Z"
    assert by_name["web-1"]["last_oom_kill"] is None
    assert "last_oom_kill" not in by_name["web-1"]["missing"]


# --- everything silent ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/namespaces/shop", "/api/deployments/web"])
@pytest.mark.parametrize("signal", ["cpu_cores", "memory_rss_bytes", "network_receive_bytes_per_second"])
def test_an_outage_of_everything_is_no_zero_and_dilutes_nothing(client: FlaskClient, path: str, signal: str) -> None:
    values = column(client, f"{path}/timeseries?cluster=dark", signal, start=END - 5400, end=END)
    # The made store marks nothing as stale: the last samples stand for five minutes, and their totals for five again.
    assert values[6:12] == [None] * 6
    known = [value for value in values if value is not None]
    assert known[:4] + known[-4:] == pytest.approx([3] * 8)
    # A rate reaches back into the outage, and begins after it; a level does neither.
    if signal == "memory_rss_bytes":
        assert known == pytest.approx([3] * len(known), rel=0.06)


def test_what_is_empty_is_unknown_too_while_nobody_says_so(client: FlaskClient) -> None:
    values = column(client, "/api/namespaces/empty/timeseries?cluster=dark", start=END - 5400, end=END)
    assert values[:2] == [0, 0]
    assert values[6:12] == [None] * 6
    assert values[-2:] == [0, 0]
    answer = get(client, f"/api/namespaces/empty/timeseries?cluster=dark&start={END - 3000}&end={END - 2100}")
    assert set(answer["series"]["cpu_cores"]) == {None}
    assert set(answer["missing"].values()) == {"no_samples"}


def test_pods_and_nodes_in_an_outage_of_everything(client: FlaskClient) -> None:
    for path in ("/api/pods/web-1", "/api/nodes/n1"):
        answer = get(client, f"{path}/timeseries?cluster=dark&start={END - 3000}&end={END - 2100}&metrics=cpu_cores")
        assert set(answer["series"]["cpu_cores"]) == {None}
    answer = get(client, f"/api/nodes/n1/timeseries?cluster=dark&start={END - 3000}&end={END - 2100}")
    assert set(answer["missing"].values()) == {"no_samples"}


def test_scope_cluster_and_a_node_silent_together(client: FlaskClient) -> None:
    shop = get(client, "/api/namespaces/shop?cluster=headless")
    assert shop["usage"]["cpu_cores"] == 3
    assert shop["pods"] is None
    assert "coverage" not in shop
    # Nobody says that its pods are gone.
    values = column(client, "/api/namespaces/lone/timeseries?cluster=headless", start=END - 5400, end=END)
    assert values[0] == pytest.approx(7)
    assert values[-4:] == [None] * 4
    answer = get(client, "/api/namespaces/lone/timeseries?cluster=headless&window=1h&step=300")
    assert "cpu_cores" not in answer["missing"]
    assert answer["coverage"][-1] is None
    # Whether it has pods is not known: it is not listed with a zero, and not denied to have been there.
    assert "last seen" in get(client, "/api/namespaces/lone?cluster=headless", 404)["detail"]
    assert get(client, "/api/namespaces?cluster=headless")["partial"] == ["not_collected"]


# --- gone -------------------------------------------------------------------------------------------------------------


def test_a_deleted_deployment_is_gone_though_its_pods_linger(client: FlaskClient) -> None:
    assert get(client, "/api/deployments?cluster=left")["items"] == []
    for path in ("/api/deployments/web", "/api/deployments/web/pods"):
        assert get(client, f"{path}?cluster=left", 404)["detail"].startswith(
            "There is no deployment named web; it was "
        )
    assert get(client, "/api/namespaces/shop?cluster=left")["deployments"] == 0
    # Its pods are not, and its window reaches back to it.
    names = [item["name"] for item in get(client, "/api/namespaces/shop/pods?cluster=left")["items"]]
    assert names == ["fresh", "ghost", "web-1"]
    assert column(client, "/api/deployments/web/timeseries?cluster=left&window=15m") == pytest.approx([3, 3, 3])


def test_a_deleted_node_is_gone_though_its_pods_linger(client: FlaskClient) -> None:
    assert [item["name"] for item in get(client, "/api/nodes?cluster=left")["items"]] == ["n1", "n2", "n3"]
    for path in ("/api/nodes/n9", "/api/nodes/n9/pods"):
        assert get(client, f"{path}?cluster=left", 404)["detail"].startswith("There is no node named n9")
    assert get(client, "/api/pods/ghost?cluster=left")["missing"]["cpu_cores"] == "no_samples"


def test_a_node_without_pods(client: FlaskClient) -> None:
    node = get(client, "/api/nodes/n3?cluster=left")
    assert node["pods"] == 0
    assert node["requests"] == node["limits"] == {"cpu_cores": 0, "memory_bytes": 0}
    assert node["usage"]["cpu_cores"] == 0.5
    assert "coverage" not in node
    assert get(client, "/api/nodes/n3/pods?cluster=left") == {"items": [], "total": 0, "time": "2026-11-12T12:00:07Z"}


def test_a_namespace_with_nothing_but_finished_pods(client: FlaskClient) -> None:
    jobs = get(client, "/api/namespaces/jobs?cluster=left")
    assert jobs["pods"] == 0
    assert jobs["usage"]["cpu_cores"] == 0
    assert "coverage" not in jobs
    assert set(jobs["missing"].values()) == {"not_running"}
    assert column(client, "/api/namespaces/jobs/timeseries?cluster=left&window=15m") == [0, 0, 0]
    pods = get(client, "/api/namespaces/jobs/pods?cluster=left")["items"]
    assert [(pod["name"], pod["phase"]) for pod in pods] == [("done-1", "Succeeded"), ("done-2", "Failed")]
    # The second one's node is silent; the first reason that holds is that it does not run.
    assert [set(pod["missing"].values()) for pod in pods] == [{"not_running"}, {"not_running"}]


# --- windows that reach to nothing ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/api/pods/fresh", "not_running"),
        ("/api/pods/web-1", "not_running"),
        ("/api/nodes/n1", "no_samples"),
        ("/api/namespaces/shop", "no_samples"),
    ],
)
def test_what_is_there_now_has_a_time_series_of_any_time(client: FlaskClient, path: str, reason: str) -> None:
    answer = get(client, f"{path}/timeseries?cluster=left&end={END - 864000}&window=15m&step=300")
    assert set(answer["series"]["cpu_cores"]) == {None}
    assert set(answer["missing"].values()) == {reason}
    assert (answer["start"], answer["end"], answer["cluster"]) == (END - 864900, END - 864000, "left")


def test_before_a_pod_was_there(client: FlaskClient) -> None:
    answer = get(client, f"/api/pods/fresh/timeseries?cluster=left&end={END - 3600}&window=15m&step=300")
    assert set(answer["series"]["cpu_cores"]) == {None}
    assert set(answer["missing"].values()) == {"not_running"}


def test_when_a_name_was_last_seen_is_told_for_a_window_that_does_not_reach_back_to_it(client: FlaskClient) -> None:
    path = f"/api/namespaces/lone/timeseries?cluster=headless&end={END - 864000}"
    assert "it was last seen at 2026-11-12T11:10:00Z" in get(client, path, 404)["detail"]


# --- without the rules ------------------------------------------------------------------------------------------------


def test_without_the_recording_rules_there_are_no_totals_and_no_zeros(unrecorded: FlaskClient) -> None:
    for path in ("/api/namespaces/shop", "/api/namespaces/empty", "/api/deployments/web"):
        entity = get(unrecorded, path)
        assert set(entity["usage"].values()) == {None}
        assert set(entity["requests"].values()) == {None}
        assert entity["pods"] is None
        assert set(entity["missing"].values()) <= {"no_samples", "not_collected"}
        answer = get(unrecorded, f"{path}/timeseries?window=15m&step=300")
        assert {value for values in answer["series"].values() for value in values} == {None}
        assert set(answer["missing"].values()) == {"no_samples"}
    assert get(unrecorded, "/api/deployments/web")["replicas"]["desired"] == 1
    node = get(unrecorded, "/api/nodes/n1")
    assert (node["pods"], node["requests"]["cpu_cores"]) == (None, 3)
    assert "coverage" not in node
    assert get(unrecorded, "/api/pods/web-1")["usage"]["cpu_cores"] == 3
