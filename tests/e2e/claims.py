"""What must hold of every replay, whatever happens in it."""

from __future__ import annotations

import itertools
import math
from datetime import datetime
from typing import Any, Final

import pytest

from tests.e2e.observed import Observed, is_recorded, recorded_levels, recorded_network
from tests.e2e.stack import DETAIL_SECONDS, SCRAPE_SECONDS
from tests.harness.prometheus import Series

LEVELS: Final = ("cpu_cores", "memory_working_set_bytes", "memory_rss_bytes", "memory_usage_bytes")
# Of a window's rate against the recorded counters.
TOLERANCE: Final = 0.02
# Where the step is shorter, a point is over the rate window: a minute at least, four readings at least.
CPU_WINDOW_SECONDS: Final = 60.0
NETWORK_WINDOW_SECONDS: Final = 4 * DETAIL_SECONDS


def check_levels_are_recorded(observed: Observed) -> None:
    """Every current CPU and memory figure of every poll is one that the kubelet gave of that pod or node."""
    recorded = recorded_levels(observed.recording)
    compared = 0
    for _, item in itertools.chain(observed.items("pods"), observed.items("nodes")):
        for signal in LEVELS:
            value = item["usage"][signal]
            if value is not None:
                compared += 1
                rows = recorded[item.get("uid", item["name"])]
                exact = is_recorded(value, rows[signal])
                # Of a row without a rate of its own it is the difference of two rows of cadvisor's text, whose times
                # are served in whole milliseconds.
                lent = signal == "cpu_cores" and is_recorded(value, rows["cpu_cores_between_rows"], 1e-3)
                assert exact or lent, f"{item['name']}: {signal} {value} was never recorded"
    assert compared > 20 * len(observed.polls)


def check_rates_are_recorded_differences(observed: Observed, prefixes: tuple[str, ...]) -> None:
    """A window's rate × its length is the difference of the recorded counters at its ends, within 2 %."""
    levels, network = recorded_levels(observed.recording), recorded_network(observed.recording)
    end = math.floor(observed.polls[-1][0] / SCRAPE_SECONDS) * SCRAPE_SECONDS
    checked = {"cpu_cores": 0, "network_receive_bytes_per_second": 0, "network_transmit_bytes_per_second": 0}
    names = {
        (item["name"], item["namespace"], item["uid"]) for prefix in prefixes for _, item in observed.pod_items(prefix)
    }
    for name, namespace, uid in sorted(names):
        for signal, metric, known, window in (
            ("cpu_cores", "cpu_usage_seconds_total", levels[uid]["cpu_seconds"], CPU_WINDOW_SECONDS),
            (
                "network_receive_bytes_per_second",
                "network_receive_bytes_total",
                network[name]["received"],
                NETWORK_WINDOW_SECONDS,
            ),
            (
                "network_transmit_bytes_per_second",
                "network_transmit_bytes_total",
                network[name]["sent"],
                NETWORK_WINDOW_SECONDS,
            ),
        ):
            for window_end in (end - 15, end - 24, end - 33, end - 42, end - 51):
                span = (window_end - window, window_end)
                checked[signal] += _check_rate(observed, (name, namespace, uid), signal, metric, known, span)
    assert all(count >= 5 for count in checked.values()), checked


def _check_rate(
    observed: Observed,
    pod: tuple[str, str, str],
    signal: str,
    metric: str,
    known: set[float],
    span: tuple[float, float],
) -> int:
    """One point; 1 if there was something to compare."""
    name, namespace, uid = pod
    start, end = span
    series = f'cloudmon_pod_{metric}{{uid="{uid}"}}'
    stored = observed.stack.prometheus.query_matrix(f"{series}[{end - start:.0f}s]", end)
    # A pod that began or ended within the window used nothing for the rest of it: that is another comparison.
    # Nor has Prometheus the value that it began with where the scrape before it was late: a rate's window begins one
    # scrape interval before the point's, and what it lacks it fills with the mean of the rest.
    before = observed.stack.prometheus.query_matrix(f"{series}[{1000 * SCRAPE_SECONDS:.0f}ms]", start)
    if not (stored and before and _spans(stored[0], span)):
        return 0
    # What the counter stood at when the window began and when it ended: the last that was read by then.
    (first_time, first), (last_time, last) = before[0].points[-1], stored[0].points[-1]
    # Nor does Prometheus extrapolate a counter to before its zero, where it has only just begun.
    if first * (last_time - first_time) < (last - first) * SCRAPE_SECONDS:
        return 0
    for _, value in stored[0].points:
        assert is_recorded(value, known), f"{name}: {metric} {value} was never recorded"
    assert first <= last
    query = f"namespace={namespace}&start={start:.0f}&end={end:.0f}&step={SCRAPE_SECONDS:g}&metrics={signal}"
    answer = observed.stack.get(f"/api/pods/{name}/timeseries?{query}")
    point = dict(zip(answer["timestamps"], answer["series"][signal], strict=True))[end]
    expected = (last - first) / (end - start)
    assert point == pytest.approx(expected, rel=TOLERANCE, abs=1e-9), f"{name}: {signal} {point}, not {expected}"
    return 1


def _spans(series: Series, span: tuple[float, float]) -> bool:
    """Whether the pod was read throughout, and every scrape was in time: what falls out is the machine's pace."""
    times = [span[0], *(time for time, _ in series.points), span[1]]
    return all(later - earlier < 1.1 * SCRAPE_SECONDS for earlier, later in itertools.pairwise(times))


def check_totals_are_sums(observed: Observed) -> None:
    """Each namespace's total is the sum over its pods at the time that the answer names."""
    compared = 0
    for _, answers in observed.polls[2:]:
        at = datetime.fromisoformat(answers["namespaces"]["time"]).timestamp()
        for signal, metric in (
            ("cpu_cores", "cloudmon_pod_cpu_usage_cores"),
            ("memory_working_set_bytes", "cloudmon_pod_memory_working_set_bytes"),
            ("network_receive_bytes_per_second", "cloudmon_pod_network_receive_bytes_per_second"),
        ):
            sums = [_sums_by_namespace(observed, metric, at - late) for late in (0.0, 0.7)]
            for item in answers["namespaces"]["items"]:
                total = item["usage"][signal]
                if total is None:
                    continue
                # A scrape is stored a moment after the time that it bears: the evaluation may not have seen it yet.
                assert any(total == pytest.approx(by.get(item["name"], 0.0), rel=1e-9) for by in sums), (
                    f"{item['name']}: {signal} {total} at {at}, its pods are {[by.get(item['name']) for by in sums]}"
                )
                compared += 1
    assert compared > 3 * len(observed.polls)


def _sums_by_namespace(observed: Observed, metric: str, at: float) -> dict[str, float]:
    rows = observed.stack.prometheus.query(f"sum by (namespace) (max by (namespace, uid) ({metric}))", at)
    return {row.labels["namespace"]: row.value for row in rows}


def check_workloads(observed: Observed, workloads: dict[str, tuple[str, str]]) -> None:
    """Every pod ever listed has the workload of its name's prefix, and every prefix was seen."""
    seen: set[str] = set()
    for _, item in observed.items("pods"):
        prefix = next(prefix for prefix in workloads if item["name"].startswith(prefix))
        workload: dict[str, Any] = item["workload"]
        assert (workload["kind"], workload["name"]) == workloads[prefix], item["name"]
        seen.add(prefix)
    assert seen == set(workloads)
