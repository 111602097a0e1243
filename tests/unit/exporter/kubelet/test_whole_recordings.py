"""Whole recordings through the reader, on their own timeline: what is served is what was recorded, and only that."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path

import pytest

from exporter.errors import KubeletUnreachable
from exporter.model import NodeSnapshot, NodeUsage, PodUsage, Source
from tests.unit.exporter.kubelet.bodies import CADVISOR, CHEAP, RECORDINGS, SUMMARY, FakeClock, FakeKubelet
from tests.unit.exporter.kubelet.conftest import Losses, MakeReader

SCRAPE = 15.0
TOTALS = [name.name for name in fields(PodUsage) if name.name.endswith("_total")]
NODE_TOTALS = [name.name for name in fields(NodeUsage) if name.name.endswith("_total")]
GAUGES = [name.name for name in fields(PodUsage) if name.name.endswith(("_cores", "_bytes", "_per_second"))]


class RecordedKubelet(FakeKubelet):
    """Answers with the newest moment that has begun; remembers the last body of each path."""

    def __init__(self, recording: str, clock: FakeClock) -> None:
        super().__init__()
        self.moments = list(moments(recording))
        self.last: dict[str, bytes] = {}
        self._clock = clock
        files = {SUMMARY: "stats-summary", CHEAP: "stats-summary-only-cpu-and-memory", CADVISOR: "metrics-cadvisor"}
        for path, file in files.items():
            self.answers[path] = self._answer(path, file)

    def _answer(self, path: str, file: str) -> Callable[[], bytes]:
        def answer() -> bytes:
            directory = max(moment for moment in self.moments if moment[0] <= self._clock.now)[1]
            packed = directory / f"kubelet-{file}.gz"
            if file.endswith("memory") and not packed.exists():
                packed = directory / "kubelet-stats-summary.gz"  # lab-1 has no cheap form; the full one has its figures
            if not packed.exists():
                raise KubeletUnreachable("the kubelet was down")
            self.last[path] = gzip.decompress(packed.read_bytes())
            return self.last[path]

        return answer


def moments(recording: str) -> Iterator[tuple[float, Path]]:
    for directory in sorted((RECORDINGS / recording).iterdir()):
        if directory.is_dir():
            yield json.loads((directory / "meta.json").read_bytes())["time"], directory


@dataclass
class Run:
    kubelet: RecordedKubelet
    snapshots: list[tuple[float, NodeSnapshot]] = field(default_factory=list)


@pytest.fixture(params=[("lab-1", 0.0), ("lab-3", 0.0), ("lab-1", 0.7), ("lab-3", 0.7)], ids=str)
def run(request: pytest.FixtureRequest, clock: FakeClock, make_reader: MakeReader) -> Run:
    """The whole of a recording, and its end as an exporter sees it that replaces another."""
    recording, after = request.param
    return play(recording, clock, make_reader, after)


def play(recording: str, clock: FakeClock, make_reader: MakeReader, after: float = 0.0) -> Run:
    run = Run(RecordedKubelet(recording, clock))
    begin, end = run.kubelet.moments[0][0], run.kubelet.moments[-1][0]
    # The answers of a moment took up to 5 s: their rows may be that much younger than the moment.
    clock.now = begin + after * (end - begin) + 5
    reader = make_reader(run.kubelet, scrape=SCRAPE)
    while clock.now <= end + 5:
        run.snapshots.append((clock.now, reader.snapshot(30)))
        clock.now += SCRAPE
    return run


def test_no_counter_falls_and_no_gauge_is_absurd(run: Run, losses: Losses) -> None:
    last: dict[tuple[str, str], float] = {}
    for _, snapshot in run.snapshots:
        values = [(uid, name, getattr(pod, name)) for uid, pod in snapshot.pods.items() for name in TOTALS]
        values += [("", name, getattr(snapshot.node, name)) for name in NODE_TOTALS]
        for uid, name, value in values:
            if value is not None:
                assert value >= last.get((uid, name), 0.0), (uid, name)
                last[uid, name] = value
        for pod in snapshot.pods.values():
            gauges = [getattr(pod, name) for name in GAUGES]
            assert all(value is None or 0 <= value < 1e12 for value in gauges)
    assert {(stage, reason) for _, stage, reason in losses} <= {("connect", "unreachable")}


def test_cpu_and_memory_at_the_end_are_the_last_answers(run: Run) -> None:
    _, snapshot = run.snapshots[-1]
    summary = json.loads(run.kubelet.last[CHEAP])
    assert len(summary["pods"]) >= 8
    for pod in summary["pods"]:
        usage = snapshot.pods[pod["podRef"]["uid"]]
        assert usage.cpu_usage_cores == pod["cpu"]["usageNanoCores"] / 1e9
        assert usage.cpu_usage_seconds_total == pod["cpu"]["usageCoreNanoSeconds"] / 1e9
        assert usage.memory_working_set_bytes == pod["memory"]["workingSetBytes"]
        assert usage.memory_rss_bytes == pod["memory"]["rssBytes"]
        assert usage.containers.keys() == {container["name"] for container in pod["containers"]}
        pressure = pod["cpu"].get("psi")
        assert usage.cpu_pressure_some_seconds_total == (pressure["some"]["total"] / 1e6 if pressure else None)
    node = summary["node"]
    assert snapshot.node.cpu_usage_cores == node["cpu"]["usageNanoCores"] / 1e9
    assert snapshot.node.memory_available_bytes == node["memory"]["availableBytes"]


def test_network_throttling_and_disk_at_the_end_are_the_last_lines(run: Run) -> None:
    _, snapshot = run.snapshots[-1]
    body = run.kubelet.last[CADVISOR].decode()

    def lines(family: str, pattern: str) -> dict[str, float]:
        found = re.findall(rf"^{family}{{.*?{pattern}.*}} (\S+) \d+$", body, re.MULTILINE)
        return {uid: float(value) for uid, value in found}

    in_sandbox, of_pod = r'id="/kubepods[^"]*/pod([^/"]+)/[^"]+".*interface="eth0"', r'id="/kubepods[^"]*/pod([^/"]+)"'
    compared = {
        "network_receive_bytes_total": lines("container_network_receive_bytes_total", in_sandbox),
        "network_transmit_bytes_total": lines("container_network_transmit_bytes_total", in_sandbox),
        "cpu_periods_total": lines("container_cpu_cfs_periods_total", of_pod),
        "cpu_throttled_periods_total": lines("container_cpu_cfs_throttled_periods_total", of_pod),
        "cpu_throttled_seconds_total": lines("container_cpu_cfs_throttled_seconds_total", of_pod),
    }
    for name, recorded in compared.items():
        assert recorded
        assert {uid: getattr(snapshot.pods[uid], name) for uid in recorded} == recorded, name
    node = re.search(
        r'^container_network_receive_bytes_total{.*id="/",.*interface="eth0".*} (\S+) ', body, re.MULTILINE
    )
    assert node
    assert snapshot.node.network_receive_bytes_total == float(node[1])
    assert snapshot.node.network_interfaces == ("eth0",)


@pytest.mark.parametrize("recording", ["lab-1", "lab-3"])
def test_a_rate_is_the_counters_difference(recording: str, clock: FakeClock, make_reader: MakeReader) -> None:
    """The gauges of the pod that pulls without a pause, averaged, and its counter's increase agree."""
    minutes = [pair for pair in play(recording, clock, make_reader).snapshots[:16] if len(pair[1].pods) > 8]
    loadgen = next(uid for uid, usage in minutes[0][1].pods.items() if usage.name.startswith("loadgen"))
    rates: list[float] = []
    totals: list[tuple[float, float]] = []
    for when, snapshot in minutes:
        usage = snapshot.pods[loadgen]
        rate, total = usage.network_receive_bytes_per_second, usage.network_receive_bytes_total
        if rate is not None and total is not None:
            rates.append(rate)
            totals.append((when, total))
    seconds, increase = totals[-1][0] - totals[0][0], totals[-1][1] - totals[0][1]

    assert len(rates) > 10
    assert sum(rates) / len(rates) == pytest.approx(increase / seconds, rel=0.25)


def test_pressure_and_disk_where_the_kubelet_gives_them(clock: FakeClock, make_reader: MakeReader) -> None:
    run = play("lab-3", clock, make_reader)
    _, snapshot = run.snapshots[-1]
    seen = set(re.findall(r"/pod([0-9a-f-]{36})", run.kubelet.last[CADVISOR].decode()))
    pods = [pod for uid, pod in snapshot.pods.items() if uid in seen]

    assert len(pods) > 8
    assert all(pod.io_pressure_some_seconds_total is not None for pod in pods)
    assert all(pod.disk_read_bytes_total is not None for pod in pods)
    assert sum(1 for pod in pods if pod.disk_written_bytes_total) == 2  # the two that write
    assert snapshot.node.disk_written_bytes_total is not None
    assert snapshot.node.disk_written_bytes_per_second is not None


def test_absent_without_a_trace_where_it_does_not(clock: FakeClock, make_reader: MakeReader) -> None:
    for _, snapshot in play("lab-1", clock, make_reader).snapshots:
        for usage in (snapshot.node, *snapshot.pods.values()):
            for name in [*TOTALS, *GAUGES]:
                if "pressure" in name or "disk" in name:
                    assert getattr(usage, name, None) is None


def test_the_outage_ends_nothing_too_early_and_heals(clock: FakeClock, make_reader: MakeReader) -> None:
    snapshots = [snapshot for _, snapshot in play("lab-1", clock, make_reader).snapshots]
    resource = [next(state for state in one.sources if state.source is Source.RESOURCE) for one in snapshots]
    first_down = next(number for number, state in enumerate(resource) if not state.up)
    before, within = snapshots[first_down - 1], snapshots[first_down]

    assert within.pods == before.pods
    assert within.node == before.node
    age_before, age_within = resource[first_down - 1].sample_age_seconds, resource[first_down].sample_age_seconds
    assert age_before is not None
    assert age_within == pytest.approx(age_before + SCRAPE)
    # 45 s later the kubelet is back, and has read every pod again.
    assert resource[first_down + 3].up
    assert sum(pod.cpu_usage_cores is not None for pod in snapshots[first_down + 3].pods.values()) > 8
