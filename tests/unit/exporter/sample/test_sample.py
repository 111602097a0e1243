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

RATES = [
    ("cpu_usage_cores", "cpu_usage_seconds_total"),
    ("network_receive_bytes_per_second", "network_receive_bytes_total"),
    ("network_transmit_bytes_per_second", "network_transmit_bytes_total"),
    ("disk_read_bytes_per_second", "disk_read_bytes_total"),
    ("disk_written_bytes_per_second", "disk_written_bytes_total"),
]

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
    # A whole exporter has neither errors nor shards.
    assert set(names.METRICS) - published == {names.SOURCE_ERRORS.name, names.SOURCE_SHARDS.name}


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
def test_over_weeks_no_counter_falls_and_no_series_comes_or_goes(node: str) -> None:
    before = at(NOW - 21 * 86400, "node", node)
    for quarter in range(1, 6 * 7 * 24 * 4):
        now = at(NOW - 21 * 86400 + 900.0 * quarter, "node", node)
        assert now.keys() == before.keys()
        assert [series for series in now if series[0].endswith("_total") and now[series] < before[series]] == []
        before = now


@pytest.mark.parametrize("node", NODES)
def test_an_hours_gauges_average_to_its_counters_increase(node: str) -> None:
    """As a chart of the gauge and a chart of the counter's rate are compared by eye."""
    scrapes = [at(NOW + 15.0 * step, "node", node) for step in range(241)]
    compared = 0
    for gauge, counter in RATES:
        for name, pairs in scrapes[0]:
            if not name.endswith(f"_{gauge}") or name.startswith("cloudmon_container"):
                continue
            total = name.removesuffix(gauge) + counter, pairs
            mean = sum(scrape[name, pairs] for scrape in scrapes[1:]) / 240
            assert (scrapes[-1][total] - scrapes[0][total]) / 3600 == pytest.approx(mean, rel=0.01), name
            # And at any single time a gauge is near the minute's rate.
            for first, last in zip(scrapes, scrapes[4:], strict=False):
                assert (last[total] - first[total]) / 60 == pytest.approx(last[name, pairs], rel=0.4), name
            compared += 1
    assert compared >= 5 * (1 + sum(pod.node == node for pod in PODS))


@pytest.mark.parametrize("node", NODES)
@pytest.mark.parametrize(
    ("gauge", "counter"),
    RATES,
)
def test_a_gauge_is_its_counters_difference(node: str, gauge: str, counter: str) -> None:
    """CPU that of a moment; throughput, as of a real node, that of the minute before."""
    seconds, tolerance = (2.0, 2e-3) if gauge == "cpu_usage_cores" else (60.0, 1e-4)
    before, middle, after = (at(NOW - seconds + step, "node", node) for step in (0, seconds / 2, seconds))
    gauges = middle if gauge == "cpu_usage_cores" else after
    compared = 0
    for (name, pairs), rate in gauges.items():
        if name.removeprefix("cloudmon_node_").removeprefix("cloudmon_pod_") == gauge:
            series = (name.removesuffix(gauge) + counter, pairs)
            bytes_cut_off = 0.0 if gauge == "cpu_usage_cores" else 3 / seconds
            assert (after[series] - before[series]) / seconds == pytest.approx(rate, rel=tolerance, abs=bytes_cut_off)
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


def test_the_fleet_is_what_it_says_and_nothing_else() -> None:
    """And says that it is a sample: a node's operating system, besides the label that its scrape configuration sets."""
    published = [one for scope, node in SCOPES for one in sample.samples(scope, node, NOW)]
    values = {
        label: {dict(pairs)[label] for _, pairs, _ in published if label in dict(pairs)} for label in ("node", "pod")
    }
    assert values == {"node": {"node-1", "node-2"}, "pod": {"web-server-1", "app-backend-1", "prometheus-1"}}
    systems = [dict(pairs)["os_image"] for name, pairs, _ in published if name == "cloudmon_node_info"]
    assert systems == ["Sample Linux", "Sample Linux"]
    for name, pairs, _ in published:
        pod = dict(pairs).get("pod")
        if pod and name.startswith("cloudmon_pod_"):
            (known,) = (one for one in PODS if one.name == pod)
            assert dict(pairs)["workload_kind"] == "Deployment"
            assert (dict(pairs)["namespace"], dict(pairs)["node"]) == (known.namespace, known.node)


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
