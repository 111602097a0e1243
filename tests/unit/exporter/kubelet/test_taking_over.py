"""An exporter that takes another's place continues its series: whatever the other read last, nothing runs backwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from exporter.errors import KubeletTimeout
from exporter.kubelet.readings import KubeletReader
from exporter.model import NodeSnapshot
from tests.unit.exporter.kubelet.bodies import (
    CADVISOR,
    CHEAP,
    START,
    SUMMARY,
    FakeClock,
    FakeKubelet,
    cadvisor,
    cpu,
    line,
    pod,
    rfc3339,
    summary,
)
from tests.unit.exporter.kubelet.conftest import MakeReader
from tests.unit.exporter.kubelet.test_whole_recordings import NODE_TOTALS, SCRAPE, TOTALS, RecordedKubelet

DEADLINE = 10.0
RECEIVED = "container_network_receive_bytes_total"


@pytest.fixture
def kubelet(clock: FakeClock) -> FakeKubelet:
    """Its counters count seconds, so that a reading tells when it was made."""

    def body() -> bytes:
        storage = {"ephemeral-storage": {"time": rfc3339(clock.now), "usedBytes": 7}}
        return summary(pod("a", cpu=cpu(clock.now, clock.now - START, 0.5), **storage))

    def detail() -> bytes:
        return cadvisor(line(RECEIVED, clock.now - START, clock.now, id="/kubepods/poda/s", interface="eth0"))

    return FakeKubelet({SUMMARY: body, CHEAP: body, CADVISOR: detail})


def primed(reader: KubeletReader, clock: FakeClock) -> KubeletReader:
    """The reader of an exporter that has just become ready."""
    while not reader.primed():
        clock.now += SCRAPE
        reader.snapshot(DEADLINE)
    reader.begin_serving()
    return reader


def counted(snapshot: NodeSnapshot) -> tuple[float | None, float | None]:
    usage = snapshot.pods["a"]
    return usage.cpu_usage_seconds_total, usage.network_receive_bytes_total


@pytest.mark.parametrize("seconds", [1.0, 5.0, 12.0, 45.0])
def test_the_first_scrape_is_of_now_however_young_the_readings_before(
    kubelet: FakeKubelet, clock: FakeClock, make_reader: MakeReader, seconds: float
) -> None:
    reader = primed(make_reader(kubelet), clock)
    clock.now += seconds
    before = kubelet.fetches.copy()

    assert counted(reader.snapshot(DEADLINE)) == (clock.now - START, clock.now - START)
    assert kubelet.fetches - before == {CHEAP: 1, CADVISOR: 1}


def test_only_the_first_scrape_reads_the_costly_endpoint_anew_and_it_is_shared_like_any_other(
    kubelet: FakeKubelet, clock: FakeClock, make_reader: MakeReader
) -> None:
    reader = primed(make_reader(kubelet), clock)
    fresh: list[bool] = []
    for _ in range(6):
        clock.now += 8  # another Prometheus, which shares the reading of the one before
        shared = reader.snapshot(DEADLINE)
        fresh.append(counted(shared) == (clock.now - START, clock.now - START))
        clock.now += 7
        before = kubelet.fetches.total()
        assert counted(reader.snapshot(DEADLINE)) == counted(shared)
        assert kubelet.fetches.total() == before

    assert fresh == [True, False, False, False, True, False]  # the later one is the endpoint's own turn


def test_alone_at_last_it_reads_everything_anew_once_more(
    kubelet: FakeKubelet, clock: FakeClock, make_reader: MakeReader
) -> None:
    reader = primed(make_reader(kubelet), clock)
    clock.now += SCRAPE
    reader.snapshot(DEADLINE)
    clock.now += 2
    reader.begin_serving()
    clock.now += 1
    before = kubelet.fetches.copy()

    assert counted(reader.snapshot(DEADLINE)) == (clock.now - START, clock.now - START)
    assert kubelet.fetches - before == {CHEAP: 1, CADVISOR: 1}


def test_a_counter_whose_reading_failed_is_left_out_until_there_is_one(
    kubelet: FakeKubelet, clock: FakeClock, make_reader: MakeReader
) -> None:
    reader = primed(make_reader(kubelet), clock)
    answer = kubelet.answers[CADVISOR]
    kubelet.answers[CADVISOR] = KubeletTimeout("late")
    clock.now += SCRAPE
    snapshot = reader.snapshot(DEADLINE)
    assert counted(snapshot) == (clock.now - START, None)
    assert snapshot.pods["a"].network_receive_bytes_per_second == 1.0
    kubelet.answers[CADVISOR] = answer
    clock.now += SCRAPE
    assert counted(reader.snapshot(DEADLINE)) == (clock.now - START, clock.now - START)


def test_the_full_summary_waits_while_counters_are_read_anew(
    kubelet: FakeKubelet, clock: FakeClock, make_reader: MakeReader
) -> None:
    reader = primed(make_reader(kubelet, storage=30), clock)
    for _ in range(3):
        clock.now += SCRAPE
        before = kubelet.fetches.copy()
        snapshot = reader.snapshot(DEADLINE)
        made = kubelet.fetches - before
        assert made[SUMMARY] + made[CADVISOR] <= 1
        assert counted(snapshot)[0] == clock.now - START

    assert kubelet.fetches[SUMMARY] >= 2


def values(snapshot: NodeSnapshot) -> Iterator[tuple[tuple[str, str], float]]:
    for uid, usage in [("", snapshot.node), *snapshot.pods.items()]:
        for name in NODE_TOTALS if uid == "" else TOTALS:
            value = getattr(usage, name)
            if value is not None:
                yield (uid, name), value


@pytest.mark.parametrize("overlap", [0.0, 4.0, 11.0])
@pytest.mark.parametrize("recording", ["lab-1", "lab-3"])
def test_recorded_counters_never_fall_at_the_change(
    recording: str, overlap: float, clock: FakeClock, make_reader: MakeReader
) -> None:
    """Every minute another exporter takes over, while the kubelet is down too."""
    kubelet = RecordedKubelet(recording, clock)
    clock.now, end = kubelet.moments[0][0] + 5, kubelet.moments[-1][0]
    serving = primed(make_reader(kubelet), clock)
    last: dict[tuple[str, str], float] = {}
    falls: list[tuple[tuple[str, str], float, float]] = []

    def scrape(reader: KubeletReader) -> None:
        for series, value in values(reader.snapshot(DEADLINE)):
            if value < last.get(series, 0.0):
                falls.append((series, last[series], value))
            last[series] = value

    changes = 0
    while clock.now < end - 60:
        successor = make_reader(kubelet)
        for _ in range(4):  # the successor reads to become ready, 4 s after each of the predecessor's scrapes
            scrape(serving)
            clock.now += 4
            successor.snapshot(DEADLINE)
            clock.now += SCRAPE - 4
        successor.begin_serving()
        clock.now += overlap
        scrape(serving)
        serving.close()
        serving = successor
        clock.now += 4
        changes += 1

    assert changes >= 6
    assert falls == []
