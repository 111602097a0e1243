"""Nodes and pods: what integration does not reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from facade.entities.facts import Facts, Sources
from facade.entities.nodes import node_entity
from facade.entities.pods import pod_entity
from promql import names
from promql.catalogue import Catalogue

CATALOGUE = Catalogue.load()
POD = {"cluster": "c", "namespace": "shop", "pod": "web-1", "uid": "u", "node": "n1", "workload": "web"}


def sources(node: str = "resource detail storage node_pods", cluster: str = "") -> Sources:
    found = Sources()
    found.ages["c", "n1"].update(dict.fromkeys(node.split(), 2.5))
    if cluster:
        found.ages["c", ""].update(dict.fromkeys(cluster.split(), 1.0))
    return found


def node(known: Sources, values: Mapping[str, float] | None = None) -> dict[str, Any]:
    facts = Facts({"cluster": "c", "node": "n1"}, dict(values or {}))
    return node_entity(facts, known, CATALOGUE.of_kind("node"), CATALOGUE.totals, with_cluster=True)


def pod(
    known: Sources, values: Mapping[str, float] | None = None, *, phase: str = "Running", alone: bool = False
) -> dict[str, Any]:
    facts = Facts(dict(POD), dict(values or {}), {"phase": phase, "host_network": "false"})
    return pod_entity(facts, known, CATALOGUE.of_kind("pod"), alone=alone, with_cluster=False)


def test_what_only_scope_cluster_knows_of_a_node() -> None:
    silent = node(sources())
    assert {silent["missing"][key] for key in ("ready", "pods", "capacity.pods", "cpu_of_allocatable")} == {
        "not_collected", "not_reported",
    }  # fmt: skip
    assert silent["missing"]["cpu_of_allocatable"] == "not_reported"  # for its usage is not
    assert silent["missing"]["allocatable.cpu_cores"] == "not_collected"
    heard = node(sources(cluster="nodes"), {names.NODE_READY.name: 1.0, names.NODE_CPU_USAGE_CORES.name: 1.0})
    assert (heard["ready"], heard["cluster"], heard["age"]) == (True, "c", 2.5)
    # It is heard, and the node's status has no allocatable.
    assert heard["missing"]["allocatable.cpu_cores"] == heard["missing"]["cpu_of_allocatable"] == "not_reported"


def test_a_node_without_pods_is_only_known_while_pods_are_counted() -> None:
    assert node(sources(cluster="pods"))["pods"] is None
    counted = sources(cluster="pods")
    counted.collections["c"] = 100
    empty = node(counted)
    assert (empty["pods"], empty["requests"]["cpu_cores"]) == (0, 0)


def test_a_limit_of_nothing_is_no_limit() -> None:
    known = {names.POD_CPU_USAGE_CORES.name: 1.0, names.POD_CPU_LIMIT_CORES.name: 0.0}
    found = pod(sources(), known)
    assert (found["limits"]["cpu_cores"], found["utilization"]["cpu_of_limit"]) == (0, None)
    assert found["missing"]["cpu_of_limit"] == "no_limit"


def test_a_utilization_has_the_first_reason_of_its_two_sides() -> None:
    found = pod(sources("node_pods"))
    assert found["missing"]["cpu_of_limit"] == "no_samples"
    assert found["missing"]["limits.cpu_cores"] == "no_limit"


@pytest.mark.parametrize("alone", [True, False])
def test_kills_are_counted_in_the_route_of_one_pod_and_the_last_is_told_in_both(alone: bool) -> None:
    found = pod(sources(), {"oom_kills": 2, names.POD_LAST_OOM_KILL_TIMESTAMP_SECONDS.name: 1795487423.0}, alone=alone)
    assert ("oom_kills" in found) == alone
    assert found["last_oom_kill"] == "2026-11-24T02:30:23Z"
    never = pod(sources(""), alone=alone)
    assert never["last_oom_kill"] is None
    assert "last_oom_kill" not in never["missing"]


def test_a_finished_pod_on_a_silent_node_is_not_running() -> None:
    assert set(pod(sources(""), phase="Succeeded", alone=True)["missing"].values()) == {"not_running"}


def test_restarts_are_no_longer_told_when_the_exporter_is_silent() -> None:
    """The last count is looked for some scrapes back, for an exporter that is being replaced."""
    counted = {names.POD_CONTAINER_RESTARTS.name: 3.0}
    assert pod(sources(), counted)["restarts"] == 3
    silent = pod(sources("resource"), counted)
    assert (silent["restarts"], silent["missing"]["restarts"]) == (None, "no_samples")
