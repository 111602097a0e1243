"""Rows filed by entity."""

from __future__ import annotations

import math
from itertools import chain
from typing import Any

import pytest

from facade.answer import Sample
from facade.entities.facts import Gathered, number
from facade.entities.nodes import node_key
from facade.entities.pods import latest_of_each_name, pod_key
from facade.entities.totals import deployment_key, namespace_key
from promql import names
from promql.catalogue import Catalogue

TOTALS = Catalogue.load().totals
POD = {"cluster": "c", "namespace": "shop", "pod": "web-1"}


def sample(metric: str | names.Metric, value: float, /, **labels: str) -> Sample:
    name = metric if isinstance(metric, str) else metric.name
    return Sample({"__name__": name, **labels}, value)


def gathered(*rows: Sample, key: Any = pod_key) -> Gathered:
    found = Gathered(TOTALS)
    found.add(rows, key)
    return found


def test_a_fact_is_named_by_its_signal_else_by_its_metric() -> None:
    found = gathered(
        sample(names.POD_READY, 1, uid="u", **POD),
        sample("", 0.5, uid="u", signal="cpu_throttled_ratio", **POD),
        sample(names.POD_PHASE, 1, uid="u", phase="Running", **POD),
        sample(names.POD_INFO, 1, uid="u", host_network="true", **POD),
    )
    (facts,) = found.entities.values()
    assert facts.values["cpu_throttled_ratio"] == 0.5
    assert facts.number(names.POD_READY.name) == 1
    assert facts.texts == {"phase": "Running", "host_network": "true"}
    assert facts.labels == {"uid": "u", **POD}


def test_rows_of_no_entity_say_how_far_the_store_can_be_trusted() -> None:
    found = gathered(
        sample(names.SOURCE_SAMPLE_AGE_SECONDS, 4, cluster="c", node="n1", source="resource"),
        sample(names.SOURCE_SAMPLE_AGE_SECONDS, 1, cluster="c", source="pods"),
        sample(TOTALS.evaluation, 100, cluster="c"),
        sample(TOTALS.evaluation, 90, cluster="d"),
        sample(TOTALS.collection, 100, cluster="c"),
        sample("without_a_uid", 1, cluster="c"),
    )
    assert found.entities == {}
    sources = found.sources
    assert (sources.age("c", "n1", "resource"), sources.age("c", "n1", "detail")) == (4, None)
    assert (sources.collected("c", "pods"), sources.collected("c", "nodes"), sources.collected("d", "pods")) == (
        True, False, False,
    )  # fmt: skip
    assert (sources.evaluated("c"), sources.evaluated("d"), sources.evaluated("e")) == (100, 90, None)
    assert (sources.counted("c"), sources.counted("d")) == (True, False)
    assert sources.clusters() == {"c", "d"}


def test_replicas_are_a_fact_a_state() -> None:
    labels = {"cluster": "c", "namespace": "shop", "workload": "web"}
    found = gathered(
        sample(names.WORKLOAD_REPLICAS, 3, state="desired", **labels),
        sample(names.WORKLOAD_REPLICAS, 2, state="ready", **labels),
        key=deployment_key,
    )
    assert found.entities["c", "shop", "web"].values == {
        "cloudmon_workload_replicas:desired": 3,
        "cloudmon_workload_replicas:ready": 2,
    }


def test_keys() -> None:
    labels = {"namespace": "shop", "workload": "web", "node": "n1", "uid": "u"}
    assert (pod_key(labels), node_key(labels)) == (("", "u"), ("", "n1"))
    assert (namespace_key(labels), deployment_key(labels)) == (("", "shop"), ("", "shop", "web"))
    for key in (pod_key, node_key, namespace_key, deployment_key):
        assert key({"cluster": "c"}) is None


@pytest.mark.parametrize(
    ("value", "json"),
    [(None, None), (math.nan, None), (math.inf, None), (3.0, 3), (0.5, 0.5), (-0.0, 0), (2.0**60, 2.0**60)],
)
def test_numbers(value: float | None, json: float | None) -> None:
    found = number(value)
    assert found == json
    assert isinstance(found, int) == isinstance(json, int)


def test_of_pods_with_one_name_the_latest_created_is_meant() -> None:
    def pod(uid: str, created: float | None, started: float | None = None, namespace: str = "shop") -> list[Sample]:
        labels = {**POD, "uid": uid, "namespace": namespace}
        rows = [sample(names.POD_READY, 1, **labels)]
        if created is not None:
            rows.append(sample(names.POD_CREATED_TIMESTAMP_SECONDS, created, **labels))
        if started is not None:
            rows.append(sample(names.POD_START_TIME_SECONDS, started, **labels))
        return rows

    def latest(*pods: list[Sample]) -> list[str]:
        return sorted(facts.labels["uid"] for facts in latest_of_each_name(gathered(*chain(*pods))))

    assert latest(pod("a", 2), pod("b", 1)) == ["a"]
    assert latest(pod("a", 1), pod("b", 2)) == ["b"]
    assert latest(pod("a", None, 5), pod("b", None, 4)) == ["a"]
    assert latest(pod("a", None), pod("b", None)) == ["b"]
    assert latest(pod("a", 1), pod("b", 2, namespace="infra")) == ["a", "b"]


def test_a_pod_of_which_only_its_kills_are_left_is_not_there() -> None:
    killed = sample(names.POD_LAST_OOM_KILL_TIMESTAMP_SECONDS, 1, uid="u", **POD)
    assert latest_of_each_name(gathered(killed)) == []
    assert len(latest_of_each_name(gathered(killed, sample(names.POD_INFO, 1, uid="u", **POD)))) == 1
