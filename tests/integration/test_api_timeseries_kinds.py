"""``/api/timeseries``: every entity of a kind over a window, with filters, order and pages, on a real Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.harness.fleet import DAY, Fleet, FleetPod, Sample
from tests.harness.store import application, get, store

NOW = 1794484807.0
WEB = ("Deployment", "web")
_pod = partial(FleetPod, created=NOW - DAY)
PODS = (
    _pod("shop", "web-1", "w1", WEB, value=3),
    _pod("shop", "web-2", "w2", WEB, node="n2", value=5),
    _pod("infra", "web-1", "w3", ("Pod", "web-1"), value=3),
    _pod("infra", "agent", "h1", ("DaemonSet", "agent"), host_network=True, value=2),
    _pod("shop", "quiet", "q1", ("Pod", "quiet"), node="n3", value=9),
    _pod("shop", "done", "j1", ("Job", "batch"), phase="Succeeded"),
    _pod("shop", "waiting", "p1", ("Deployment", "waiting"), node="", phase="Pending"),
    # It moved to another node half an hour ago; and one that did not come again.
    _pod("shop", "db-0", "d1", ("StatefulSet", "db"), value=7, until=NOW - 1800),
    _pod("shop", "db-0", "d2", ("StatefulSet", "db"), value=11, node="n2", created=NOW - 1790),
    _pod("shop", "gone", "g1", ("Pod", "gone"), value=4, until=NOW - 1800),
)
EAST = Fleet(
    PODS,
    nodes=("n1", "n2", "n3"),
    namespaces=("shop", "infra", "empty"),
    deployments=(("shop", "web", 2), ("shop", "waiting", 1), ("infra", "idle", 0)),
    silent=lambda node, _source, _time: node == "n3",
    labels={"cluster": "east"},
)
# The same names and uid as in the other.
WEST = Fleet(
    (_pod("shop", "web-1", "w1", WEB, value=30),),
    namespaces=("shop",),
    deployments=(("shop", "web", 1),),
    labels={"cluster": "west"},
)
NAMES = ["agent", "db-0", "done", "gone", "quiet", "waiting", "web-1", "web-1", "web-2"]


def both(scope: str, node: str, time: float) -> Iterator[Sample]:
    yield from EAST.samples(scope, node, time)
    yield from WEST.samples(scope, node, time)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    directory = tmp_path_factory.mktemp("kinds") / "data"
    with store(directory, both, EAST.nodes, NOW, 5400, None) as prometheus, application(prometheus.url, NOW) as app:
        yield app


def asked(client: FlaskClient, kind: str, query: str = "", status: int = 200) -> Any:
    return get(client, f"/api/timeseries?kind={kind}&window=1h&step=300&cluster=east&{query}", status)


def names_of(answer: dict[str, Any]) -> list[str]:
    return [item["name"] for item in answer["items"]]


# -- the frame and the columns -----------------------------------------------------------------------------------------


def test_the_frame_is_that_of_one_entity(client: FlaskClient) -> None:
    whole = asked(client, "node")
    one = get(client, "/api/nodes/n1/timeseries?window=1h&step=300&cluster=east")
    shared = ["window", "start", "end", "step", "timestamps"]
    assert list(whole) == [*shared, "items", "total"]
    assert {key: whole[key] for key in shared} == {key: one[key] for key in shared}
    assert list(whole["items"][0]) == ["name", "cluster", "values"]
    assert list(asked(client, "deployment")["items"][0]) == ["name", "namespace", "cluster", "values", "coverage"]


@pytest.mark.parametrize("signal", ["cpu_cores", "memory_rss_bytes", "network_receive_bytes_per_second"])
@pytest.mark.parametrize(
    ("kind", "path"),
    [("node", "nodes"), ("pod", "pods"), ("namespace", "namespaces"), ("deployment", "deployments")],
)
def test_each_column_is_that_of_the_entity(client: FlaskClient, kind: str, path: str, signal: str) -> None:
    answer = asked(client, kind, f"metrics={signal}&agg=max")
    assert answer["items"]
    for item in answer["items"]:
        place = f"&namespace={item['namespace']}" if "namespace" in item else ""
        route = f"/api/{path}/{item['name']}/timeseries"
        one = get(client, f"{route}?window=1h&step=300&cluster=east&metrics={signal}&agg=max{place}")
        assert item["values"] == pytest.approx(one["series"][signal]), item["name"]
        assert item.get("missing", {}) == one["missing"], item["name"]
        assert item.get("coverage") == one.get("coverage")


def test_default_is_cpu(client: FlaskClient) -> None:
    assert asked(client, "pod") == asked(client, "pod", "metrics=cpu_cores")


def test_what_was_there_within_the_window_is_an_item(client: FlaskClient) -> None:
    answer = asked(client, "pod")
    assert names_of(answer) == NAMES
    assert answer["total"] == len(NAMES)
    by_name = {item["name"]: item for item in answer["items"]}
    assert by_name["gone"]["values"][0] == pytest.approx(4)
    assert by_name["gone"]["values"][-1] is None
    assert {name: item["missing"]["cpu_cores"] for name, item in by_name.items() if "missing" in item} == {
        "done": "not_running",
        "quiet": "no_samples",
        "waiting": "not_running",
    }
    # Of a pod that was made again, the series is one.
    assert by_name["db-0"]["values"][0] == pytest.approx(7)
    assert by_name["db-0"]["values"][-1] == pytest.approx(11)
    assert names_of(get(client, "/api/timeseries?kind=pod&window=5m&cluster=east")) == [
        name for name in NAMES if name != "gone"
    ]


def test_what_has_no_pods_uses_nothing(client: FlaskClient) -> None:
    values = {item["name"]: set(item["values"]) for item in asked(client, "namespace")["items"]}
    assert values["empty"] == {0}
    values = {item["name"]: set(item["values"]) for item in asked(client, "deployment")["items"]}
    assert values["idle"] == values["waiting"] == {0}


def test_a_window_of_before_everything(client: FlaskClient) -> None:
    answer = get(client, f"/api/timeseries?kind=pod&end={NOW - 40 * DAY:.0f}&explain=true")
    assert (answer["items"], answer["total"], len(answer["explain"])) == ([], 0, 1)


# -- filters -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "query", "found"),
    [
        ("pod", "namespace=infra", ["agent", "web-1"]),
        ("pod", "name=web", ["web-1", "web-1", "web-2"]),
        ("pod", "workload=web", ["web-1", "web-2"]),
        ("pod", "workload=Deployment/web&name=2", ["web-2"]),
        ("pod", "workload=StatefulSet/web", []),
        ("pod", "node=n3", ["quiet"]),
        # A pod that moved is of both nodes.
        ("pod", "node=n2", ["db-0", "web-2"]),
        ("pod", "node=n1&namespace=shop", ["db-0", "done", "gone", "web-1"]),
        ("pod", "phase=Pending", ["waiting"]),
        ("pod", "phase=Succeeded&node=n1", ["done"]),
        ("pod", "phase=Running&node=n2", ["db-0", "web-2"]),
        ("node", "node=n2", ["n2"]),
        ("node", "name=n", ["n1", "n2", "n3"]),
        ("namespace", "namespace=shop", ["shop"]),
        ("namespace", "name=m", ["empty"]),
        ("deployment", "namespace=infra", ["idle"]),
        ("deployment", "workload=web", ["web"]),
        ("deployment", "workload=Deployment/idle", ["idle"]),
        ("deployment", "workload=StatefulSet/web", []),
        ("deployment", "name=ait", ["waiting"]),
    ],
)
def test_filters(client: FlaskClient, kind: str, query: str, found: list[str]) -> None:
    answer = asked(client, kind, query)
    assert names_of(answer) == found
    assert answer["total"] == len(found)


def test_a_filter_chooses_pods_and_not_samples(client: FlaskClient) -> None:
    """Of the pod that moved, the other node's samples are in the column too."""
    (moved,) = asked(client, "pod", "node=n2&name=db")["items"]
    assert moved["values"][0] == pytest.approx(7)
    assert moved["values"][-1] == pytest.approx(11)


# -- order and pages ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "order"),
    [
        ("sort=name", NAMES),
        ("sort=-name", ["web-2", "web-1", "web-1", "waiting", "quiet", "gone", "done", "db-0", "agent"]),
        ("sort=namespace", ["agent", "web-1", "db-0", "done", "gone", "quiet", "waiting", "web-1", "web-2"]),
        # By the average: `gone` used 4 for half the window. What is missing comes last in both directions.
        ("sort=-cpu_cores", ["db-0", "web-2", "web-1", "web-1", "gone", "agent", "done", "quiet", "waiting"]),
        ("sort=cpu_cores", ["agent", "gone", "web-1", "web-1", "web-2", "db-0", "done", "quiet", "waiting"]),
        # Of a level the average is over its samples.
        (
            "metrics=memory_rss_bytes&sort=-memory_rss_bytes",
            ["db-0", "web-2", "gone", "web-1", "web-1", "agent", "done", "quiet", "waiting"],
        ),
    ],
)
def test_order_and_pages(client: FlaskClient, query: str, order: list[str]) -> None:
    """A client that follows ``next`` sees each once."""
    assert names_of(asked(client, "pod", query)) == order
    seen: list[tuple[str, str]] = []
    path: str | None = f"/api/timeseries?kind=pod&window=1h&step=300&cluster=east&{query}&limit=2"
    while path is not None:
        answer = get(client, path)
        assert answer["total"] == len(order)
        seen += [(item["namespace"], item["name"]) for item in answer["items"]]
        path = answer.get("next")
    assert [name for _, name in seen] == order
    assert len(set(seen)) == len(order)


def test_totals_by_their_average(client: FlaskClient) -> None:
    assert names_of(asked(client, "deployment", "sort=-cpu_cores")) == ["web", "idle", "waiting"]
    assert names_of(asked(client, "deployment", "sort=cpu_cores")) == ["idle", "waiting", "web"]
    assert names_of(asked(client, "namespace", "sort=-cpu_cores&limit=1")) == ["shop"]
    assert names_of(asked(client, "node", "sort=cpu_cores")) == ["n1", "n2", "n3"]


def test_a_page_has_the_same_columns(client: FlaskClient) -> None:
    whole = {(item["namespace"], item["name"]): item for item in asked(client, "pod", "stats=true")["items"]}
    for offset in range(len(NAMES)):
        (item,) = asked(client, "pod", f"stats=true&limit=1&offset={offset}")["items"]
        assert item == whole[item["namespace"], item["name"]]
    assert asked(client, "pod", "limit=1&offset=50")["items"] == []


@pytest.mark.parametrize("query", ["sort=-cpu_cores&stats=true", "limit=1&sort=-cpu_cores&stats=true", "limit=1"])
@pytest.mark.parametrize("kind", ["pod", "node", "namespace", "deployment"])
def test_the_number_of_queries_does_not_depend_on_the_entities(client: FlaskClient, kind: str, query: str) -> None:
    assert 2 <= len(asked(client, kind, f"{query}&explain=true")["explain"]) <= 6


def test_a_page_asks_for_its_own(client: FlaskClient) -> None:
    _, *rest = asked(client, "pod", "limit=1&explain=true")["explain"]
    assert all('uid=~"h1"' in one["query"] for one in rest)
    _, points, *_ = asked(client, "pod", "explain=true")["explain"]
    assert "uid=~" not in points["query"]


# -- budget ------------------------------------------------------------------------------------------------------------


def test_the_limit_may_be_larger_than_the_budget_where_few_are_there(client: FlaskClient) -> None:
    assert len(asked(client, "pod", "limit=100000")["items"]) == len(NAMES)


def test_the_budget_is_told_before_the_points_are_asked(tmp_path_factory: pytest.TempPathFactory) -> None:
    many = Fleet(tuple(_pod("shop", f"web-{index}", f"u{index}", WEB) for index in range(120)), labels={})
    directory = tmp_path_factory.mktemp("many") / "data"
    environment = {"MAX_DATA_POINTS": "11000"}
    with (
        store(directory, many.samples, ("n1",), NOW, 60, recorded=False) as prometheus,
        application(prometheus.url, NOW, environment) as client,
    ):
        path = "/api/timeseries?kind=pod&window=35h"
        assert len(get(client, f"{path}&limit=119")["items"]) == 119
        detail = get(client, f"{path}&limit=120", 400)["detail"]
        assert "120 series of 8400 points are 1008000 numbers, and one answer may hold 1000000" in detail
        # As many stored samples as statistics look at come earlier: 119 series of 35 hours have 999,600.
        assert len(get(client, f"{path}&limit=119&stats=true")["items"]) == 119
        path = "/api/timeseries?kind=pod&window=36h"
        detail = get(client, f"{path}&limit=119&stats=true&step=1h", 400)["detail"]
        assert "119 series over 129600 seconds have about 1028160 stored samples" in detail


# -- several clusters --------------------------------------------------------------------------------------------------


def test_clusters_are_not_merged(client: FlaskClient) -> None:
    answer = get(client, "/api/timeseries?kind=pod&window=15m&step=300&name=web-1&stats=true")
    assert [(item["cluster"], item["namespace"], item["values"][-1]) for item in answer["items"]] == [
        ("east", "infra", pytest.approx(3)),
        ("east", "shop", pytest.approx(3)),
        ("west", "shop", pytest.approx(30)),
    ]
    assert answer["items"][2]["stats"]["cpu_cores"]["max"] == pytest.approx(30)
    for kind in ("node", "namespace", "deployment"):
        answer = get(client, f"/api/timeseries?kind={kind}&window=15m&step=300&limit=1&sort=-cpu_cores&offset=0")
        assert answer["items"][0]["cluster"] == ("west" if kind != "node" else "east")
        whole = get(client, f"/api/timeseries?kind={kind}&window=15m&step=300")
        only = get(client, f"/api/timeseries?kind={kind}&window=15m&step=300&cluster=west")
        assert only["items"] == [item for item in whole["items"] if item["cluster"] == "west"]


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("", "kind: must be given: one of node, pod, namespace, deployment"),
        ("kind=container", "kind: 'container' is not one of node, pod, namespace, deployment"),
        ("kind=pod&metrics=cpu_cores,memory_rss_bytes", "metrics: a whole kind is answered one signal at a time"),
        ("kind=namespace&metrics=cpu_pressure_ratio", "metrics: a namespace has no cpu_pressure_ratio; "),
        ("kind=pod&metrics=nothing", "metrics: 'nothing' is not"),
        ("kind=pod&sort=memory_rss_bytes", "sort: pods of which cpu_cores is asked for can be sorted by cpu_cores, "),
        ("kind=node&sort=namespace", "sort: nodes of which cpu_cores is asked for can be sorted by cpu_cores, name, "),
        ("kind=node&phase=Running", "phase: nodes cannot be filtered by it; they can by name, node"),
        ("kind=namespace&workload=web", "workload: namespaces cannot be filtered by it; they can by name, namespace"),
        (
            "kind=deployment&node=n1",
            "node: deployments cannot be filtered by it; they can by name, namespace, workload",
        ),
        ("kind=pod&limit=0", "limit: "),
        ("kind=pod&window=0", "window: "),
        ("kind=pod&agg=sum", "agg: 'sum' is not one of avg, max, min, last"),
        ("kind=pod&colour=red", "colour: unknown parameter"),
    ],
)
def test_what_is_refused(client: FlaskClient, query: str, detail: str) -> None:
    assert get(client, f"/api/timeseries?{query}", 400)["detail"].startswith(detail)
