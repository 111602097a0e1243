"""Totals from their second resolution: the same numbers as from every evaluation, made again in plain Python.

Hours of recorded totals are noise. Within them the exporters are silent for half an hour, Prometheus is down for
twenty minutes and misses one evaluation, one namespace begins and another ends; and the last five minutes may not be
recorded yet.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any
from zlib import crc32

import pytest
from flask.testing import FlaskClient

from promql import names
from promql.catalogue import Catalogue, record
from promql.rules import COARSE_SECONDS, coarse_rules
from promql.timeseries import STATISTICS
from tests.harness.engine import Engine
from tests.harness.prometheus import Prometheus
from tests.harness.recorded import Points, Row, write_rules, write_series
from tests.harness.store import SCRAPE_SECONDS, application, get
from tests.harness.victoria_metrics import VictoriaMetrics

TOTALS = Catalogue.load().totals
END = 1794484800.0  # 2026-11-12T12:00:00Z
NOW = END + 3
START = END - 5 * 3600
PHASE = 7.037
CPU, RSS = "cloudmon_pod_cpu_usage_seconds_total", "cloudmon_pod_memory_rss_bytes"
READ, THROTTLED, PERIODS = (
    "cloudmon_pod_memory_working_set_bytes",
    "cloudmon_pod_cpu_throttled_periods_total",
    "cloudmon_pod_cpu_periods_total",
)
Within = Callable[[float], bool]


def between(start: float, end: float, time: float) -> bool:
    return END + start < time <= END + end


silent: Within = partial(between, -4 * 3600 + 100, -3.5 * 3600)
down: Within = partial(between, -8400 + 37, -7200 + 50)
uncollected: Within = partial(between, -3000, -2400)
EVALUATIONS = [
    time
    for index in range(round((NOW - START) / SCRAPE_SECONDS) + 1)
    if (time := START + PHASE + index * SCRAPE_SECONDS) <= NOW and not silent(time) and not down(time)
]
# When each namespace has pods.
LIVES: dict[str, Within] = {
    "steady": lambda _time: True,
    "late": lambda time: time > END - 5440,
    "early": lambda time: time <= END - 6000,
    "empty": lambda _time: False,
}


def noise(key: str, time: float) -> float:
    return crc32(f"{key}/{time:.3f}".encode()) / 2**32


def value(metric: str, what: str, name: str, time: float) -> float:
    if metric == TOTALS.running:
        return 5
    if what == "count":
        return 4 if noise(name, time) < 0.3 else 5
    return noise(f"{metric}/{name}", time) * (1 if metric == THROTTLED else 10)


COLUMNS = (
    (CPU, "sum_rate"), (RSS, "sum"), (READ, "count"), (TOTALS.running, "count"), (THROTTLED, "sum_rate"),
    (PERIODS, "sum_rate"),
)  # fmt: skip


def fine() -> Iterator[Row]:
    """What the chain recorded, of namespaces and of one Deployment in each; and that the namespaces were there."""
    cluster = {"cluster": "lab"}
    yield TOTALS.evaluation, cluster, [(time, time) for time in EVALUATIONS]
    yield TOTALS.collection, cluster, [(time, time) for time in EVALUATIONS if not uncollected(time)]
    for name, lives in LIVES.items():
        times = [time for time in EVALUATIONS if lives(time)]
        workload = {"namespace": name, "workload_kind": "Deployment", "workload": "web"}
        for level, labels in (("namespace", {"namespace": name}), ("workload", workload)):
            for metric, what in COLUMNS:
                points: Points = [(time, value(metric, what, name, time)) for time in times]
                yield record(level, metric, what), {**cluster, **labels}, points
        yield names.NAMESPACE_INFO.name, {**cluster, "namespace": name}, [(time, 1.0) for time in EVALUATIONS]
        replicas = {**cluster, **workload, "state": "desired"}
        yield names.WORKLOAD_REPLICAS.name, replicas, [(time, 1.0) for time in EVALUATIONS]


@dataclass(frozen=True)
class Group:
    """The group of the second resolution: the offset that Prometheus gave it, and since when it has been installed."""

    offset: float
    since: float = START
    # Whether VictoriaMetrics, with the same samples, is asked in place of Prometheus.
    victoria_metrics: bool = False

    def evaluated(self, time: float) -> bool:
        """What lies ahead is not, and one evaluation is missed."""
        missed = abs(time - (END - 3600 + self.offset)) < 1
        return self.since < time <= NOW and not down(time) and not missed


GROUPS = {
    "on the boundary": Group(0),
    "after it": Group(12.037),
    "before the next": Group(299),
    "for an hour and a half": Group(12.037, END - 5400),
    "never": Group(12.037, NOW),
    "on VictoriaMetrics": Group(12.037, victoria_metrics=True),
}


@dataclass(frozen=True)
class Stored:
    client: FlaskClient
    name: str


@pytest.fixture(scope="module", params=GROUPS)
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stored]:
    """``param`` names one of the groups."""
    group = GROUPS[request.param]
    directory = tmp_path_factory.mktemp("coarse") / "data"
    write_series(directory, fine())
    first = START + COARSE_SECONDS + group.offset
    names_of_records = {record(level, metric, what) for level in ("namespace", "workload") for metric, what in COLUMNS}
    names_of_records |= {TOTALS.evaluation, TOTALS.collection}
    rules = [rule for rule in coarse_rules(TOTALS) if rule.record.rpartition(":")[0] in names_of_records]
    write_rules(directory, rules, first, NOW, COARSE_SECONDS, group.evaluated)
    keep = ("--storage.tsdb.retention.time=10y",)
    with ExitStack() as stack:
        engine: Engine = stack.enter_context(
            Prometheus("scrape_configs: []\n", data_directory=directory, extra_flags=keep)
        )
        if group.victoria_metrics:
            victoria = stack.enter_context(VictoriaMetrics())
            assert victoria.copy(engine, NOW, NOW - START) > 0
            engine = victoria
        yield Stored(stack.enter_context(application(engine.url, NOW)), request.param)


# -- the same in plain Python ------------------------------------------------------------------------------------------
def recorded(name: str, metric: str, what: str, start: float, end: float) -> list[float]:
    return [value(metric, what, name, time) for time in EVALUATIONS if start < time <= end and LIVES[name](time)]


def expected(name: str, signal: str, aggregation: str, start: float, end: float) -> float | None:
    evaluations = [time for time in EVALUATIONS if start < time <= end]
    known = any(not uncollected(time) for time in evaluations)
    if signal == "coverage":
        pods = recorded(name, TOTALS.running, "count", start, end)
        return sum(recorded(name, READ, "count", start, end)) / sum(pods) if pods else None
    if signal == "cpu_throttled_ratio":
        periods = recorded(name, PERIODS, "sum_rate", start, end)
        return sum(recorded(name, THROTTLED, "sum_rate", start, end)) / sum(periods) if periods else None
    metric, what = (CPU, "sum_rate") if signal == "cpu_cores" else (RSS, "sum")
    totals = recorded(name, metric, what, start, end)
    if not totals:
        return 0 if known else None
    if aggregation == "avg" or signal == "cpu_cores":
        return sum(totals) / len(evaluations)
    return {"max": max(totals), "min": min(totals), "last": totals[-1]}[aggregation]


def columns(answer: Mapping[str, Any]) -> dict[str, list[float | None]]:
    return {**answer["series"], "coverage": answer["coverage"]}


SIGNALS = ("cpu_cores", "memory_rss_bytes", "cpu_throttled_ratio")


@pytest.mark.parametrize(
    ("aggregation", "step"), [("avg", 300), ("avg", 3600), ("max", 600), ("min", 600), ("last", 3600)]
)
@pytest.mark.parametrize("name", LIVES)
def test_it_is_what_every_evaluation_gives(stored: Stored, name: str, step: int, aggregation: str) -> None:
    asked = f"timeseries?window=5h&step={step}&agg={aggregation}&metrics={','.join(SIGNALS)}"
    for path in (f"/api/namespaces/{name}", f"/api/deployments/web?namespace={name}"):
        place, _, query = path.partition("?")
        answer = get(stored.client, f"{place}/{asked}&{query}" if query else f"{place}/{asked}")
        assert answer["end"] == END
        for signal, column in columns(answer).items():
            made_again = [expected(name, signal, aggregation, time - step, time) for time in answer["timestamps"]]
            assert column == pytest.approx(made_again), (path, signal)


@pytest.mark.parametrize(("step", "signal"), [(300, "cpu_cores"), (3600, "memory_rss_bytes")])
def test_a_whole_kind_is_the_same(stored: Stored, step: int, signal: str) -> None:
    for kind in ("namespace", "deployment"):
        answer = get(stored.client, f"/api/timeseries?kind={kind}&window=5h&step={step}&metrics={signal}")
        assert answer["total"] == len(LIVES)
        for item in answer["items"]:
            name = item.get("namespace", item["name"])
            made_again = [expected(name, signal, "avg", time - step, time) for time in answer["timestamps"]]
            assert item["values"] == pytest.approx(made_again), (kind, name)


def quantile(values: list[float], share: float) -> float:
    """Between two values by how near each is, as Prometheus has it."""
    ordered, rank = sorted(values), share * (len(values) - 1)
    low, high = math.floor(rank), math.ceil(rank)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


def six(name: str, signal: str) -> dict[str, float | None]:
    """Over what was recorded in the window; the average by the evaluations in it."""
    start = END - 5 * 3600
    if signal == "cpu_throttled_ratio":
        pairs = zip(*(recorded(name, metric, "sum_rate", start, END) for metric in (THROTTLED, PERIODS)), strict=True)
        values = [throttled / periods for throttled, periods in pairs]
    else:
        values = recorded(name, *((CPU, "sum_rate") if signal == "cpu_cores" else (RSS, "sum")), start, END)
    if not values:
        return dict.fromkeys(STATISTICS, None if signal == "cpu_throttled_ratio" else 0)
    quantiles = {"p50": quantile(values, 0.5), "p95": quantile(values, 0.95)}
    average = expected(name, signal, "avg", start, END)
    return {"min": min(values), "max": max(values), "avg": average, **quantiles, "last": values[-1]}


@pytest.mark.parametrize("name", LIVES)
def test_statistics_are_over_every_recorded_total(stored: Stored, name: str) -> None:
    for path in (f"/api/namespaces/{name}", "/api/deployments/web"):
        place = f"&namespace={name}" if "deployments" in path else ""
        asked = f"timeseries?window=5h&step=3600&stats=true&metrics={','.join(SIGNALS)}{place}"
        for signal, statistics in get(stored.client, f"{path}/{asked}")["stats"].items():
            made_again = six(name, signal)
            assert list(statistics) == list(STATISTICS)
            assert statistics == (pytest.approx(made_again) if None not in made_again.values() else made_again)


@pytest.mark.parametrize("signal", SIGNALS)
def test_statistics_of_a_whole_kind_are_those_of_each(stored: Stored, signal: str) -> None:
    for kind in ("namespace", "deployment"):
        asked = f"/api/timeseries?kind={kind}&window=5h&step=3600&stats=true&metrics={signal}"
        for item in get(stored.client, asked)["items"]:
            made_again = six(item.get("namespace", item["name"]), signal)
            statistics = item["stats"][signal]
            assert statistics == (pytest.approx(made_again) if None not in made_again.values() else made_again)


def ranges(client: FlaskClient, path: str) -> list[dict[str, Any]]:
    return [asked for asked in get(client, f"{path}&explain=true")["explain"] if "step" in asked]


def test_every_evaluation_is_read_only_where_five_minutes_are_not_recorded(stored: Stored) -> None:
    coarse, *fine_ranges = ranges(stored.client, "/api/namespaces/steady/timeseries?window=5h&step=600")
    assert "sum_over_time(namespace:cloudmon_pod_cpu_usage_seconds:sum_rate:sum_5m" in coarse["query"]
    assert (coarse["start"], coarse["end"]) == (START + 600, END)
    spans = [(asked["start"] - END, asked["end"] - END) for asked in fine_ranges]
    assert all("_5m" not in asked["query"] for asked in fine_ranges)
    # Prometheus goes down before the five minutes up to -8100 s are recorded; where the offset is long, also before
    # those up to -8400 s are. In the ten minutes up to -7200 s nothing was evaluated at all. The evaluation that
    # is missed is that of the five minutes up to -3600 s.
    expected_spans = {
        "on the boundary": [(-7800, -3600)],
        "after it": [(-7800, -3600), (0, 0)],
        "before the next": [(-8400, -3600), (0, 0)],
        "for an hour and a half": [(START + 600 - END, -3600), (0, 0)],
        "never": [(START + 600 - END, -7800), (-6600, 0)],
        "on VictoriaMetrics": [(-7800, -3600), (0, 0)],
    }
    assert spans == expected_spans[stored.name]


def test_what_is_recorded_is_asked_alone(stored: Stored) -> None:
    only, *others = ranges(stored.client, f"/api/namespaces/steady/timeseries?end={END - 300:.0f}&window=30m&step=300")
    assert "_5m" in only["query"]
    assert (others == []) == (stored.name != "never")


@pytest.mark.parametrize("asked", ["step=240", "step=300&agg=last"])
def test_the_second_resolution_is_not_asked_what_it_does_not_tell(stored: Stored, asked: str) -> None:
    (only,) = ranges(stored.client, f"/api/namespaces/steady/timeseries?window=30m&{asked}")
    assert "_5m" not in only["query"]
