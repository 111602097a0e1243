"""Every number of an answer, made again in plain Python from the samples that Prometheus stored.

The fleet's numbers are noise, its counters step at the pace of their sources, one restarts, and pods come and go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, pairwise
from typing import Any
from zlib import crc32

import pytest
from flask.testing import FlaskClient

from promql import names
from tests.harness.fleet import DAY, Fleet, FleetPod, Sample, row
from tests.harness.prometheus import Prometheus
from tests.harness.store import DETAIL_SECONDS, application, store

NOW = 1794495607.0  # 2026-11-12T15:00:07Z
END = 1794495600
RESTARTED = NOW - 1500
Points = Sequence[tuple[float, float]]


def noise(key: str, time: float) -> float:
    """Between 0 and 1, and the same for the same second."""
    return crc32(f"{key}/{time:.3f}".encode()) / 2**32


@cache
def sums(key: str, pace: float) -> list[float]:
    """Sums of noise, one a step, with a burst now and then."""
    steps = (noise(key, step) * pace * (20 if step % 37 == 0 else 1) for step in range(int(8100 // pace)))
    return list(accumulate(steps, initial=0.0))


def counter(key: str, time: float, pace: float, since: float) -> float:
    """What was counted since then, at a steady pace."""
    return sums(key, pace)[int((time - since) // pace)]


FLEET = Fleet(
    (
        FleetPod("shop", "web-1", "w1", ("Deployment", "web"), created=NOW - DAY),
        FleetPod("shop", "web-2", "w2", ("Deployment", "web"), created=NOW - DAY, node="n2", limits=False),
        FleetPod("shop", "job-1", "j1", ("Job", "job"), created=NOW - 2900, until=NOW - 2000, disk=False),
        FleetPod("shop", "db-0", "d1", ("StatefulSet", "db"), created=NOW - DAY, until=NOW - 3000),
        FleetPod("shop", "db-0", "d2", ("StatefulSet", "db"), created=NOW - 2400),
        FleetPod("infra", "agent", "a1", ("DaemonSet", "agent"), created=NOW - DAY, host_network=True),
    ),
    nodes=("n1", "n2"),
    namespaces=("shop", "infra"),
    deployments=(("shop", "web", 2),),
)


def noisy(scope: str, node: str, time: float) -> Iterator[Sample]:
    """The fleet with noise for what was measured."""
    for name, labels, value in FLEET.samples(scope, node, time):
        of = dict(labels)
        key = f"{name}/{of.get('uid', node)}"
        if name.endswith(("_restarts_total", "_kills_total")) or scope == "cluster":
            yield name, labels, value
        elif name.endswith("_total"):
            since = RESTARTED if of.get("uid") == "w2" and time >= RESTARTED else NOW - 8000
            yield name, labels, counter(key, time, 1 if "cpu_usage" in name else DETAIL_SECONDS, since)
        elif name in MEASURED:
            yield name, labels, 1e6 * noise(key, time)
        else:
            yield name, labels, value
    if scope == "node":
        received = counter(f"received/{node}", time, DETAIL_SECONDS, NOW - 8000)
        yield row(names.NODE_NETWORK_RECEIVE_BYTES, {"node": node}, received)
        yield row(names.NODE_MEMORY_RSS_BYTES, {"node": node}, 1e9 * noise(f"rss/{node}", time))


MEASURED = {
    metric.name
    for metric in names.METRICS.values()
    if metric.name.startswith("cloudmon_pod_") and metric.name.endswith(("usage_cores", "_bytes", "per_second"))
} - {names.POD_MEMORY_REQUEST_BYTES.name, names.POD_MEMORY_LIMIT_BYTES.name}


@dataclass(frozen=True)
class Stored:
    """The store, and the application on it."""

    prometheus: Prometheus
    client: FlaskClient

    def get(self, path: str) -> Any:
        response = self.client.get(path)
        assert response.status_code == 200, response.get_data(as_text=True)
        return response.get_json()

    def samples(self, metric: str, **labels: str) -> dict[str, Points]:
        """All stored samples of the series, by uid (or node, or "")."""
        matchers = ", ".join(f'{label}="{value}"' for label, value in labels.items())
        found = self.prometheus.query_matrix(f"{metric}{{{matchers}}}[3h]", NOW)
        return {series.labels.get("uid", series.labels.get("node", "")): series.points for series in found}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    directory = tmp_path_factory.mktemp("arithmetic") / "data"
    with (
        store(directory, noisy, FLEET.nodes, NOW, 5400) as prometheus,
        application(prometheus.url, NOW) as client,
    ):
        yield Stored(prometheus, client)


def increase(points: Points, start: float, end: float) -> float:
    """What was counted after the last sample at ``start`` up to the last at ``end``."""
    before = [point for point in points if point[0] <= start][-1:]
    inside = [*before, *(point for point in points if start < point[0] <= end)]
    return sum(later - earlier if later >= earlier else later for (_, earlier), (_, later) in pairwise(inside))


def mean(points: Points, start: float, end: float) -> float | None:
    values = [value for time, value in points if start < time <= end]
    return sum(values) / len(values) if values else None


def last(points: Points, time: float) -> float | None:
    """As an instant query has it."""
    values = [value for at, value in points if time - 300 < at <= time]
    return values[-1] if values else None


@pytest.mark.parametrize("step", [15, 60, 240, 300, 900])
@pytest.mark.parametrize(
    ("path", "labels", "signal", "metric", "shortest"),
    [
        ("/api/pods/web-1", {"uid": "w1"}, "cpu_cores", names.POD_CPU_USAGE_SECONDS, 60),
        # Its counters restart within the window.
        ("/api/pods/web-2", {"uid": "w2"}, "cpu_cores", names.POD_CPU_USAGE_SECONDS, 60),
        ("/api/pods/web-2", {"uid": "w2"}, "disk_read_bytes_per_second", names.POD_DISK_READ_BYTES, 240),
        ("/api/pods/web-1", {"uid": "w1"}, "network_receive_bytes_per_second", names.POD_NETWORK_RECEIVE_BYTES, 240),
        ("/api/nodes/n2", {"node": "n2"}, "cpu_cores", names.NODE_CPU_USAGE_SECONDS, 60),
        ("/api/nodes/n1", {"node": "n1"}, "network_receive_bytes_per_second", names.NODE_NETWORK_RECEIVE_BYTES, 240),
    ],
)
def test_a_point_of_a_counter_is_its_increase_by_its_length(
    stored: Stored, path: str, labels: dict[str, str], signal: str, metric: names.Metric, shortest: int, step: int
) -> None:
    answer = stored.get(f"{path}/timeseries?window=45m&end={END}&step={step}&metrics={signal}")
    (points,) = stored.samples(metric.name, **labels).values()
    length = max(step, shortest)
    restarted = labels == {"uid": "w2"}
    for time, value in zip(answer["timestamps"], answer["series"][signal], strict=True):
        # Prometheus does not extrapolate a counter to before it was 0: up to one scrape interval of a window is lost.
        near_zero = restarted and RESTARTED < time < RESTARTED + 2 * length
        expected = increase(points, time - length, time) / length
        assert value == pytest.approx(expected, rel=15 / length if near_zero else 1e-9)
    if length == step and not restarted:
        counted = increase(points, answer["start"], answer["end"])
        assert sum(answer["series"][signal]) * step == pytest.approx(counted)


def test_a_point_of_the_throttled_share_is_both_counters(stored: Stored) -> None:
    answer = stored.get(f"/api/pods/web-1/timeseries?window=45m&end={END}&step=300&metrics=cpu_throttled_ratio")
    (throttled,) = stored.samples(names.POD_CPU_THROTTLED_PERIODS.name, uid="w1").values()
    (periods,) = stored.samples(names.POD_CPU_PERIODS.name, uid="w1").values()
    expected = [
        increase(throttled, time - 300, time) / increase(periods, time - 300, time) for time in answer["timestamps"]
    ]
    assert answer["series"]["cpu_throttled_ratio"] == pytest.approx(expected)


@pytest.mark.parametrize("step", [30, 60, 300, 1200])
def test_a_point_of_a_level_is_the_mean_of_its_samples(stored: Stored, step: int) -> None:
    for path, metric, labels in (
        ("/api/pods/web-1", names.POD_MEMORY_RSS_BYTES, {"uid": "w1"}),
        ("/api/nodes/n2", names.NODE_MEMORY_RSS_BYTES, {"node": "n2"}),
    ):
        answer = stored.get(f"{path}/timeseries?window=45m&end={END}&step={step}&metrics=memory_rss_bytes")
        (points,) = stored.samples(metric.name, **labels).values()
        expected = [mean(points, time - step, time) for time in answer["timestamps"]]
        assert answer["series"]["memory_rss_bytes"] == pytest.approx(expected)


def test_pods_of_one_name_are_one_series(stored: Stored) -> None:
    """One went 50 minutes ago, another came 40 minutes ago."""
    answer = stored.get(f"/api/pods/db-0/timeseries?window=70m&end={END}&step=300")
    levels = [
        point for points in stored.samples(names.POD_MEMORY_RSS_BYTES.name, pod="db-0").values() for point in points
    ]
    counters = stored.samples(names.POD_CPU_USAGE_SECONDS.name, pod="db-0")
    assert set(counters) == {"d1", "d2"}
    expected = [mean(sorted(levels), time - 300, time) for time in answer["timestamps"]]
    assert answer["series"]["memory_rss_bytes"] == pytest.approx(expected)
    assert None in expected
    rates = [sum(increase(points, time - 300, time) for points in counters.values()) / 300
             for time in answer["timestamps"]]  # fmt: skip
    # Where one begins or ends, a rate is stretched by half a scrape interval on either side.
    assert [value or 0 for value in answer["series"]["cpu_cores"]] == pytest.approx(rates, rel=0.01, abs=0.05)


@pytest.mark.parametrize(
    ("path", "match"),
    [
        ("/api/namespaces/shop", {"namespace": "shop"}),
        ("/api/deployments/web", {"namespace": "shop", "workload": "web"}),
    ],
)
def test_a_total_is_the_sum_of_its_pods_at_its_time(stored: Stored, path: str, match: dict[str, str]) -> None:
    entity = stored.get(path)
    time = stored.prometheus.value("cluster:cloudmon_evaluation_timestamp_seconds:max", NOW)
    assert entity["time"] == "2026-11-12T14:59:57.037Z"
    assert time == pytest.approx(END - 2.963)

    def values(metric: names.Metric) -> dict[str, float]:
        at = {uid: last(points, time) for uid, points in stored.samples(metric.name, **match).items()}
        return {uid: value for uid, value in at.items() if value is not None}

    usage, requests, limits = values(names.POD_CPU_USAGE_CORES), values(names.POD_CPU_REQUEST_CORES), values(
        names.POD_CPU_LIMIT_CORES)  # fmt: skip
    assert entity["usage"]["cpu_cores"] == pytest.approx(sum(usage.values()))
    for signal, metric in (
        ("memory_working_set_bytes", names.POD_MEMORY_WORKING_SET_BYTES),
        ("network_transmit_bytes_per_second", names.POD_NETWORK_TRANSMIT_BYTES_PER_SECOND),
        ("disk_write_bytes_per_second", names.POD_DISK_WRITTEN_BYTES_PER_SECOND),
        ("filesystem_used_bytes", names.POD_EPHEMERAL_STORAGE_USED_BYTES),
    ):
        assert entity["usage"][signal] == pytest.approx(sum(values(metric).values()))
    assert entity["pods"] == len(values(names.POD_PHASE))
    assert entity["requests"]["cpu_cores"] == pytest.approx(sum(requests.values()))
    assert entity["limits"]["cpu_cores"] == pytest.approx(sum(limits.values()))
    assert entity["coverage"]["limits.cpu_cores"] == [len(limits), entity["pods"]]
    # web-2 has no limit: its usage is no part of what is used of the limits.
    used_of_limits = sum(usage[uid] for uid in limits) / sum(limits.values())
    assert entity["utilization"]["cpu_of_limit"] == pytest.approx(used_of_limits)
    used_of_requests = sum(usage[uid] for uid in requests) / sum(requests.values())
    assert entity["utilization"]["cpu_of_request"] == pytest.approx(used_of_requests)


@pytest.mark.parametrize("step", [30, 60, 300])
@pytest.mark.parametrize(
    ("path", "level", "match"),
    [
        ("/api/namespaces/shop", "namespace", {"namespace": "shop"}),
        ("/api/deployments/web", "workload", {"workload": "web"}),
    ],
)
def test_a_point_of_a_total_is_the_mean_over_the_evaluations(
    stored: Stored, path: str, level: str, match: dict[str, str], step: int
) -> None:
    answer = stored.get(f"{path}/timeseries?window=45m&end={END}&step={step}")
    (evaluations,) = stored.samples("cluster:cloudmon_evaluation_timestamp_seconds:max").values()
    for signal, record in (
        ("cpu_cores", "cloudmon_pod_cpu_usage_seconds:sum_rate"),
        ("memory_rss_bytes", "cloudmon_pod_memory_rss_bytes:sum"),
        ("network_receive_bytes_per_second", "cloudmon_pod_network_receive_bytes:sum_rate"),
        ("filesystem_used_bytes", "cloudmon_pod_ephemeral_storage_used_bytes:sum"),
    ):
        (totals,) = stored.samples(f"{level}:{record}", **match).values()
        expected = [
            sum(value for at, value in totals if time - step < at <= time)
            / sum(time - step < at <= time for at, _ in evaluations)
            for time in answer["timestamps"]
        ]
        assert answer["series"][signal] == pytest.approx(expected)


def test_a_total_over_time_is_the_counters_increase(stored: Stored) -> None:
    """Over a window in which no pod comes or goes, but for where the rates reach back."""
    answer = stored.get(f"/api/deployments/web/timeseries?window=45m&end={END}&step=2700&metrics=cpu_cores")
    counters = stored.samples(names.POD_CPU_USAGE_SECONDS.name, workload="web").values()
    expected = sum(increase(points, END - 2700, END) for points in counters) / 2700
    assert answer["series"]["cpu_cores"] == pytest.approx([expected], rel=60 / 2700)


@pytest.mark.parametrize(
    "path",
    [
        "/api/nodes",
        "/api/nodes/n1",
        "/api/nodes/n1/pods",
        "/api/pods/web-1",
        "/api/namespaces",
        "/api/namespaces/shop",
        "/api/namespaces/shop/pods",
        "/api/namespaces/shop/deployments",
        "/api/deployments",
        "/api/deployments/web",
        "/api/deployments/web/pods",
        "/api/nodes/n1/timeseries",
        "/api/pods/web-1/timeseries",
        "/api/namespaces/shop/timeseries",
        "/api/namespaces/infra/timeseries",
        "/api/deployments/web/timeseries",
    ],
)
def test_one_or_two_queries(stored: Stored, path: str) -> None:
    assert 1 <= len(stored.get(f"{path}?explain=true")["explain"]) <= 2


def test_what_was_asked_can_be_asked_again(stored: Stored) -> None:
    answer = stored.get("/api/namespaces/shop/timeseries?window=15m&step=60&metrics=cpu_cores&explain=true")
    ranged, instant = answer["explain"]
    assert (ranged["start"], ranged["end"], ranged["step"]) == (answer["start"] + 60, answer["end"], 60)
    series = stored.prometheus.query_range(ranged["query"], ranged["start"], ranged["end"], ranged["step"])
    columns = {one.labels["signal"]: [value for _, value in one.points] for one in series}
    assert columns["cpu_cores"] == pytest.approx(answer["series"]["cpu_cores"])
    assert instant["time"] == answer["end"]
    assert stored.prometheus.query(instant["query"], instant["time"])
