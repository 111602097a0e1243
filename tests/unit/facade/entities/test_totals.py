"""Namespaces and Deployments from recorded totals: what integration does not reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from facade.entities.facts import Facts, Sources
from facade.entities.totals import TotalsView
from promql import names
from promql.catalogue import Catalogue, record

CATALOGUE = Catalogue.load()
VIEW = TotalsView("namespace", CATALOGUE.totals, CATALOGUE.of_kind("namespace"))
CPU, LIMIT = names.POD_CPU_USAGE_CORES.name, names.POD_CPU_LIMIT_CORES.name
TRAFFIC = names.POD_NETWORK_RECEIVE_BYTES_PER_SECOND.name
EXPECTED, EXPECTED_NETWORK, PODS = "cloudmon_pods_expected", "cloudmon_pods_expected_network", "cloudmon_pods"


def sources(*, evaluated: bool = True, counted: bool = True) -> Sources:
    found = Sources()
    found.ages["c", ""].update({"pods": 1.0, "deployments": 1.0})
    if evaluated:
        found.evaluations["c"] = 100
    if evaluated and counted:
        found.collections["c"] = 100
    return found


def entity(known: Sources, records: Mapping[str, float] | None = None, *, silent: bool = False) -> dict[str, Any]:
    """``records`` as metric__what: value."""
    values = {record("namespace", *key.split("__")): value for key, value in (records or {}).items()}
    return VIEW.entity(("c", "shop"), Facts(values=values), known, lambda _key, _source: silent, with_cluster=False)


def test_a_sum_and_how_many_stand_behind_it() -> None:
    found = entity(sources(), {f"{CPU}__sum": 2.5, f"{CPU}__count": 3, f"{EXPECTED}__count": 4, f"{PODS}__count": 5})
    assert found["usage"]["cpu_cores"] == 2.5
    assert found["coverage"]["cpu_cores"] == [3, 4]
    assert found["pods"] == 5


def test_pods_too_young_to_be_expected_are_in_the_sum_and_not_in_the_coverage() -> None:
    found = entity(sources(), {f"{CPU}__sum": 2.5, f"{PODS}__count": 1})
    assert found["usage"]["cpu_cores"] == 2.5
    assert "cpu_cores" not in found.get("coverage", {})


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (sources(evaluated=False), "no_samples"),
        # Scope cluster has just come back: it is heard now, and was not when the totals were recorded.
        (sources(counted=False), "not_collected"),
    ],
)
def test_what_was_not_counted_is_not_0(known: Sources, reason: str) -> None:
    found = entity(known)
    assert {*found["usage"].values(), *found["requests"].values(), found["pods"]} == {None}
    assert found["missing"]["cpu_cores"] == found["missing"]["requests.cpu_cores"] == reason
    assert found["missing"]["pods"] == "not_collected"
    assert "coverage" not in found


def test_no_pods_use_nothing() -> None:
    found = entity(sources())
    assert found["pods"] == 0
    assert {value for key, value in found["usage"].items() if key != "cpu_throttled_ratio"} == {0}
    assert {*found["requests"].values(), *found["limits"].values()} == {0}
    assert set(found["missing"].values()) == {"not_running"}


@pytest.mark.parametrize(("silent", "reason"), [(True, "no_samples"), (False, "not_reported")])
def test_pods_of_which_none_reports(silent: bool, reason: str) -> None:
    found = entity(sources(), {f"{EXPECTED}__count": 2, f"{PODS}__count": 2}, silent=silent)
    assert found["usage"]["cpu_cores"] is None
    assert found["missing"]["cpu_cores"] == reason
    assert found["coverage"]["cpu_cores"] == [0, 2]
    # None of them is expected to have traffic of its own.
    assert found["missing"]["network_receive_bytes_per_second"] == "host_network"


def test_traffic_is_of_the_pods_that_have_their_own() -> None:
    running = {f"{EXPECTED}__count": 2.0, f"{EXPECTED_NETWORK}__count": 1.0, f"{PODS}__count": 2.0}
    found = entity(sources(), {**running, f"{TRAFFIC}__sum": 7.0, f"{TRAFFIC}__count": 1.0})
    assert found["usage"]["network_receive_bytes_per_second"] == 7
    assert "network_receive_bytes_per_second" not in found["coverage"]


def test_a_utilization_is_over_the_pods_that_have_both() -> None:
    both = {f"{CPU}__sum_with_limit": 1.0, f"{LIMIT}__sum_with_usage": 4.0}
    assert entity(sources(), {f"{PODS}__count": 3.0, **both})["utilization"]["cpu_of_limit"] == 0.25


def test_no_utilization() -> None:
    pods = {f"{PODS}__count": 1.0, f"{EXPECTED}__count": 1.0}
    assert entity(sources(), pods)["missing"]["cpu_of_limit"] == "no_limit"
    assert entity(sources(), pods)["missing"]["cpu_of_request"] == "no_request"
    # There is a limit, and no usage beside it.
    assert entity(sources(), {**pods, f"{LIMIT}__count": 1.0})["missing"]["cpu_of_limit"] == "not_reported"
    assert entity(sources(), pods, silent=True)["missing"]["cpu_of_limit"] == "no_samples"


def test_nothing_throttled_of_no_period_is_0() -> None:
    names_of_both = ("cloudmon_pod_cpu_throttled_periods_total", "cloudmon_pod_cpu_periods_total")
    rates = {f"{name}__sum_rate": 0.0 for name in names_of_both}
    found = entity(sources(), {f"{PODS}__count": 1.0, **rates})
    assert found["usage"]["cpu_throttled_ratio"] == 0
