from __future__ import annotations

import re
import time

import pytest

from exporter import sample
from exporter.sample.fleet import CREATED, NODES, OOM_PERIOD_SECONDS, PODS
from promql import names
from tests.unit.exporter.golden import check_exposition

NOW = 1795489207.5
SCOPES = [("node", "node-1"), ("node", "node-2"), ("cluster", "")]

Series = tuple[str, tuple[tuple[str, str], ...]]


def at(now: float, scope: str, node: str) -> dict[Series, float]:
    return {(name, pairs): value for name, pairs, value in sample.samples(scope, node, now)}


@pytest.mark.parametrize(("scope", "node"), SCOPES)
def test_exposition(scope: str, node: str) -> None:
    check_exposition(f"sample-{node or scope}", sample.exposition(scope, node, NOW))


@pytest.mark.parametrize(("scope", "node"), SCOPES)
def test_samples_are_those_of_the_exposition(scope: str, node: str) -> None:
    lines = [line for line in sample.exposition(scope, node, NOW).decode().splitlines() if not line.startswith("#")]
    pattern = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
    expected = {}
    for line in lines:
        match = pattern.fullmatch(line)
        assert match is not None
        pairs = tuple(re.findall(r'(\w+)="(.*?)"', match[2] or ""))
        expected[match[1], pairs] = float(match[3])
    assert at(NOW, scope, node) == expected


def test_every_metric_is_there() -> None:
    published = {name for scope, node in SCOPES for name, _, _ in sample.samples(scope, node, NOW)}
    assert set(names.METRICS) - published == {names.SOURCE_ERRORS.name}


def test_labels_are_the_declared_ones() -> None:
    for scope, node in SCOPES:
        for name, pairs, _ in sample.samples(scope, node, NOW):
            declared = set(names.METRICS[name].labels)
            optional = {"node"} if scope == "cluster" else set()
            assert declared - optional <= {label for label, _ in pairs} <= declared, name


@pytest.mark.parametrize(("scope", "node"), SCOPES)
def test_it_follows_from_seed_and_time_alone(scope: str, node: str) -> None:
    assert at(NOW, scope, node) == at(NOW, scope, node)
    if scope == "node":
        other = {(name, pairs): value for name, pairs, value in sample.samples(scope, node, NOW, seed=7)}
        assert other.keys() == at(NOW, scope, node).keys()
        assert other != at(NOW, scope, node)


@pytest.mark.parametrize("node", NODES)
def test_series_stay_the_same_and_counters_grow(node: str) -> None:
    before = at(NOW - 86400, "node", node)
    for step in range(1, 100):
        now = at(NOW - 86400 + 864.0 * step, "node", node)
        assert now.keys() == before.keys()
        for series, value in now.items():
            if series[0].endswith("_total"):
                assert value >= before[series], series
            assert value >= 0, series
        before = now


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize(
    ("gauge", "counter"),
    [
        ("cpu_usage_cores", "cpu_usage_seconds_total"),
        ("network_receive_bytes_per_second", "network_receive_bytes_total"),
        ("network_transmit_bytes_per_second", "network_transmit_bytes_total"),
        ("disk_read_bytes_per_second", "disk_read_bytes_total"),
        ("disk_written_bytes_per_second", "disk_written_bytes_total"),
    ],
)
def test_a_counter_is_the_integral_of_its_rate(node: str, gauge: str, counter: str) -> None:
    before, middle, after = (at(NOW + step, "node", node) for step in (-1, 0, 1))
    compared = 0
    for (name, pairs), rate in middle.items():
        if name.removeprefix("cloudmon_node_").removeprefix("cloudmon_pod_") == gauge:
            series = (name.removesuffix(gauge) + counter, pairs)
            assert (after[series] - before[series]) / 2 == pytest.approx(rate, rel=2e-3)
            compared += 1
    assert compared >= 2


@pytest.mark.parametrize("node", NODES)
def test_a_node_uses_more_than_its_pods(node: str) -> None:
    found = at(NOW, "node", node)
    for (name, _), value in found.items():
        if name.startswith("cloudmon_node_") and (pod_metric := name.replace("_node_", "_pod_")) in names.METRICS:
            assert value > sum(of_pod for (other, _), of_pod in found.items() if other == pod_metric)


def test_values_move() -> None:
    values = [at(NOW + 3600 * hour, "node", "node-1") for hour in range(24)]
    for name, pairs in values[0]:
        if name.endswith(("_cores", "working_set_bytes")) and not re.search("request|limit", name):
            found = [value[name, pairs] for value in values]
            assert max(found) > 1.02 * min(found), name


def test_the_leak_ends_in_an_oom_kill_within_the_limit() -> None:
    (backend,) = (pod for pod in PODS if pod.name == "app-backend-1")
    kill = CREATED + 60 * OOM_PERIOD_SECONDS

    def values(now: float) -> dict[str, float]:
        return {
            name.removeprefix("cloudmon_"): value
            for name, pairs, value in sample.samples("node", "node-2", now)
            if ("container", "app-backend") in pairs or not any(label == "container" for label, _ in pairs)
        }

    before, after = values(kill - 1), values(kill + 1)
    assert after["pod_oom_kills_total"] == before["pod_oom_kills_total"] + 1 == 60
    assert after["pod_container_restarts_total"] == 60
    assert after["pod_last_oom_kill_timestamp_seconds"] == kill
    limit = backend.containers[0].limits.memory_bytes
    assert limit is not None
    assert 0.85 * limit < before["container_memory_working_set_bytes"] < limit
    assert after["container_memory_working_set_bytes"] < 0.5 * limit


def test_pods_and_workloads() -> None:
    assert [(pod.name, pod.namespace, pod.node, pod.workload.kind, pod.workload.name) for pod in PODS] == [
        ("web-server-1", "default", "node-1", "Deployment", "web-server"),
        ("app-backend-1", "default", "node-2", "Deployment", "app-backend"),
        ("prometheus-1", "monitoring", "node-1", "Deployment", "prometheus"),
    ]


def test_before_its_creation_nothing_was_used() -> None:
    found = at(CREATED - 10, "node", "node-2")
    assert {value for (name, _), value in found.items() if name.startswith("cloudmon_pod") and "_total" in name} == {
        0.0
    }


def test_a_node_that_the_fleet_does_not_have() -> None:
    with pytest.raises(KeyError):
        list(sample.samples("node", "node-3", NOW))


def test_a_day_of_all_scopes_takes_seconds() -> None:
    start = time.process_time()
    for step in range(100):
        for scope, node in SCOPES:
            for _ in sample.samples(scope, node, NOW + 15 * step):
                pass
    assert (time.process_time() - start) / 100 * 5760 < 10
