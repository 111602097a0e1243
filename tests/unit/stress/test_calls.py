"""Which routes a facade is taken to have, and the calls that are made of them."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.stress.calls import Call, Plan, calls_of
from tests.stress.declared import Route, from_links, from_openapi, with_the_root
from tests.stress.entities import NOBODY, Entity, entities_of

POD = Entity("pod", "web-1", "shop", "east", "n1", "Deployment/web")
ONE_POD = Route("/api/pods/{pod}", {"namespace": {}, "cluster": {}, "explain": {}})
PODS = Route(
    "/api/pods", {name: {} for name in ("namespace", "node", "workload", "name", "limit", "offset", "explain")}
)
DOCUMENT = {
    "paths": {
        "/api/pods": {
            "parameters": [{"$ref": "#/components/parameters/limit"}],
            "get": {
                "responses": {"200": {}, "304": {}},
                "parameters": [{"name": "sort", "in": "query", "schema": {"$ref": "#/components/schemas/a~1b"}}],
            },
        },
        "/api/pods/{pod}": {"get": {"parameters": [{"name": "pod", "in": "path", "schema": {"type": "string"}}]}},
        "/api/write": {"post": {}},
    },
    "components": {
        "parameters": {"limit": {"name": "limit", "in": "query", "schema": {"type": "integer"}}},
        "schemas": {"a/b": {"enum": ["name", "-name"]}},
    },
}


def test_routes_of_an_openapi_document() -> None:
    assert from_openapi(DOCUMENT) == [
        Route("/api/pods", {"limit": {"type": "integer"}, "sort": {"enum": ["name", "-name"]}}, tagged=True),
        Route("/api/pods/{pod}"),
    ]


def test_routes_from_links_are_those_of_the_contract() -> None:
    routes = from_links(["/api/nodes", "/api/deployments", "/healthz"])
    assert [route.template for route in with_the_root(routes)] == [
        "/", "/api/nodes", "/api/nodes/{node}", "/api/nodes/{node}/timeseries", "/api/nodes/{node}/pods",
        "/api/deployments", "/api/deployments/{deployment}", "/api/deployments/{deployment}/timeseries",
        "/api/deployments/{deployment}/pods", "/healthz",
    ]  # fmt: skip
    assert "namespace" not in routes[1].parameters
    assert "namespace" in routes[5].parameters


@pytest.mark.parametrize(
    ("template", "frame", "owner", "items"),
    [
        ("/", "about", None, None),
        ("/metrics", "metrics", None, None),
        ("/docs", "other", None, None),
        ("/api/pods", "list", None, "pod"),
        ("/api/namespaces/{namespace}", "entity", "namespace", None),
        ("/api/namespaces/{namespace}/deployments", "list", "namespace", "deployment"),
        ("/api/deployments/{deployment}/timeseries", "series", "deployment", None),
        ("/api/timeseries", "kind_series", None, None),
        ("/api/else", "other", None, None),
    ],
)
def test_what_a_template_says(template: str, frame: str, owner: str | None, items: str | None) -> None:
    route = Route(template)
    assert (route.frame, route.owner, route.items) == (frame, owner, items)


def test_a_route_admits_only_what_it_takes() -> None:
    route = Route("/api/pods", {"sort": {"enum": ["name"]}, "limit": {}})
    assert route.admits({"sort": "name", "limit": "2"})
    assert not route.admits({"sort": "-cpu_cores"})
    assert not route.admits({"offset": "1"})


def test_a_call_about_an_entity_says_which_one_is_meant() -> None:
    request = Call(ONE_POD).request(POD, 0)
    assert (request.path, request.statuses) == ("/api/pods/web-1?namespace=shop&cluster=east", frozenset({200}))
    unplaced = Call(ONE_POD, statuses=frozenset({200, 400}), placed=False).request(POD, 0)
    assert (unplaced.path, unplaced.statuses) == ("/api/pods/web-1", frozenset({200, 400}))


def test_where_there_is_nothing_it_must_not_be_found() -> None:
    request = Call(ONE_POD).request(None, 0)
    assert (request.path, request.statuses, request.wanted) == (f"/api/pods/{NOBODY}", frozenset({404}), False)
    assert Call(PODS, {"namespace": "{namespace}", "limit": "2"}).request(None, 0).path == "/api/pods?limit=2"


def test_values_of_an_entity_and_of_the_time_are_filled_in() -> None:
    query = {"name": "{part}", "workload": "{workload}", "start": "{two_hours_ago}", "end": "{hour_ago}"}
    assert Call(PODS, query).request(POD, 10000.9).query == {
        "name": "we", "workload": "Deployment/web", "start": "2800", "end": "6400",
    }  # fmt: skip
    assert Entity("node", "n1").values()["node"] == "n1"


def test_every_mistake_names_what_it_is_about() -> None:
    refused = [call for call in calls_of(ONE_POD) if 400 in call.statuses and 200 not in call.statuses]
    assert Counter(call.blamed for call in refused) == Counter(["colour", "pod", "namespace", "cluster", "explain"])
    statuses = {status for call in calls_of(ONE_POD) for status in call.statuses}
    assert statuses == {200, 400, 404, 405, 406}


def test_a_route_with_tags_is_asked_for_what_has_not_changed() -> None:
    (call,) = [call for call in calls_of(Route("/api/pods", tagged=True)) if 304 in call.statuses]
    assert call.headers == {"If-None-Match": "*"}
    assert Call(ONE_POD, statuses=frozenset({304})).request(None, 0).statuses == {404}


def test_the_plan_calls_every_route_before_any_twice() -> None:
    plan = Plan([PODS, ONE_POD, Route("/healthz")], {"pod": [POD]}, clock=lambda: 0)
    assert [plan.next().call.route.template for _ in range(3)] == ["/api/pods", "/api/pods/{pod}", "/healthz"]
    rest = [plan.next().call for _ in range(len(plan.calls))]
    assert rest[-3:] == plan.calls[:3]  # and from the beginning again


def test_entities_are_taken_in_turn_until_they_are_gone() -> None:
    other = Entity("pod", "web-2", "shop")
    plan = Plan([ONE_POD], {"pod": [POD, other]}, clock=lambda: 0)
    named = {request.entity for request in (plan.next() for _ in range(len(plan.calls)))}
    assert named == {POD, other}
    plan.forget(POD)
    plan.forget(POD)
    assert {request.entity for request in (plan.next() for _ in range(len(plan.calls)))} == {other}


def test_where_an_entity_is_listed() -> None:
    assert Plan([PODS], {}).list_path(POD) == "/api/pods?name=web-1"
    assert Plan([Route("/api/pods")], {}).list_path(POD) == "/api/pods"


def test_items_that_are_none_are_left_out() -> None:
    item = {"name": "web-1", "namespace": "shop", "node": None, "workload": {"kind": "Deployment", "name": "web"}}
    assert entities_of("pod", [item, {}, {"name": 3}]) == [Entity("pod", "web-1", "shop", workload="Deployment/web")]
