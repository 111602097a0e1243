"""What the contract says of time series, on the sample fleet."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean
from typing import Any

import pytest

from tests.contract.sample import END, NOW, Asked, sample_fleet
from tests.contract.witness import values_at

POD = "/api/pods/web-server-1/timeseries"
RSS = 'cloudmon_pod_memory_rss_bytes{pod="web-server-1"}'


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with sample_fleet(tmp_path_factory) as fleet:
        yield fleet


def samples(asked: Asked, seconds: int, end: int = END) -> list[tuple[float, float]]:
    """What is stored of the pod's anonymous memory in the ``seconds`` before ``end``."""
    (series,) = asked.prometheus.query_matrix(f"{RSS}[{seconds}s]", end)
    return [(time, value) for time, value in series.points if end - seconds < time <= end]


def length(text: str, seconds: int, step: int) -> Any:
    """A row of the table of windows."""
    return pytest.param(text, seconds, step, marks=pytest.mark.contract(f"parameter:window={text}"))


@pytest.mark.contract("parameter:window")
@pytest.mark.parametrize(
    ("window", "seconds", "step"),
    [
        length("3600", 3600, 15),
        length("90s", 90, 15),
        length("15m", 900, 15),
        length("6h", 21600, 30),
        # 7 d / 1000 is 604.8 s, which is no whole five minutes, and 7 d are no whole quarters of an hour past END.
        length("7d", 604800, 900),
    ],
)
def test_window(asked: Asked, window: str, seconds: int, step: int) -> None:
    answer = asked.get(POD, {"window": window, "metrics": "cpu_cores"})
    assert (answer["window"], answer["step"]) == (seconds, step)
    assert answer["end"] == int(NOW) // step * step
    assert answer["start"] == answer["end"] - seconds
    assert answer["timestamps"] == list(range(answer["start"] + step, answer["end"] + 1, step))


@pytest.mark.contract("parameter:start", "parameter:end")
@pytest.mark.parametrize(
    ("parameters", "start", "end"),
    [
        ({"start": END - 900, "end": END - 300}, END - 900, END - 300),
        ({"start": "2026-11-12T11:45:00Z", "end": "2026-11-12T12:55:00+01:00"}, END - 900, END - 300),
        # Now, which is 7 s later: 907 s are 16 whole steps.
        ({"start": END - 900, "end": END + 86400}, END - 960, END),
    ],
)
def test_start_and_end(asked: Asked, parameters: dict[str, object], start: int, end: int) -> None:
    answer = asked.get(POD, {**parameters, "step": 60})
    assert (answer["start"], answer["end"], answer["window"]) == (start, end, end - start)


def test_start_or_end_alone(asked: Asked) -> None:
    """The other is a window away, else now; without a window an end has the default one before it."""
    for parameters, start, end in (
        ({"start": END - 900}, END - 960, END),
        ({"start": END - 900, "window": "5m"}, END - 900, END - 600),
        ({"end": END - 300, "window": "5m"}, END - 600, END - 300),
        ({"end": END - 300}, END - 3900, END - 300),
    ):
        answer = asked.get(POD, {**parameters, "step": 60, "metrics": "cpu_cores"})
        assert (answer["start"], answer["end"]) == (start, end), parameters


@pytest.mark.contract("parameter:step")
@pytest.mark.parametrize(("wish", "step"), [(1, 15), ("15s", 15), (40, 45), ("5m", 300), (301, 600), ("7m", 600)])
def test_step(asked: Asked, wish: object, step: int) -> None:
    answer = asked.get(POD, {"window": "1h", "step": wish, "metrics": "cpu_cores"})
    assert (answer["step"], answer["window"], answer["end"]) == (step, 3600, END)


@pytest.mark.contract("setting:MAX_DATA_POINTS")
def test_at_most_so_many_points(tmp_path_factory: pytest.TempPathFactory) -> None:
    with sample_fleet(tmp_path_factory, hours=0.25, environment={"MAX_DATA_POINTS": "50"}) as few:
        for window in (90, 900, 1000, 3600, 86400, 86401):
            answer = few.get(POD, {"window": window, "metrics": "cpu_cores"})
            assert len(answer["timestamps"]) <= 50


@pytest.mark.contract("parameter:agg")
@pytest.mark.parametrize(
    "agg",
    [
        "avg",
        pytest.param("max", marks=pytest.mark.contract("parameter:agg=max")),
        pytest.param("min", marks=pytest.mark.contract("parameter:agg=min")),
        pytest.param("last", marks=pytest.mark.contract("parameter:agg=last")),
    ],
)
def test_a_point_of_a_level_is_what_agg_says(asked: Asked, agg: str) -> None:
    answer = asked.get(POD, {"window": "30m", "step": 300, "agg": agg})
    stored = samples(asked, 1800)
    for at, value in zip(answer["timestamps"], answer["series"]["memory_rss_bytes"], strict=True):
        levels = [level for time, level in stored if at - 300 < time <= at]
        expected = {"avg": fmean(levels), "max": max(levels), "min": min(levels), "last": levels[-1]}[agg]
        assert value == pytest.approx(expected)
    plain = asked.get(POD, {"window": "30m", "step": 300})
    assert answer["series"]["cpu_cores"] == plain["series"]["cpu_cores"]


@pytest.mark.contract("parameter:metrics=cpu_cores,memory_rss_bytes")
def test_metrics_pick_signals(asked: Asked) -> None:
    answer = asked.get(POD, {"window": "5m", "metrics": "cpu_cores,memory_rss_bytes"})
    assert set(answer["series"]) == {"cpu_cores", "memory_rss_bytes"}


def quantile(values: list[float], share: float) -> float:
    """Between the two nearest, in proportion."""
    ordered, place = sorted(values), share * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


@pytest.mark.contract(
    "parameter:stats",
    "parameter:stats=true",
    "field:timeseries.stats",
    "field:timeseries.stats.*.min",
    "field:timeseries.stats.*.max",
    "field:timeseries.stats.*.avg",
    "field:timeseries.stats.*.p50",
    "field:timeseries.stats.*.p95",
    "field:timeseries.stats.*.last",
)
def test_statistics_are_of_every_stored_sample(asked: Asked) -> None:
    answer = asked.get(POD, {"window": "30m", "step": 300, "stats": "true"})
    levels = [level for _, level in samples(asked, 1800)]
    assert answer["stats"]["memory_rss_bytes"] == pytest.approx(
        {
            "min": min(levels),
            "max": max(levels),
            "avg": fmean(levels),
            "p50": quantile(levels, 0.5),
            "p95": quantile(levels, 0.95),
            "last": levels[-1],
        }
    )
    assert set(answer["stats"]) == set(answer["series"])
    # The counter's increase, however the points divide it.
    assert answer["stats"]["cpu_cores"]["avg"] == pytest.approx(fmean(answer["series"]["cpu_cores"]), rel=0.01)


@pytest.mark.contract("parameter:sort", "parameter:limit", "field:timeseries.total")
def test_a_whole_kind_by_the_windows_average(asked: Asked) -> None:
    parameters = {"kind": "pod", "metrics": "memory_rss_bytes", "window": "15m", "step": 300}
    averages = {item["name"]: fmean(item["values"]) for item in asked.get("/api/timeseries", parameters)["items"]}
    answer = asked.get("/api/timeseries", {**parameters, "sort": "-memory_rss_bytes", "limit": 2})
    assert list(values_at(answer, "items.name")) == sorted(averages, key=lambda name: -averages[name])[:2]
    assert answer["total"] == len(averages)
