"""No number moves without a cause: an exporter replaced by another process, and one that is killed."""

from __future__ import annotations

import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest

from promql import names
from promql.catalogue import Catalogue, Level, record
from promql.windows import Windows
from tests.e2e.rollout import KINDS, Exporter, Rollout
from tests.e2e.stack import DETAIL_SECONDS, SCRAPE_SECONDS
from tests.e2e.steadiness import (
    MEAN_TOLERANCE,
    check_counter,
    check_five_minutes,
    check_increase,
    check_rate,
    check_same,
    check_unmoved,
)
from tests.e2e.steady import IDLE, LONGEST_PACE_SECONDS
from tests.harness.prometheus import Series
from tests.harness.waiting import wait_until

pytestmark = pytest.mark.timeout(330)

# Shorter than the exporter takes the other one to be there (exporter/handover.py), and long enough for both to be
# scraped, though Prometheus takes its 5 s to list the new one.
OVERLAP_SECONDS: Final = 7.0
# Twenty scrapes, as five minutes are at the usual interval.
MEAN_SECONDS: Final = 20 * SCRAPE_SECONDS
# In twenty scrapes. What the handover leaves out for its 8 s is a step of the slower counters' rates, and 8 s are not
# less of a minute because scrapes are closer: of five minutes of the clock it is 2 % as well.
MEAN_TOLERANCES: Final = {"resource": MEAN_TOLERANCE, "detail": 3 * MEAN_TOLERANCE}
WINDOWS: Final = Windows(scrape_seconds=SCRAPE_SECONDS, detail_seconds=DETAIL_SECONDS)
# How long a rate remembers: its window, a scrape longer than what it covers, and a scrape until it is recorded.
MEMORY_SECONDS: Final = {source: WINDOWS.rate_seconds(source) + 2 * SCRAPE_SECONDS for source in ("resource", "detail")}
TOTALS: Final = Catalogue.load().totals
OOMER: Final = "oomer-78bb5684fd-79dr7"
# A throughput is a difference of counts divided by one of times, which are floats.
QUOTIENT: Final = 1e-6
# Counters that each process counts for itself begin anew with it.
OWN_COUNTERS: Final = (names.POD_OOM_KILLS, names.SOURCE_ERRORS)
_SLOW: Final = frozenset(counter for counter, source in TOTALS.rates if source == "detail") | {
    "cloudmon_pod_cpu_throttled_seconds_total",
    "cloudmon_node_network_receive_bytes_total",
    "cloudmon_node_network_transmit_bytes_total",
}
# What a new exporter takes until it is ready, and some.
_GETTING_READY_SECONDS: Final = 10.0
LEVELS: Final = ("cpu_cores", "memory_working_set_bytes", "memory_rss_bytes", "memory_usage_bytes")
COUNTERS: Final = tuple(m for m in names.METRICS.values() if m.type == "counter" and m not in OWN_COUNTERS)


@dataclass(frozen=True, slots=True)
class Replaced:
    """``start`` is when every rate window was full, ``told`` when the old exporter got its signal."""

    rollout: Rollout
    exporter: Exporter
    start: float
    told: float
    end: float
    kills_before: int

    def stored(self, metric: str) -> list[Series]:
        """The stored samples of every series of a metric, from start to end."""
        return self.rollout.prometheus.query_matrix(f"{metric}[{(self.end - self.start) * 1000:.0f}ms]", self.end)

    def evaluations(self) -> list[float]:
        (series,) = self.stored(TOTALS.evaluation)
        return [at for at, _ in series.points]

    def true_rates(self, counter: str, level: Level) -> dict[tuple[str, ...], float]:
        """What each total of the level really is, by the values of its labels."""
        rates: dict[tuple[str, ...], float] = defaultdict(float)
        for sample in self.rollout.prometheus.query(counter, self.end):
            key = tuple(sample.labels[label] for label in level.by)
            rates[key] += self.rollout.kubelet.rates.get(sample.labels["uid"], IDLE).per_second(counter)
        return rates


@dataclass(frozen=True, slots=True)
class Silent:
    """What the API answered by kind, before and after the only exporter was killed."""

    rollout: Rollout
    before: dict[str, Any]
    after: dict[str, Any]

    def time_series(self, path: str) -> Any:
        """The answer, once its last point lies wholly in the silence."""

        def answer() -> Any:
            found = self.rollout.get(path)
            return found if found["coverage"][-1] == 0 else None

        return wait_until(answer, 4 * SCRAPE_SECONDS, f"a coverage of 0 at the end of {path}")


@pytest.fixture(scope="module")
def replaced() -> Iterator[Replaced]:
    with Rollout() as rollout:
        old = rollout.first_exporter
        rollout.prometheus.wait_for("cloudmon_pod_cpu_usage_seconds_total")
        start = time.time() + MEMORY_SECONDS["resource"]
        rollout.let_the_kill_happen()
        rollout.prometheus.wait_for("cloudmon_pod_network_receive_bytes_total")
        start = max(start, time.time() + MEMORY_SECONDS["detail"])
        rollout.watch(start - _GETTING_READY_SECONDS)
        new = rollout.start_exporter()
        rollout.watch(start)
        kills = rollout.get(f"/api/pods/{OOMER}")["oom_kills"]
        rollout.wait_until_ready(new)
        told = rollout.replace(old, new, OVERLAP_SECONDS)
        rollout.watch(told + max(MEMORY_SECONDS.values()) + SCRAPE_SECONDS)
        assert old.process.wait(5) == 0
        yield Replaced(rollout, new, start, told, time.time(), kills)


def test_levels_and_gauges_stand_still(replaced: Replaced) -> None:
    evaluations = replaced.evaluations()
    assert len(evaluations) > (replaced.end - replaced.start) / SCRAPE_SECONDS - 3
    for level in TOTALS.levels:
        for metric, what in TOTALS.recorded():
            if what == "sum_rate":
                continue
            found = replaced.stored(record(level.name, metric, what))
            assert found or "disk" in metric, f"no {metric} of {level.name}"
            for series in found:
                check_unmoved(series, evaluations, QUOTIENT if metric.endswith("_per_second") else 1e-9)
    (pods,) = replaced.stored(record("node", TOTALS.pods, "count"))
    assert check_unmoved(pods, evaluations) == 12


def test_levels_and_gauges_are_the_true_ones(replaced: Replaced) -> None:
    for metric, counter in (
        ("cpu_usage_cores", "cpu_usage_seconds_total"),
        ("network_receive_bytes_per_second", "network_receive_bytes_total"),
        ("network_transmit_bytes_per_second", "network_transmit_bytes_total"),
    ):
        for level in TOTALS.levels:
            true_rates = replaced.true_rates(f"cloudmon_pod_{counter}", level)
            found = replaced.stored(record(level.name, f"cloudmon_pod_{metric}", "sum"))
            assert len(found) == len(true_rates) > 0
            for series in found:
                true = true_rates[tuple(series.labels[label] for label in level.by)]
                assert series.points[-1][1] == pytest.approx(true, rel=QUOTIENT), series.labels


def test_rates_stay_near_the_truth(replaced: Replaced) -> None:
    evaluations = replaced.evaluations()
    checked = 0
    for level in TOTALS.levels:
        for counter, source in TOTALS.rates:
            true_rates = replaced.true_rates(counter, level)
            found = replaced.stored(record(level.name, counter, "sum_rate"))
            assert len(found) == len(true_rates)
            for series in found:
                true = true_rates[tuple(series.labels[label] for label in level.by)]
                check_rate(series, evaluations, true, MEAN_SECONDS, MEAN_TOLERANCES[source])
                check_five_minutes(series, SCRAPE_SECONDS, true)
                checked += 1
    assert checked > 30


def test_counters_go_on_without_a_jump(replaced: Replaced) -> None:
    prometheus, kubelet = replaced.rollout.prometheus, replaced.rollout.kubelet
    checked = 0
    for metric in COUNTERS:
        slow = metric.name in _SLOW
        lag = LONGEST_PACE_SECONDS + SCRAPE_SECONDS + (DETAIL_SECONDS if slow else 0)
        for series in replaced.stored(metric.name):
            rates = kubelet.rates.get(series.labels["uid"], IDLE) if "uid" in series.labels else kubelet.node_rates
            check_counter(series, rates.per_second(metric.name), lag)
            checked += 1
        for sample in prometheus.query(f"resets({metric.name}[{replaced.end - replaced.start:.0f}s])", replaced.end):
            assert sample.value == 0, sample.labels
        for half in (MEAN_SECONDS / 2, MEAN_SECONDS * 0.8):
            window, end = 2 * half, replaced.told + half
            samples = prometheus.query_matrix(f"{metric.name}[{window:.0f}s]", end)
            increases = prometheus.query(f"increase({metric.name}[{window:.0f}s])", end)
            by_labels = {frozenset(sample.labels.items()): sample.value for sample in increases}
            for series in samples:
                labels = {name: value for name, value in series.labels.items() if name != "__name__"}
                check_increase(series, by_labels[frozenset(labels.items())], window)
    assert checked > 60


def test_kills_are_neither_lost_nor_counted_again(replaced: Replaced) -> None:
    prometheus = replaced.rollout.prometheus
    assert replaced.kills_before == 1
    assert replaced.rollout.get(f"/api/pods/{OOMER}")["oom_kills"] == 1
    span = f"[{replaced.end - replaced.start:.0f}s]"
    assert {sample.value for sample in prometheus.query(f"increase(cloudmon_pod_oom_kills_total{span})")} == {0.0}
    # Each process counts from its own start: the one that had a kill to show begins anew, once.
    resets = {s.labels["pod"]: s.value for s in prometheus.query(f"resets(cloudmon_pod_oom_kills_total{span})")}
    assert resets.pop(OOMER) == 1
    assert set(resets.values()) == {0.0}


def test_the_api_answers_the_same_throughout(replaced: Replaced) -> None:
    polls = [(at, answers) for at, answers in replaced.rollout.polls if at >= replaced.start]
    assert len(polls) > MEAN_SECONDS / 2
    for kind in KINDS:
        first = polls[0][1][kind]
        for at, answers in polls[1:]:
            check_same(answers[kind], first, f"{kind} {at - replaced.told:+.1f} s", QUOTIENT, ignored=("age",))


@pytest.fixture(scope="module")
def silent(replaced: Replaced) -> Silent:
    """After everything else: the exporter that is left is killed, and nobody takes its place."""
    rollout = replaced.rollout
    before = rollout.polls[-1][1]
    assert replaced.exporter.process.kill() == -signal.SIGKILL
    rollout.prometheus.wait_for(f'up{{instance="{rollout.node}"}} == 0')
    # A restart count stands for two scrapes, and the totals follow at their next evaluation.
    gone = f"last_over_time({names.POD_CONTAINER_RESTARTS.name}[{2 * SCRAPE_SECONDS:g}s])"
    rollout.prometheus.wait_for(gone, condition=lambda samples: not samples)
    last = rollout.prometheus.value(TOTALS.evaluation)
    rollout.prometheus.wait_for(TOTALS.evaluation, condition=lambda samples: samples[0].value > last)
    return Silent(rollout, before, {kind: rollout.get(f"/api/{kind}")["items"] for kind in KINDS})


def test_a_node_whose_exporter_was_killed_keeps_its_place(silent: Silent) -> None:
    (before,), (node,) = silent.before["nodes"], silent.after["nodes"]
    for known in ("name", "ready", "pods", "capacity", "allocatable"):
        assert node[known] == before[known]
    assert before["usage"]["cpu_cores"] > 0
    assert set(node["usage"].values()) == set(node["utilization"].values()) == {None}
    assert node["age"] is None
    assert set(node["missing"].values()) == {"no_samples"}
    assert node["missing"].keys() >= node["usage"].keys()


def test_its_pods_are_listed_with_null_and_the_reason(silent: Silent) -> None:
    before, after = silent.before["pods"], silent.after["pods"]
    known = ("name", "namespace", "uid", "node", "workload", "phase")
    assert [[pod[name] for name in known] for pod in after] == [[pod[name] for name in known] for pod in before]
    running = [pod for pod in after if pod["phase"] == "Running"]
    assert len(running) == 12
    for pod in running:
        for signal_, value in pod["usage"].items():
            if signal_ == "cpu_throttled_ratio" and value is not None:
                continue  # of one rate window, most of which was read
            assert value is None, f"{pod['name']}: {signal_}"
            on_host = pod["name"].startswith("agent-") and signal_.startswith("network_")
            assert pod["missing"][signal_] == ("host_network" if on_host else "no_samples")
        assert pod["restarts"] is None
        assert set(pod["requests"].values()) == set(pod["limits"].values()) == {None}


@pytest.mark.parametrize("kind", ["namespaces", "deployments"])
def test_totals_say_of_how_many_they_are(silent: Silent, kind: str) -> None:
    compared = 0
    for before, after in zip(silent.before[kind], silent.after[kind], strict=True):
        assert (after["name"], after["pods"]) == (before["name"], before["pods"])
        for signal_ in LEVELS:
            if before["usage"][signal_]:
                should = before.get("coverage", {}).get(signal_, [0, before["pods"]])[1]
                assert after["usage"][signal_] is None, f"{after['name']}: {signal_} became {after['usage'][signal_]}"
                assert after["missing"][signal_] == "no_samples"
                assert after["coverage"][signal_] == [0, should]
                compared += 1
            else:
                assert after["usage"][signal_] == before["usage"][signal_]
    assert compared >= 3 * len(LEVELS) - 3


def test_a_time_series_says_from_when_on_nothing_was_read(silent: Silent) -> None:
    metrics = "memory_working_set_bytes,memory_rss_bytes"
    for path, of in (("namespaces/default", 7), ("namespaces/shop", 4), ("deployments/web", 3)):
        answer = silent.time_series(f"/api/{path}/timeseries?window=60&metrics={metrics}")
        coverage = answer["coverage"]
        assert coverage[0] == {7: pytest.approx(5 / 7), 4: 1, 3: 1}[of]
        for values in answer["series"].values():
            assert values[-1] is None
            assert values[0]
            assert 0 not in values


def test_no_total_became_a_zero(silent: Silent) -> None:
    prometheus = silent.rollout.prometheus
    for level in TOTALS.levels:
        for metric in ("cloudmon_pod_cpu_usage_cores", "cloudmon_pod_memory_working_set_bytes"):
            name = record(level.name, metric, "sum")
            (lowest,) = prometheus.query(f"min(min_over_time({name}[60s]))")
            assert lowest.value > 0
            assert prometheus.query(name) == []
