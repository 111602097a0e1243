"""Whole recordings, from the kubelet's bytes and the API server's objects to the exposition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import pytest

from tests.replay import Moment, Recording
from tests.unit.exporter.kubelet.bodies import FakeClock
from tests.unit.exporter.kubelet.test_whole_recordings import RecordedKubelet
from tests.unit.exporter.whole.exporters import Exposition, Labels, NodeExporter

# Scrape, detail and storage interval, and how many seconds after the recording's begin the first scrape is.
RHYTHMS: Final = [(15, 60, 300, 5), (5, 20, 100, 8), (30, 60, 300, 12)]
KILLS: Final = {"lab-1": 7, "lab-3": 8}
OUTAGE: Final = {("connect", "unreachable"), ("join", "unknown_pod")}


@dataclass
class Run:
    recording: str
    exporter: NodeExporter
    scrapes: list[tuple[Moment, Exposition]] = field(default_factory=list)


def play(recording: str, scrape: float = 15, detail: float = 60, storage: float = 300, after: float = 5) -> Run:
    """Scrapes the recording from its begin to its end; what the API server said last is known at each."""
    clock = FakeClock()
    kubelet = RecordedKubelet(recording, clock)
    clock.now = kubelet.moments[0][0] + after
    found = Recording.named(recording)
    run = Run(recording, NodeExporter(found.node_name, kubelet, clock, scrape=scrape, detail=detail, storage=storage))
    to_come = list(found.moments)
    current = to_come.pop(0)
    run.exporter.show(current.items("pods"))
    while clock.now <= kubelet.moments[-1][0] + 5:
        while to_come and to_come[0].lists_time_unix <= clock.now:
            current = to_come.pop(0)
            run.exporter.show(current.items("pods"))
        run.scrapes.append((current, run.exporter.scrape()))
        clock.now += scrape
    return run


@pytest.fixture(scope="module", params=[(name, *rhythm) for name in KILLS for rhythm in RHYTHMS], ids=str)
def run(request: pytest.FixtureRequest) -> Run:
    return play(*request.param)


def by_name(run: Run, pod: str) -> Iterator[dict[str, dict[str, float]]]:
    """By uid, the values of every pod of a name, scrape by scrape."""
    for _, exposition in run.scrapes:
        uids = {dict(pairs)["uid"] for _, pairs in exposition.samples if dict(pairs).get("pod", "").startswith(pod)}
        yield {uid: values_of(exposition, uid) for uid in uids}


def values_of(exposition: Exposition, uid: str) -> dict[str, float]:
    """A pod's own series by name."""
    return {
        name: value
        for (name, pairs), value in exposition.samples.items()
        if dict(pairs).get("uid") == uid and name.startswith("pod_")
    }


def test_no_counter_ever_falls(run: Run) -> None:
    last: dict[tuple[str, Labels], float] = {}
    for _, exposition in run.scrapes:
        for series, value in exposition.samples.items():
            if series[0].endswith("_total"):
                assert value >= last.get(series, 0.0), series
                last[series] = value
    assert len({name for name, _ in last}) >= 11


def test_no_series_is_negative_or_absurd(run: Run) -> None:
    for _, exposition in run.scrapes:
        assert all(0 <= value < 1e13 for value in exposition.samples.values())


def test_the_pods_are_those_of_the_api_server_at_every_scrape(run: Run) -> None:
    """A deleted pod is gone at the next scrape; one without readings is there."""
    for moment, exposition in run.scrapes:
        expected = {
            item["metadata"]["uid"] for item in moment.items("pods") if item["spec"].get("nodeName") is not None
        }
        assert {dict(pairs)["uid"] for _, pairs in exposition.samples if "uid" in dict(pairs)} == expected
        assert exposition.samples["pods_seen", (("node", run.recording),)] == len(expected)


def test_oom_kills_are_those_of_the_recording(run: Run) -> None:
    counts = [usage["pod_oom_kills_total"] for pods in by_name(run, "oomer-") for usage in pods.values()]
    assert (counts[0], counts[-1]) == (0, KILLS[run.recording])
    others = [
        value
        for _, exposition in run.scrapes
        for (name, pairs), value in exposition.samples.items()
        if name == "pod_oom_kills_total" and not dict(pairs)["pod"].startswith("oomer-")
    ]
    assert set(others) == {0.0}


def test_a_name_that_is_taken_again_is_two_uids(run: Run) -> None:
    names = {"lab-1": ["db-0"], "lab-3": ["db-0", "bare"]}[run.recording]
    for name in names:
        scrapes = list(by_name(run, name))
        uids = list(dict.fromkeys(uid for pods in scrapes for uid in pods))
        assert len(uids) == 2
        assert all(len(pods) <= 1 for pods in scrapes)
        # The second's counters begin anew, and in series of their own.
        first, second = (
            [usage for pods in scrapes if (usage := pods.get(uid, {}).get("pod_cpu_usage_seconds_total")) is not None]
            for uid in uids
        )
        assert first
        assert second == sorted(second)
        assert second[0] < 1


def test_host_network_pods_have_no_network_and_others_have_it(run: Run) -> None:
    *_, agents = by_name(run, "agent-")
    (agent,) = agents.values()
    assert not any("network" in name for name in agent)
    assert "pod_cpu_usage_cores" in agent
    *_, loadgens = by_name(run, "loadgen-")
    assert all("pod_network_receive_bytes_per_second" in usage for usage in loadgens.values())


def test_pressure_and_disk_are_there_or_leave_no_trace(run: Run) -> None:
    text = "".join(exposition.text for _, exposition in run.scrapes)
    for family in ("_pressure_", "_disk_"):
        assert (family in text) is (run.recording == "lab-3")


def test_errors_are_those_of_the_outage(run: Run) -> None:
    (_, last) = run.scrapes[-1]
    errors = [dict(pairs) for name, pairs in last.samples if name == "source_errors_total"]
    assert {(pairs["stage"], pairs["reason"]) for pairs in errors} <= OUTAGE


def test_requests_and_limits_after_the_resize_in_place() -> None:
    seen = [
        (usage["pod_cpu_request_cores"], usage["pod_cpu_limit_cores"], usage["pod_memory_limit_bytes"])
        for pods in by_name(play("lab-3"), "resizable")
        for usage in pods.values()
    ]
    # What is admitted is reserved at once; the limit is in force a moment later.
    before, after = 32 * 2.0**20, 64 * 2.0**20
    assert list(dict.fromkeys(seen)) == [(0.05, 0.05, before), (0.15, 0.05, before), (0.15, 0.15, after)]


def test_a_pod_in_back_off_is_known_without_readings() -> None:
    crashers = [usage for pods in by_name(play("lab-1"), "crasher-") for usage in pods.values()]
    without = [usage for usage in crashers if "pod_cpu_usage_cores" not in usage]
    assert 0 < len(without) < len(crashers)
    assert all("pod_container_restarts_total" in usage and "pod_ready" in usage for usage in without)
