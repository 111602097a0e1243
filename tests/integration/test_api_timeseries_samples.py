"""``agg`` and ``stats`` of pods and nodes, made again in plain Python from the samples that were stored.

On Prometheus and on VictoriaMetrics, which leaves the left end of every range open, as Prometheus 3 does. One pod was
scraped on round seconds, where a closed end would count one sample more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any
from zlib import crc32

import pytest
from flask.testing import FlaskClient

from promql import names
from tests.harness.prometheus import Prometheus
from tests.harness.recorded import Row, write_series
from tests.harness.store import SCRAPE_SECONDS, application, get
from tests.harness.victoria_metrics import VictoriaMetrics

END = 1794484800  # 2026-11-12T12:00:00Z
NOW = END + 8.0
SECONDS = 3 * 3600
WINDOW = 3600
Points = list[tuple[float, float]]


def noise(key: str, time: float) -> float:
    return crc32(f"{key}/{time:.3f}".encode()) % 1000


def times(phase: float, start: float = END - SECONDS, end: float = NOW) -> list[float]:
    count = int((end - start - phase) // SCRAPE_SECONDS) + 1
    return [start + phase + index * SCRAPE_SECONDS for index in range(count)]


# By pod, the times at which each of its uids was scraped. Of two pods that were `twice`, one took the other's place.
SCRAPES = {
    "edge": {"e1": times(0)},
    "plain": {"p1": times(7.037)},
    "twice": {"t1": times(4.5, end=END - 1850), "t2": times(11.25, start=END - 1800)},
}
OF_A_NODE = times(7.037)


def level(uid: str) -> Points:
    return [(time, noise(uid, time)) for pods in SCRAPES.values() for time in pods.get(uid, ())]


def counter(key: str, scraped: Sequence[float]) -> Points:
    """It grows by up to ten cores, and not at one pace."""
    total, points = 0.0, []
    for time in scraped:
        total += noise(f"cpu/{key}", time) / 1000 * 10 * SCRAPE_SECONDS
        points.append((time, total))
    return points


def labels(pod: str, uid: str) -> dict[str, str]:
    own = {"cluster": "lab", "node": "n1", "namespace": "shop", "pod": pod, "uid": uid}
    return {**own, "workload_kind": "StatefulSet", "workload": pod}


def rows() -> Iterator[Row]:
    for pod, uids in SCRAPES.items():
        for uid, scraped in uids.items():
            yield names.POD_INFO.name, {**labels(pod, uid), "host_network": "false"}, [(time, 1.0) for time in scraped]
            yield names.POD_MEMORY_RSS_BYTES.name, labels(pod, uid), level(uid)
            yield names.POD_CPU_USAGE_SECONDS.name, labels(pod, uid), counter(uid, scraped)
            periods = [(time, 10 * (time - END + SECONDS)) for time in scraped]
            yield names.POD_CPU_PERIODS.name, labels(pod, uid), periods
            yield names.POD_CPU_THROTTLED_PERIODS.name, labels(pod, uid), [(time, n / 4) for time, n in periods]
    node = {"cluster": "lab", "node": "n1"}
    yield names.NODE_INFO.name, node, [(time, 1.0) for time in OF_A_NODE]
    yield names.NODE_MEMORY_RSS_BYTES.name, node, [(time, noise("n1", time)) for time in OF_A_NODE]
    yield names.NODE_CPU_USAGE_SECONDS.name, node, counter("n1", OF_A_NODE)
    ages = [(time, 3.0) for time in OF_A_NODE]
    yield names.SOURCE_SAMPLE_AGE_SECONDS.name, {**node, "source": "resource"}, ages
    yield names.SOURCE_SAMPLE_AGE_SECONDS.name, {**node, "source": "detail"}, ages


@pytest.fixture(scope="module", params=["prometheus", "victoria-metrics"])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    directory = tmp_path_factory.mktemp("samples") / "data"
    write_series(directory, rows())
    keep = ("--storage.tsdb.retention.time=10y",)
    with ExitStack() as stack:
        engine = stack.enter_context(Prometheus("scrape_configs: []\n", data_directory=directory, extra_flags=keep))
        url = engine.url
        if request.param == "victoria-metrics":
            victoria = stack.enter_context(VictoriaMetrics())
            assert victoria.copy(engine, NOW, SECONDS + 60) > 0
            url = victoria.url
        yield stack.enter_context(application(url, NOW))


# -- the same in plain Python ------------------------------------------------------------------------------------------
def within(points: Sequence[tuple[float, float]], start: float, end: float) -> list[float]:
    return [value for time, value in points if start < time <= end]


def levels(pod: str) -> Points:
    return sorted(point for uid in SCRAPES[pod] for point in level(uid))


def quantile(values: Sequence[float], share: float) -> float:
    """Between two values by how near each is, as Prometheus has it."""
    ordered, rank = sorted(values), share * (len(values) - 1)
    low, high = math.floor(rank), math.ceil(rank)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


def six(values: Sequence[float], average: float) -> dict[str, float]:
    return {
        "min": min(values),
        "max": max(values),
        "avg": average,
        "p50": quantile(values, 0.5),
        "p95": quantile(values, 0.95),
        "last": values[-1],
    }


def at(points: Sequence[tuple[float, float]], time: float) -> float:
    return [value for scraped, value in points if scraped <= time][-1]


def rates(points: Points) -> list[float]:
    """At every scrape interval of the window, over the minute before it."""
    moments = [END - WINDOW + index * SCRAPE_SECONDS for index in range(1, round(WINDOW / SCRAPE_SECONDS) + 1)]
    return [(at(points, moment) - at(points, moment - 60)) / 60 for moment in moments]


FUNCTIONS: dict[str, Callable[[Sequence[float]], float]] = {
    "avg": lambda values: sum(values) / len(values),
    "max": max,
    "min": min,
    "last": lambda values: values[-1],
}


@pytest.mark.parametrize("aggregation", FUNCTIONS)
@pytest.mark.parametrize("step", [60, 300, 1800])
@pytest.mark.parametrize("path", ["pods/plain", "pods/twice", "nodes/n1"])
def test_a_point_of_a_level(client: FlaskClient, path: str, step: int, aggregation: str) -> None:
    asked = f"timeseries?window={WINDOW}&step={step}&agg={aggregation}&metrics=memory_rss_bytes"
    answer = get(client, f"/api/{path}/{asked}")
    name = path.rpartition("/")[2]
    points = levels(name) if name in SCRAPES else [(time, noise("n1", time)) for time in OF_A_NODE]
    found = [within(points, time - step, time) for time in answer["timestamps"]]
    expected = [FUNCTIONS[aggregation](values) if values else None for values in found]
    assert answer["series"]["memory_rss_bytes"] == pytest.approx(expected, rel=1e-6)


def test_rates_know_only_their_average(client: FlaskClient) -> None:
    answers = [
        get(client, f"/api/pods/plain/timeseries?window=15m&step=300&agg={aggregation}&metrics=cpu_cores")["series"]
        for aggregation in FUNCTIONS
    ]
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("pod", SCRAPES)
def test_statistics_of_a_level_are_over_every_stored_sample(client: FlaskClient, pod: str) -> None:
    asked = f"/api/pods/{pod}/timeseries?window={WINDOW}&step=600&stats=true&metrics=memory_rss_bytes"
    values = within(levels(pod), END - WINDOW, END)
    expected = six(values, sum(values) / len(values))
    assert get(client, asked)["stats"] == {"memory_rss_bytes": pytest.approx(expected, rel=1e-6)}


def test_statistics_of_a_node(client: FlaskClient) -> None:
    asked = f"/api/nodes/n1/timeseries?window={WINDOW}&step=600&stats=true&metrics=memory_rss_bytes,cpu_cores"
    values = within([(time, noise("n1", time)) for time in OF_A_NODE], END - WINDOW, END)
    points = counter("n1", OF_A_NODE)
    assert get(client, asked)["stats"] == {
        "memory_rss_bytes": pytest.approx(six(values, sum(values) / len(values)), rel=1e-6),
        "cpu_cores": pytest.approx(six(rates(points), (at(points, END) - at(points, END - WINDOW)) / WINDOW), rel=1e-6),
    }


@pytest.mark.parametrize(("pod", "uid"), [("edge", "e1"), ("plain", "p1")])
def test_statistics_of_a_rate_are_over_the_rate_at_every_scrape_interval(
    client: FlaskClient, pod: str, uid: str
) -> None:
    asked = f"/api/pods/{pod}/timeseries?window={WINDOW}&step=600&stats=true&metrics=cpu_cores,cpu_throttled_ratio"
    answer = get(client, asked)
    points = counter(uid, SCRAPES[pod][uid])
    average = (at(points, END) - at(points, END - WINDOW)) / WINDOW
    assert answer["stats"]["cpu_cores"] == pytest.approx(six(rates(points), average), rel=1e-6)
    assert answer["stats"]["cpu_throttled_ratio"] == pytest.approx(dict.fromkeys(answer["stats"]["cpu_cores"], 0.25))
    # The average is that of the points, each as long as the others.
    assert sum(answer["series"]["cpu_cores"]) / 6 == pytest.approx(average, rel=1e-6)


def test_statistics_of_a_window_as_short_as_a_scrape(client: FlaskClient) -> None:
    """It covers what its one point covers: a level two scrapes, a rate its own window."""
    answer = get(client, "/api/pods/plain/timeseries?window=15&stats=true&metrics=cpu_cores,memory_rss_bytes")
    for signal, statistics in answer["stats"].items():
        (point,) = answer["series"][signal]
        assert statistics["avg"] == pytest.approx(point), signal
    assert answer["stats"]["memory_rss_bytes"]["last"] == at(levels("plain"), END)


def test_a_signal_without_a_sample_has_six_nulls_and_a_reason(client: FlaskClient) -> None:
    answer = get(client, "/api/pods/plain/timeseries?window=15m&stats=true&metrics=disk_read_bytes_per_second")
    assert answer["stats"] == {"disk_read_bytes_per_second": dict.fromkeys(("min", "max", "avg", "p50", "p95", "last"))}
    assert answer["missing"] == {"disk_read_bytes_per_second": "not_reported"}


def test_statistics_of_a_whole_kind_are_those_of_each(client: FlaskClient) -> None:
    for kind, path in (("pod", "pods"), ("node", "nodes")):
        for signal in ("cpu_cores", "memory_rss_bytes"):
            asked = f"window={WINDOW}&step=600&stats=true&metrics={signal}&agg=max"
            answer = get(client, f"/api/timeseries?kind={kind}&{asked}")
            assert [item["name"] for item in answer["items"]] == (sorted(SCRAPES) if kind == "pod" else ["n1"])
            for item in answer["items"]:
                alone = get(client, f"/api/{path}/{item['name']}/timeseries?{asked}")
                assert item["stats"] == {signal: pytest.approx(alone["stats"][signal])}
                assert item["values"] == pytest.approx(alone["series"][signal])


@pytest.mark.parametrize("metrics", ["cpu_cores", "cpu_cores,memory_rss_bytes", None])
def test_statistics_take_two_queries_at_most(client: FlaskClient, metrics: str | None) -> None:
    chosen = f"&metrics={metrics}" if metrics else ""
    asked: list[dict[str, Any]] = get(client, f"/api/pods/plain/timeseries?stats=true&explain=true{chosen}")["explain"]
    points, _evidence, *statistics = asked
    assert "step" in points
    assert len(statistics) == (1 if metrics == "cpu_cores" else 2)
    assert {one["time"] for one in statistics} == {END}


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("window=31d&metrics=cpu_cores&stats=true", 200),
        ("window=7d&stats=true", 200),
        ("window=365d&stats=true", 400),
        ("window=366d&agg=last", 200),
        ("window=366d", 200),
    ],
)
def test_what_statistics_look_at_is_bounded(client: FlaskClient, asked: str, status: int) -> None:
    answer = get(client, f"/api/pods/plain/timeseries?{asked}", status)
    if status == 400:
        assert "ask for fewer series (fewer metrics, a filter, a smaller limit) or a shorter window" in answer["detail"]


def test_what_was_last_of_pods_of_one_name_is_bounded_too(client: FlaskClient) -> None:
    for path in ("/api/pods/twice/timeseries?", "/api/timeseries?kind=pod&metrics=memory_rss_bytes&"):
        answer = get(client, f"{path}window=60d&step=4h&agg=last", 400)
        assert "agg=last of pods" in answer["detail"]
    get(client, "/api/pods/twice/timeseries?window=60d&step=4h&agg=last&metrics=cpu_cores")
