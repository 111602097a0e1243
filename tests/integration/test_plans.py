"""What routes of one entity touch in the store does not grow with the cluster, counted selector by selector.

The queries are the facade's own, asked of a real Prometheus that holds a small fleet. It also says whether the counting
is right.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from local.scale_document import PLANS
from promql import names
from tests.harness.plan_fleet import PlanFleet
from tests.harness.plan_routes import ALL, ONE, Asking, asking, total
from tests.harness.plans import Index, Plan, selectors, text

SMALL, LARGE = PlanFleet(100), PlanFleet(1000)
# Known to grow, by four series a node: to be taken off this list by who mends it, for a test fails where they do not.
GROWING = {names.SOURCE_SAMPLE_AGE_SECONDS.name}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    with asking(tmp_path_factory.mktemp("plans") / "data", SMALL) as asked:
        yield asked


@pytest.fixture(scope="module")
def small() -> Index:
    return Index(SMALL.entities())


@pytest.fixture(scope="module")
def large() -> Index:
    return Index(LARGE.entities())


@pytest.mark.parametrize("route", ONE)
def test_a_route_of_one_entity_touches_as_many_series_in_ten_times_the_cluster(
    app: Asking, small: Index, large: Index, route: str
) -> None:
    found = app.selectors(route)
    assert found
    grown = {text(one) for one in found if small.plan(one).series != large.plan(one).series}
    assert {one for one in grown if not any(name in one for name in GROWING)} == set()


def test_what_is_known_to_grow_does(app: Asking, small: Index, large: Index) -> None:
    found = [one for route in ONE for one in app.selectors(route)]
    grown = {name for one in found if small.plan(one).series < large.plan(one).series for name in one.metrics}
    assert grown == GROWING


def test_a_list_of_everything_grows_with_the_cluster(app: Asking, small: Index, large: Index) -> None:
    """The counting sees growth where there is some."""
    for route in ALL:
        found = app.selectors(route)
        assert total(large, found).series > 1.5 * total(small, found).series


def test_the_document_has_the_counts_of_today(app: Asking, large: Index) -> None:
    """It has those that bench/plans.py wrote last."""
    written = json.loads(PLANS.read_text("utf-8"))
    assert list(written) == [*ONE, *ALL]
    series = {route: written[route]["plans"][str(LARGE.pods)]["series"] for route in ONE}
    counted = {route: total(large, app.selectors(route)).series for route in ONE}
    assert series == counted, "run `python bench/plans.py --json local/scale_plans.json` and `make docs`"


def test_the_counts_are_those_of_prometheus(app: Asking, small: Index) -> None:
    found = {one for route in (*ONE, *ALL) for one in app.selectors(route)}
    counted = {text(one): small.plan(one).series for one in found}
    assert counted == {text(one): app.really(one) for one in found}
    assert sum(count > 0 for count in counted.values()) > 100


@pytest.mark.parametrize(
    ("selector", "plan"),
    [
        ("cloudmon_pod_ready", Plan(100, 1)),
        ('cloudmon_pod_ready{namespace="ns-0000"}', Plan(100, 2)),
        ('cloudmon_pod_ready{node="node-0003"}', Plan(10, 2)),
        ('cloudmon_pod_ready{node!="", workload="app-0000-3"}', Plan(10, 6)),
        ('cloudmon_pod_ready{node=""}', Plan(0, 5)),
        ('cloudmon_pod_ready{node=~"node-0000|node-0003|elsewhere"}', Plan(40, 3)),
        ('cloudmon_pod_ready{node!~"node-0000|node-0003"}', Plan(60, 5)),
        ('cloudmon_pod_phase{phase!~"Succeeded|Failed"}', Plan(100, 2)),
        ('{__name__=~"cloudmon_pod_info|cloudmon_pod_phase", host_network="true"}', Plan(5, 3)),
        ('cloudmon_node_ready{node="nothing"}', Plan(0, 2)),
    ],
)
def test_a_selector_is_counted_by_hand(small: Index, selector: str, plan: Plan) -> None:
    assert [small.plan(found) for found in selectors(f"max by (uid) ({selector})")] == [plan]
