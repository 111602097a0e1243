"""What lists ask of Prometheus: no more than ``metrics=`` names, the page before its details, few queries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from facade.context import EXTENSION, Facade
from facade.listing import Here, Listing
from facade.lookup.base import Lookup
from facade.lookup.pods import Pods
from facade.params.lists import SORT, list_parameters
from facade.params.parsing import parse_query
from facade.params.shared import CLUSTER
from promql.catalogue import KINDS, Catalogue, Kind
from promql.windows import Windows
from tests.harness.listed import LISTS, NOW, listed, paged, place_of, sorted_here
from tests.harness.store import get


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    with listed(tmp_path_factory.mktemp("lists") / "data") as app:
        yield app


# --- metrics= ---------------------------------------------------------------------------------------------------------

IDENTITY = {
    "pod": {"name", "namespace", "cluster", "uid", "node", "workload", "phase"},
    "node": {"name", "cluster"},
    "namespace": {"name", "cluster"},
    "deployment": {"name", "namespace", "cluster"},
}
IDENTITY_REASONS = {"node", "phase"}


@pytest.mark.parametrize("paging", ["", "&limit=6", "&limit=6&sort=-memory_rss_bytes", "&sort=memory_rss_bytes"])
@pytest.mark.parametrize("kind", KINDS)
def test_metrics_limit_what_is_shown_and_change_no_number(client: FlaskClient, kind: Kind, paging: str) -> None:
    whole = {place_of(item): item for item in get(client, LISTS[kind])["items"]}
    keys = ["network_receive_bytes_per_second", "cpu_cores"]
    if kind != "node":
        keys.append("cpu_throttled_ratio")
    seen = 0
    for answer in paged(client, f"{LISTS[kind]}?metrics={','.join(keys)}{paging}"):
        for item in answer["items"]:
            full = whole[place_of(item)]
            seen += 1
            assert set(item) - {"coverage"} == {*IDENTITY[kind], "usage", "missing"}
            assert list(item["usage"]) == keys
            assert item["usage"] == {key: full["usage"][key] for key in keys}
            assert item["missing"] == {k: v for k, v in full["missing"].items() if k in {*keys, *IDENTITY_REASONS}}
            assert item.get("coverage", {}) == {k: v for k, v in full.get("coverage", {}).items() if k in keys}
            assert {key: item[key] for key in IDENTITY[kind]} == {key: full[key] for key in IDENTITY[kind]}
    assert seen == len(whole)


@pytest.mark.parametrize("sort", ["restarts", "-started"])
def test_metrics_and_an_order_by_what_they_do_not_show(client: FlaskClient, sort: str) -> None:
    expected = sorted_here(get(client, "/api/pods")["items"], SORT["pod"].parse(sort))
    for limit in ("", "&limit=100"):
        items = get(client, f"/api/pods?metrics=cpu_cores&sort={sort}{limit}")["items"]
        assert [place_of(item) for item in items] == [place_of(item) for item in expected]


@pytest.mark.parametrize("kind", ["pod", "node"])
def test_a_signal_that_is_named_is_given_though_nothing_reports_it(client: FlaskClient, kind: Kind) -> None:
    for item in get(client, f"{LISTS[kind]}?metrics=io_pressure_ratio&limit=4")["items"]:
        assert item["usage"] == {"io_pressure_ratio": None}
        assert "io_pressure_ratio" in item["missing"]
    assert all("io_pressure_ratio" not in item["usage"] for item in get(client, LISTS[kind])["items"])


@pytest.mark.parametrize("paging", ["", "&limit=3", "&limit=3&sort=-cpu_cores"])
@pytest.mark.parametrize(
    "path", [*LISTS.values(), "/api/namespaces/shop/pods", "/api/nodes/n1/pods", "/api/namespaces/shop/deployments"]
)
def test_metrics_narrow_what_is_asked(client: FlaskClient, path: str, paging: str) -> None:
    explain = get(client, f"{path}?cluster=west&metrics=cpu_cores{paging}&explain=true")["explain"]
    assert len(explain) <= 4
    assert {entry["time"] for entry in explain} == {int(NOW)}
    asked = "\n".join(entry["query"] for entry in explain)
    assert "cpu_usage_cores" in asked
    for other in ("memory", "network_receive", "disk", "ephemeral", "throttled", "restarts", "oom", "limit"):
        assert other not in asked, other


# --- how much is asked ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "most"),
    [("", 24), ("sort=-cpu_cores", 24), ("limit=2&sort=-cpu_cores", 3), ("limit=2&offset=1&sort=-cpu_cores", 4),
     ("limit=2", 2), ("limit=2&sort=-restarts", 3), ("limit=2&sort=cpu_throttled_ratio", 3), ("name=web", 2),
     ("phase=Running", 3), ("phase=Running&limit=2&sort=started", 4), ("limit=5000", 24)],
)  # fmt: skip
def test_the_number_of_queries_is_one_whatever_the_number_of_pods(client: FlaskClient, query: str, most: int) -> None:
    def asked(chosen: str) -> list[dict[str, Any]]:
        answer = get(client, f"/api/pods?cluster=west&explain=true&{chosen}{query}")
        assert {entry["time"] for entry in answer["explain"]} == {int(NOW)}
        return list(answer["explain"])

    assert len(asked("")) == len(asked("namespace=shop&")) <= most


@pytest.mark.parametrize(
    ("query", "queries"),
    [
        # Certain: the first three of topk, how many there are, and their details.
        ("cluster=west&sort=-cpu_cores&limit=3", 3),
        # And whether those before the page are present.
        ("cluster=west&sort=-cpu_cores&limit=2&offset=1", 4),
        ("cluster=north&sort=-cpu_cores&limit=2", 3),
        # All that are measured, but for one that is not present.
        ("cluster=west&sort=-memory_rss_bytes&limit=6", 3),
        # What is left of a pod is on the page; then before it.
        ("cluster=west&sort=cpu_cores&limit=2", 6),
        ("cluster=west&sort=cpu_cores&limit=2&offset=2", 6),
        # The last of the page has what the next has too.
        ("cluster=north&sort=cpu_cores&limit=1", 5),
        # There are fewer than the page needs; nothing has the signal.
        ("cluster=west&sort=memory_rss_bytes&limit=7", 5),
        ("cluster=east&namespace=back&sort=-cpu_cores&limit=30", 6),
        # A name is shared, which is learnt while the details are asked for.
        ("cluster=east&namespace=shop&sort=-memory_rss_bytes&limit=1", 7),
    ],
)
def test_the_first_of_a_signal_are_asked_for_while_the_answer_is_certain(
    client: FlaskClient, query: str, queries: int
) -> None:
    answer = get(client, f"/api/pods?{query}&explain=true")
    explain = answer.pop("explain")
    assert ("topk" if "sort=-" in query else "bottomk") in explain[0]["query"]
    assert len(explain) == queries
    parameters = dict(pair.split("=") for pair in query.split("&"))
    narrow = "&".join(f"{name}={parameters[name]}" for name in ("cluster", "namespace") if name in parameters)
    whole = get(client, f"/api/pods?{narrow}")
    start, limit = int(parameters.get("offset", 0)), int(parameters["limit"])
    ordered = sorted_here(whole["items"], SORT["pod"].parse(parameters["sort"]))
    assert answer["items"] == ordered[start : start + limit]
    assert answer["total"] == whole["total"]


def test_of_more_than_can_be_asked_for_by_name_all_are_asked_for(client: FlaskClient) -> None:
    parts: Facade = client.application.extensions[EXTENSION]
    lookup = Lookup(parts.client, Catalogue.load(), Windows())
    for query in ("name=web", "phase=Running", "node=n1", "cluster=east&name=a&sort=-cpu_cores", "limit=2&name=web",
                  "sort=-cpu_cores&limit=3&cluster=west", "metrics=cpu_cores&name=web&sort=started"):  # fmt: skip
        pairs_ = [(name, text) for name, _, text in (pair.partition("=") for pair in query.split("&"))]
        values = parse_query(pairs_, (CLUSTER, *list_parameters("pod")))
        few = Pods(lookup, 2).all(Listing.of("pod", values, Here()))
        expected = get(client, f"/api/pods?{query}")
        assert few["items"] == expected["items"]
        assert few["total"] == expected["total"]
