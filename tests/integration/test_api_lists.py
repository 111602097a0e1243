"""Lists: every order, page and filter gives what sorting, cutting and filtering the whole list here gives."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest
from flask.testing import FlaskClient

from facade.params.kinds import Ordering
from facade.params.lists import SORT
from promql.catalogue import KINDS, Kind
from tests.harness.listed import LISTS, PODS, forms, listed, paged, place_of, sorted_here
from tests.harness.store import get


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    with listed(tmp_path_factory.mktemp("lists") / "data") as app:
        yield app


@pytest.mark.parametrize("cluster", ["", "east", "west", "north"])
@pytest.mark.parametrize("kind", KINDS)
def test_pages_by_every_key_are_the_sorted_list_cut(client: FlaskClient, kind: Kind, cluster: str) -> None:
    chosen = f"&cluster={cluster}" if cluster else ""
    whole = get(client, f"{LISTS[kind]}?offset=0{chosen}")
    for form in forms(kind):
        expected = sorted_here(whole["items"], SORT[kind].parse(form))
        assert get(client, f"{LISTS[kind]}?sort={form}{chosen}")["items"] == expected
        for limit in (5,) if cluster else (4, 17):
            answers = list(paged(client, f"{LISTS[kind]}?sort={form}&limit={limit}{chosen}"))
            assert [item for answer in answers for item in answer["items"]] == expected, (form, limit)
            assert {answer["total"] for answer in answers} == {len(expected)}
            assert [len(answer["items"]) for answer in answers[:-1]] == [limit] * (len(answers) - 1)
            assert {answer["time"] for answer in answers} == {whole["time"]}
            assert {"partial" in answer for answer in answers} == {"partial" in whole}


@pytest.mark.parametrize("path", ["/api/nodes/n1/pods", "/api/namespaces/shop/pods", "/api/deployments/api/pods"])
@pytest.mark.parametrize("limit", [1, 3, 5])
def test_pages_of_an_owners_pods(client: FlaskClient, path: str, limit: int) -> None:
    chosen = "cluster=east&namespace=back" if "deployments" in path else "cluster=east"
    whole = get(client, f"{path}?{chosen}")["items"]
    assert whole
    for form in ("-cpu_cores", "cpu_cores", "-cpu_throttled_ratio", "restarts", "-started", "name", "-namespace"):
        expected = sorted_here(whole, SORT["pod"].parse(form))
        assert get(client, f"{path}?{chosen}&sort={form}")["items"] == expected
        answers = list(paged(client, f"{path}?{chosen}&sort={form}&limit={limit}"))
        assert [item for answer in answers for item in answer["items"]] == expected, form
        assert {answer["total"] for answer in answers} == {len(whole)}


def test_what_is_in_the_store_twice_under_one_name_is_listed_once(client: FlaskClient) -> None:
    whole = {item["uid"]: item for item in get(client, "/api/pods?cluster=east")["items"]}
    assert len(whole) == len(PODS) - 2
    assert {uid for uid in whole if uid.startswith("d")} == {"d2", "d4"}
    first = get(client, "/api/pods?cluster=east&sort=-cpu_cores&limit=1")
    assert [item["name"] for item in first["items"]] == ["api-3"]
    # Where the older one was, there is none by that name any more.
    for path in ("/api/nodes/n1/pods?cluster=east", "/api/pods?cluster=east&node=n1", "/api/pods?node=n1&phase=Running",
                 "/api/nodes/n1/pods?cluster=east&limit=50&sort=-cpu_cores"):  # fmt: skip
        assert not {item["uid"] for item in get(client, path)["items"]} & {"d1", "d3"}, path
    pending = get(client, "/api/pods?cluster=east&phase=Pending&limit=10")
    assert [item["uid"] for item in pending["items"]] == ["d4", "p1"]
    assert get(client, "/api/pods?cluster=east&name=db-1&phase=Running")["total"] == 0


def test_what_lingers_of_an_owner_that_is_gone_is_not_another_clusters(client: FlaskClient) -> None:
    for path in ("/api/namespaces/left/pods", "/api/namespaces/left/deployments"):
        for query in ("", "?limit=5", "?limit=5&sort=-cpu_cores", "?metrics=cpu_cores"):
            assert get(client, f"{path}{query}")["items"] == [], path
        assert get(client, f"{path}?cluster=east", 404)["status"] == 404


FILTERS = (
    "namespace=shop",
    "namespace=none",
    "node=n1",
    "node=n3",
    "workload=web",
    "workload=Deployment/web",
    "workload=StatefulSet/db",
    "phase=Running",
    "phase=Pending",
    "phase=Failed",
    "name=eb-",
    "name=d",
    "cluster=east",
    "cluster=north",
)


def admits(item: dict[str, Any], filter_: str) -> bool:
    name, text = filter_.split("=")
    if name == "name":
        return text in item["name"]
    if name == "workload" and "workload" in item:
        kind, _, workload = text.rpartition("/")
        return bool(item["workload"]["name"] == workload and kind in ("", item["workload"]["kind"]))
    if name == "workload":
        return text in (item["name"], f"Deployment/{item['name']}")
    if name in ("namespace", "node") and name not in item:
        return bool(item["name"] == text)
    return bool(item[name] == text)


def pairs(filters: tuple[str, ...]) -> list[tuple[str, ...]]:
    two = combinations(filters, 2)
    return [*((one,) for one in filters), *(pair for pair in two if pair[0].split("=")[0] != pair[1].split("=")[0])]


@pytest.mark.parametrize("query", ["", "&limit=3&sort=-cpu_cores", "&limit=100&sort=restarts", "&metrics=cpu_cores"])
def test_each_filter_of_pods_and_each_two(client: FlaskClient, query: str) -> None:
    whole = sorted_here(get(client, "/api/pods")["items"], SORT["pod"].parse("name"))
    for chosen in pairs(FILTERS):
        expected = [item for item in whole if all(admits(item, filter_) for filter_ in chosen)]
        answer = get(client, f"/api/pods?{'&'.join(chosen)}{query}")
        assert answer["total"] == len(expected), chosen
        if "limit=3" in query:
            expected = sorted_here(expected, SORT["pod"].parse("-cpu_cores"))[:3]
        elif "restarts" in query:
            expected = sorted_here(expected, SORT["pod"].parse("restarts"))
        if "metrics" in query:
            assert [place_of(item) for item in answer["items"]] == [place_of(item) for item in expected], chosen
        else:
            assert answer["items"] == expected, chosen


@pytest.mark.parametrize(
    ("path", "filters"),
    [
        ("/api/nodes", ("node=n1", "node=none", "name=n", "name=3", "cluster=east")),
        ("/api/namespaces", ("namespace=shop", "namespace=none", "name=o", "name=em", "cluster=west")),
        (
            "/api/deployments",
            ("namespace=shop", "workload=web", "workload=Deployment/api", "workload=StatefulSet/db", "name=e",
             "cluster=north"),
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("query", ["", "&limit=1&offset=1", "&metrics=cpu_cores"])
def test_each_filter_of_other_lists_and_each_two(
    client: FlaskClient, path: str, filters: tuple[str, ...], query: str
) -> None:
    whole = get(client, path)["items"]
    for chosen in pairs(filters):
        expected = [item for item in whole if all(admits(item, filter_) for filter_ in chosen)]
        answer = get(client, f"{path}?{'&'.join(chosen)}{query}")
        assert answer["total"] == len(expected), chosen
        if "limit" in query:
            expected = expected[1:2]
        if "metrics" in query:
            assert [place_of(item) for item in answer["items"]] == [place_of(item) for item in expected], chosen
        else:
            assert answer["items"] == expected, chosen


@pytest.mark.parametrize(
    "query", ["", "&limit=2&sort=-cpu_cores", "&limit=2", "&metrics=cpu_cores,disk_read_bytes_per_second"]
)
@pytest.mark.parametrize(
    ("path", "filters"),
    [
        ("/api/nodes/n1/pods?cluster=east", ("namespace=shop", "workload=web", "phase=Failed", "name=web", "name=zz")),
        ("/api/namespaces/shop/pods?cluster=east", ("node=n2", "workload=web", "phase=Failed", "name=web", "node=zz")),
        ("/api/deployments/web/pods?cluster=east&namespace=shop", ("node=n2", "phase=Running", "name=-2", "node=zz")),
        ("/api/namespaces/shop/deployments?cluster=east", ("workload=web", "name=ap", "workload=Job/web", "name=zz")),
        ("/api/namespaces/shop/pods?cluster=north", ("node=n1", "phase=Running", "node=zz")),
        ("/api/deployments/web/pods?cluster=north", ("node=n1", "phase=Running", "node=zz")),
        ("/api/nodes/n1/pods?cluster=north", ("namespace=shop", "workload=zz")),
        ("/api/namespaces/shop/deployments?cluster=north", ("workload=web", "workload=zz")),
    ],
)  # fmt: skip
def test_filters_of_an_owners_list(client: FlaskClient, path: str, filters: tuple[str, ...], query: str) -> None:
    whole = get(client, path)["items"]
    assert whole
    for chosen in pairs(filters):
        expected = [item for item in whole if all(admits(item, filter_) for filter_ in chosen)]
        answer = get(client, f"{path}&{'&'.join(chosen)}{query}")
        assert answer["total"] == len(expected), chosen
        if "sort" in query:
            expected = sorted_here(expected, Ordering("cpu_cores", descending=True))
        if "limit" in query:
            expected = expected[:2]
        assert [place_of(item) for item in answer["items"]] == [place_of(item) for item in expected], chosen
        if "metrics" not in query:
            assert answer["items"] == expected, chosen


def test_a_filter_that_lets_nothing_through_is_no_error_and_an_owner_that_is_not_there_is(client: FlaskClient) -> None:
    for path in ("/api/pods?namespace=none", "/api/namespaces?namespace=none", "/api/nodes?node=none&limit=3",
                 "/api/deployments?workload=none&limit=3", "/api/nodes/n1/pods?cluster=east&namespace=none",
                 "/api/namespaces/empty/pods?cluster=east&node=n1&limit=3&sort=-cpu_cores",
                 "/api/namespaces/empty/deployments?cluster=west&name=web"):  # fmt: skip
        answer = get(client, path)
        assert (answer["items"], answer["total"], "next" in answer) == ([], 0, False), path
    for query in ("", "?phase=Running", "?limit=5&sort=-cpu_cores", "?limit=5"):
        for owner in ("/api/nodes/none/pods", "/api/namespaces/none/pods", "/api/deployments/none/pods"):
            assert get(client, f"{owner}{query}", 404)["status"] == 404
            ambiguous = owner.replace("nodes/none", "nodes/n1").replace("none", "web" if "depl" in owner else "shop")
            assert "east, north, west" in get(client, f"{ambiguous}{query}", 400)["detail"]


def test_beyond_the_end_is_an_empty_page_with_the_true_total(client: FlaskClient) -> None:
    for path in (*LISTS.values(), "/api/namespaces/shop/pods", "/api/namespaces/shop/deployments"):
        total = get(client, f"{path}?cluster=east")["total"]
        for query in ("", "&limit=3", "&limit=3&sort=-cpu_cores", "&sort=cpu_cores", "&metrics=cpu_cores&limit=2"):
            answer = get(client, f"{path}?cluster=east&offset={total}{query}")
            assert (answer["items"], answer["total"], "next" in answer) == ([], total, False)


def test_far_down_a_list_nothing_is_tried_first(client: FlaskClient) -> None:
    answer = get(client, "/api/pods?cluster=west&offset=1000&limit=3&sort=-cpu_cores&explain=true")
    assert (answer["items"], answer["total"], len(answer["explain"])) == ([], 6, 2)


def test_the_following_page_keeps_every_other_parameter(client: FlaskClient) -> None:
    answer = get(client, "/api/pods/?limit=2&name=web&cluster=east&offset=1&workload=Deployment/web&sort=-cpu_cores")
    assert answer["next"] == (
        "/api/pods?limit=2&name=web&cluster=east&workload=Deployment%2Fweb&sort=-cpu_cores&offset=3"
    )
    assert "next" not in get(client, "/api/pods?offset=1")
