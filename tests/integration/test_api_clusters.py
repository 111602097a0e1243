"""Several clusters in one store, and one cluster's series stored twice: nothing merges, and nothing doubles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.harness.fleet import DAY, Fleet, FleetPod, Sample
from tests.harness.store import facade_on, get, store

NOW = 1794484807.0
WEB = ("Deployment", "web")


def shop(uid: str, value: float) -> FleetPod:
    return FleetPod("shop", "web-1", uid, WEB, created=NOW - DAY, value=value)


EAST = Fleet(
    (
        shop("w1", 3),
        FleetPod("solo", "only-1", "o1", ("Deployment", "only"), created=NOW - DAY, value=5, until=NOW - 2700),
        FleetPod("solo", "only-2", "o2", ("Deployment", "only"), created=NOW - 900, value=7),
        FleetPod("infra", "agent", "h1", ("DaemonSet", "agent"), created=NOW - DAY, host_network=True),
    ),
    nodes=("n1", "n2"),
    namespaces=("shop", "solo", "infra"),
    deployments=(("shop", "web", 1), ("solo", "only", 1)),
    labels={"cluster": "east"},
)
# The same names, and the same uid; another value.
WEST = Fleet(
    (shop("w1", 30),), namespaces=("shop", "quiet"), deployments=(("shop", "web", 1),), labels={"cluster": "west"}
)
# Its scope cluster is silent.
NORTH = Fleet((shop("w3", 300),), labels={"cluster": "north"}, silent=lambda node, _source, _time: not node)


def three_clusters(scope: str, node: str, time: float) -> Iterator[Sample]:
    for fleet in (EAST, WEST, NORTH):
        yield from fleet.samples(scope, node, time)


def two_replicas(scope: str, node: str, time: float) -> Iterator[Sample]:
    """What two Prometheus servers wrote into one store, each with its own label; the second missed some scrapes."""
    for replica in ("a", "b") if time % 900 > 100 else ("a",):
        labels = {"cluster": "east", "replica": replica}
        yield from Fleet(EAST.pods, EAST.nodes, EAST.namespaces, EAST.deployments, labels=labels).samples(
            scope, node, time
        )


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    directory = tmp_path_factory.mktemp("clusters") / "data"
    with facade_on(store(directory, three_clusters, ("n1", "n2"), NOW, 5400, None), NOW) as app:
        yield app


@pytest.fixture(scope="module")
def doubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    directory = tmp_path_factory.mktemp("doubled") / "data"
    with facade_on(store(directory, two_replicas, ("n1", "n2"), NOW, 5400, None), NOW) as app:
        yield app


@pytest.mark.parametrize(
    ("path", "places"),
    [
        ("/api/nodes", [("n1", "east"), ("n1", "north"), ("n1", "west"), ("n2", "east")]),
        (
            "/api/namespaces",
            [("infra", "east"), ("quiet", "west"), ("shop", "east"), ("shop", "north"), ("shop", "west"),
             ("solo", "east")],
        ),
        ("/api/deployments", [("only", "east"), ("web", "east"), ("web", "north"), ("web", "west")]),
        (
            "/api/pods",
            [("agent", "east"), ("only-2", "east"), ("web-1", "east"), ("web-1", "north"), ("web-1", "west")],
        ),
    ],
)  # fmt: skip
@pytest.mark.contract("parameter:cluster", "field:answer.cluster")
def test_lists_never_merge(client: FlaskClient, path: str, places: list[tuple[str, str]]) -> None:
    answer = get(client, path)
    assert [(item["name"], item["cluster"]) for item in answer["items"]] == places
    assert answer["total"] == len(places)
    # Of north, nobody says what else there is.
    assert answer["partial"] == ["not_collected"]
    for cluster in ("east", "west", "north"):
        answer = get(client, f"{path}?cluster={cluster}")
        assert [(item["name"], item["cluster"]) for item in answer["items"]] == [p for p in places if p[1] == cluster]
        assert ("partial" in answer) == (cluster == "north")


def test_pods_of_one_name_keep_their_clusters_numbers(client: FlaskClient) -> None:
    by_cluster = {item["cluster"]: item for item in get(client, "/api/pods")["items"] if item["name"] == "web-1"}
    assert {name: pod["usage"]["cpu_cores"] for name, pod in by_cluster.items()} == {
        "east": 3,
        "north": 300,
        "west": 30,
    }
    totals = {item["cluster"]: item for item in get(client, "/api/namespaces")["items"] if item["name"] == "shop"}
    assert {name: item["usage"]["cpu_cores"] for name, item in totals.items()} == {"east": 3, "north": 300, "west": 30}
    assert totals["north"]["pods"] is None


@pytest.mark.parametrize(
    "path",
    [
        "/api/nodes/n1",
        "/api/nodes/n1/pods",
        "/api/nodes/n1/timeseries",
        "/api/pods/web-1",
        "/api/pods/web-1?namespace=shop",
        "/api/pods/web-1/timeseries",
        "/api/namespaces/shop",
        "/api/namespaces/shop/pods",
        "/api/namespaces/shop/deployments",
        "/api/namespaces/shop/timeseries",
        "/api/deployments/web",
        "/api/deployments/web/pods",
        "/api/deployments/web/timeseries",
    ],
)
def test_a_name_in_several_clusters_is_asked_back(client: FlaskClient, path: str) -> None:
    assert "east, north, west" in get(client, path, 400)["detail"]
    joint = "&" if "?" in path else "?"
    answer = get(client, f"{path}{joint}cluster=west")
    entities = answer.get("items", [answer])
    assert {entity["cluster"] for entity in entities} == {"west"}
    assert get(client, f"{path}{joint}cluster=south", 404)["detail"].startswith("There is no ")


def test_a_list_within_one_cluster_is_not_partial_for_another(client: FlaskClient) -> None:
    for path in ("/api/nodes/n2/pods", "/api/namespaces/solo/pods", "/api/namespaces/solo/deployments",
                 "/api/deployments/only/pods"):  # fmt: skip
        assert "partial" not in get(client, path), path
    assert get(client, "/api/namespaces/shop/pods?cluster=north")["partial"] == ["not_collected"]


def test_a_cluster_whose_scope_cluster_is_silent_is_one_of_several(tmp_path: Path) -> None:
    def two_clusters(scope: str, node: str, time: float) -> Iterator[Sample]:
        yield from WEST.samples(scope, node, time)
        yield from NORTH.samples(scope, node, time)

    with facade_on(store(tmp_path / "data", two_clusters, ("n1",), NOW, 600, None), NOW) as client:
        for path in ("/api/namespaces/quiet", "/api/namespaces/shop?cluster=west", "/api/nodes/n1?cluster=north",
                     "/api/pods/web-1?cluster=west", "/api/namespaces/quiet/timeseries?window=5m",
                     "/api/namespaces/quiet/timeseries?end=1694484800"):  # fmt: skip
            assert "cluster" in get(client, path), path


def test_a_name_in_one_cluster_is_found(client: FlaskClient) -> None:
    assert get(client, "/api/nodes/n2")["cluster"] == "east"
    assert get(client, "/api/pods/only-2")["cluster"] == "east"
    assert get(client, "/api/deployments/only")["cluster"] == "east"
    assert get(client, "/api/namespaces/solo")["usage"]["cpu_cores"] == 7


@pytest.mark.parametrize("path", ["/api/namespaces/solo", "/api/deployments/only"])
def test_a_total_that_had_pods_only_at_times(client: FlaskClient, path: str) -> None:
    """Its pod went 45 minutes ago and another came 15 minutes ago; elsewhere nothing has that name."""
    answer = get(client, f"{path}/timeseries?window=1h&step=300&metrics=memory_rss_bytes")
    assert answer["cluster"] == "east"
    values = answer["series"]["memory_rss_bytes"]
    assert values[:3] == [5, 5, 5]
    # The made store marks nothing as stale, so that the pod counts for five minutes more, and its total for five again.
    assert values[-5:-3] == [0, 0]
    assert values[-3:] == pytest.approx([7, 7, 7], rel=0.06)
    assert None not in values
    assert answer["coverage"][-5:] == [None, None, 1, 1, 1]


def test_a_namespace_without_pods_uses_nothing(client: FlaskClient) -> None:
    answer = get(client, "/api/namespaces/quiet/timeseries?window=5m&step=60&metrics=cpu_cores")
    assert answer["cluster"] == "west"
    assert answer["series"]["cpu_cores"] == [0] * 5


def test_two_servers_of_one_cluster_double_nothing(doubled: FlaskClient) -> None:
    assert [item["name"] for item in get(doubled, "/api/pods")["items"]] == ["agent", "only-2", "web-1"]
    pod = get(doubled, "/api/pods/web-1")
    assert "cluster" not in pod
    assert (pod["usage"]["cpu_cores"], pod["requests"]["cpu_cores"], pod["limits"]["cpu_cores"]) == (3, 3, 6)
    assert pod["usage"]["cpu_throttled_ratio"] == pytest.approx(1)
    node = get(doubled, "/api/nodes/n1")
    assert (node["pods"], node["requests"]["cpu_cores"], node["usage"]["cpu_cores"]) == (3, 11, 0.5)
    namespace = get(doubled, "/api/namespaces/shop")
    assert (namespace["pods"], namespace["deployments"], namespace["usage"]["cpu_cores"]) == (1, 1, 3)
    assert namespace["coverage"] == {"requests.memory_bytes": [0, 1], "limits.memory_bytes": [0, 1]}
    for path, value in (("/api/pods/web-1", 3), ("/api/namespaces/shop", 3), ("/api/nodes/n1", 0.5)):
        series = get(doubled, f"{path}/timeseries?window=1h&step=300&metrics=cpu_cores")["series"]["cpu_cores"]
        assert series == pytest.approx([value] * 12)
    levels = get(doubled, "/api/pods/web-1/timeseries?window=1h&step=300&metrics=memory_rss_bytes")["series"]
    assert levels["memory_rss_bytes"] == [3] * 12


def test_pods_on_the_hosts_network_have_no_traffic_to_sum(doubled: FlaskClient) -> None:
    infra = get(doubled, "/api/namespaces/infra")
    assert infra["usage"]["network_receive_bytes_per_second"] is None
    assert infra["missing"]["network_receive_bytes_per_second"] == "host_network"
    assert "network_receive_bytes_per_second" not in infra.get("coverage", {})
    answer = get(doubled, "/api/namespaces/infra/timeseries?window=5m&metrics=network_receive_bytes_per_second")
    assert set(answer["series"]["network_receive_bytes_per_second"]) == {None}
    assert answer["missing"] == {"network_receive_bytes_per_second": "host_network"}
