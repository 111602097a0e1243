"""When the reader asks the kubelet, whom a read serves, and how long a scrape waits."""

from __future__ import annotations

import threading
import time

import pytest

from exporter.errors import KubeletRefused, KubeletUnreachable
from exporter.model import NodeSnapshot, Source, SourceState
from tests.harness.waiting import wait_until
from tests.unit.exporter.kubelet.bodies import (
    CADVISOR,
    CHEAP,
    START,
    SUMMARY,
    FakeClock,
    FakeKubelet,
    Gate,
    cadvisor,
    cpu,
    line,
    memory,
    pod,
    rfc3339,
    summary,
)
from tests.unit.exporter.kubelet.conftest import Losses, MakeReader

DEADLINE = 10.0
DOWN = KubeletUnreachable("down")


def body(time: float, cores: float = 0.5) -> bytes:
    return summary(
        pod("a", cpu=cpu(time, 10, cores), memory=memory(time, 100)),
        cpu=cpu(time, 100, 1),
        fs={"time": "2020-01-01T00:00:00Z"},
    )


def measured(time: float) -> bytes:
    """The full summary of a kubelet that has been up for a while."""
    return summary(pod("a", cpu=cpu(time, 10, 1), **{"ephemeral-storage": {"time": rfc3339(time), "usedBytes": 7}}))


def detail(time: float) -> bytes:
    return cadvisor(
        line("container_network_receive_bytes_total", time - START + 1, time, id="/", interface="eth0"),
        line("container_network_receive_bytes_total", 5, time, id="/kubepods/poda/s", interface="eth0"),
    )


@pytest.fixture
def kubelet(clock: FakeClock) -> FakeKubelet:
    return FakeKubelet(
        {
            CHEAP: lambda: body(clock.now),
            SUMMARY: lambda: body(clock.now),
            CADVISOR: lambda: detail(clock.now),
        }
    )


def state(snapshot: NodeSnapshot, source: Source) -> SourceState:
    return next(state for state in snapshot.sources if state.source is source)


def test_rhythm_of_an_hour(kubelet: FakeKubelet, clock: FakeClock, make_reader: MakeReader) -> None:
    """One scrape reads one expensive endpoint at most; the full summary takes the cheap one's place for its scrape."""
    kubelet.answers[SUMMARY] = lambda: measured(clock.now)
    reader = make_reader(kubelet)
    for _ in range(240):
        before = kubelet.fetches.copy()
        reader.snapshot(DEADLINE)
        made = kubelet.fetches - before
        assert made[SUMMARY] + made[CADVISOR] <= 1
        assert made[SUMMARY] + made[CHEAP] == 1
        clock.now += 15

    assert kubelet.fetches[SUMMARY] == 12
    assert kubelet.fetches[CHEAP] == 228
    # Two more than an hour's, at the start: a rate needs two rows.
    assert 58 <= kubelet.fetches[CADVISOR] <= 62


def test_scrapes_within_ten_seconds_share_a_reading(
    kubelet: FakeKubelet, clock: FakeClock, make_reader: MakeReader
) -> None:
    reader = make_reader(kubelet)
    reader.snapshot(DEADLINE)
    clock.now += 9.9
    assert reader.snapshot(DEADLINE).pods["a"].cpu_usage_cores == 0.5
    assert kubelet.fetches.total() == 1

    clock.now += 0.2
    reader.snapshot(DEADLINE)
    assert kubelet.fetches[CHEAP] == 1


def test_shorter_scrape_intervals_share_for_less_long(
    kubelet: FakeKubelet, clock: FakeClock, make_reader: MakeReader
) -> None:
    reader = make_reader(kubelet, scrape=3)
    reader.snapshot(DEADLINE)
    clock.now += 1.9
    reader.snapshot(DEADLINE)
    assert kubelet.fetches.total() == 1
    clock.now += 0.2
    reader.snapshot(DEADLINE)
    assert kubelet.fetches[CHEAP] == 1


def test_scrapes_at_once_share_one_read(kubelet: FakeKubelet, clock: FakeClock, make_reader: MakeReader) -> None:
    gate = Gate(body(START))
    kubelet.answers[SUMMARY] = gate
    reader = make_reader(kubelet)
    served: list[NodeSnapshot] = []
    scrapes = [threading.Thread(target=lambda: served.append(reader.snapshot(DEADLINE))) for _ in range(5)]
    for scrape in scrapes:
        scrape.start()
    assert gate.reached.wait(DEADLINE)
    gate.open()
    for scrape in scrapes:
        scrape.join(DEADLINE)

    assert [one.pods["a"].cpu_usage_cores for one in served] == [0.5] * 5
    assert kubelet.fetches.total() == 1


def test_a_slow_read_does_not_hold_a_scrape_and_serves_the_next(
    kubelet: FakeKubelet, clock: FakeClock, make_reader: MakeReader
) -> None:
    reader = make_reader(kubelet)
    reader.snapshot(DEADLINE)
    clock.now += 15
    gate = Gate(detail(clock.now))
    kubelet.answers[CADVISOR] = gate

    begin = time.monotonic()
    waited = reader.snapshot(0.2)
    assert time.monotonic() - begin < 5
    assert waited.pods["a"].cpu_usage_cores == 0.5
    assert waited.pods["a"].network_receive_bytes_total is None

    # While it is on its way it is not started again, and not waited for any more.
    clock.now += 15
    begin = time.monotonic()
    reader.snapshot(DEADLINE)
    assert time.monotonic() - begin < DEADLINE / 2
    assert kubelet.fetches[CADVISOR] == 1

    gate.open()
    after = wait_until(lambda: found(reader.snapshot(DEADLINE)), DEADLINE, "the late reading to be served")
    assert after.pods["a"].network_receive_bytes_total == 5


@pytest.mark.parametrize(("path", "after"), [(SUMMARY, 0), (CHEAP, 15), (CADVISOR, 15)])
def test_however_long_a_read_takes_one_scrape_makes_it_once(
    kubelet: FakeKubelet, clock: FakeClock, make_reader: MakeReader, path: str, after: float
) -> None:
    """Where a scrape may wait for longer than readings are shared, what it waited for would be due again."""
    reader = make_reader(kubelet, scrape=60, detail=15, storage=15)
    if after:
        reader.snapshot(DEADLINE)
        clock.now += after
    gate = Gate(detail(clock.now) if path == CADVISOR else body(clock.now))
    kubelet.answers[path] = gate
    before = kubelet.fetches.copy()
    scrape = threading.Thread(target=reader.snapshot, args=(30,))
    scrape.start()
    assert gate.reached.wait(DEADLINE)
    clock.now += 25
    gate.open()
    scrape.join(DEADLINE)

    made = kubelet.fetches - before
    assert made[path] == 1
    assert made[SUMMARY] + made[CADVISOR] <= 1
    assert made[SUMMARY] + made[CHEAP] == 1


def found(snapshot: NodeSnapshot) -> NodeSnapshot | None:
    return snapshot if snapshot.pods["a"].network_receive_bytes_total is not None else None


def test_a_full_summary_that_fails_does_not_cost_the_scrape_its_cpu(
    kubelet: FakeKubelet, clock: FakeClock, make_reader: MakeReader, losses: Losses
) -> None:
    kubelet.answers[SUMMARY] = KubeletRefused("no", status=500)
    snapshot = make_reader(kubelet).snapshot(DEADLINE)

    assert snapshot.pods["a"].cpu_usage_cores == 0.5
    assert (kubelet.fetches[SUMMARY], kubelet.fetches[CHEAP]) == (1, 1)
    assert losses == [(Source.STORAGE, "read", "http_500")]
    assert state(snapshot, Source.STORAGE).up is False
    assert state(snapshot, Source.RESOURCE).up is True


def test_a_failed_expensive_read_is_tried_again_before_its_turn(
    kubelet: FakeKubelet, clock: FakeClock, make_reader: MakeReader
) -> None:
    kubelet.answers[SUMMARY] = DOWN
    reader = make_reader(kubelet)
    for _ in range(20):  # 5 minutes
        reader.snapshot(DEADLINE)
        clock.now += 15

    assert 3 <= kubelet.fetches[SUMMARY] <= 4


def test_storage_that_a_kubelet_has_not_measured_yet_is_asked_for_soon_and_not_for_ever(
    kubelet: FakeKubelet, clock: FakeClock, make_reader: MakeReader
) -> None:
    """For a minute after its start a kubelet gives none, and some never do."""
    reader = make_reader(kubelet)

    def asked_in(minutes: float) -> int:
        before = kubelet.fetches[SUMMARY]
        for _ in range(round(minutes * 4)):
            reader.snapshot(DEADLINE)
            clock.now += 15
        return kubelet.fetches[SUMMARY] - before

    assert asked_in(5) == 3
    assert asked_in(30) == 6
    kubelet.answers[SUMMARY] = lambda: measured(clock.now)
    assert asked_in(10) == 2
    assert reader.snapshot(DEADLINE).pods["a"].ephemeral_storage_used_bytes == 7
    # It starts anew.
    kubelet.answers[SUMMARY] = lambda: body(clock.now)
    assert asked_in(15) > 3


def test_a_kubelet_that_fell_silent(
    kubelet: FakeKubelet, clock: FakeClock, make_reader: MakeReader, losses: Losses
) -> None:
    reader = make_reader(kubelet)
    last = reader.snapshot(DEADLINE)
    for _ in range(2):
        clock.now += 15
        last = reader.snapshot(DEADLINE)
    silent_since = clock.now
    for path in kubelet.answers:
        kubelet.answers[path] = DOWN

    def after(seconds: float) -> NodeSnapshot:
        clock.now = silent_since + seconds
        return reader.snapshot(DEADLINE)

    standing = after(60)
    assert standing.pods["a"] == last.pods["a"]
    assert standing.node == last.node
    assert state(standing, Source.RESOURCE) == SourceState(Source.RESOURCE, False, 0.0, 60.0)
    ended = after(61)
    assert ended.pods["a"].cpu_usage_cores is None
    assert ended.pods["a"].memory_working_set_bytes is None
    assert ended.pods["a"].network_receive_bytes_total == 5
    assert state(ended, Source.RESOURCE).sample_age_seconds is None
    assert state(ended, Source.DETAIL).sample_age_seconds is not None
    assert after(2.5 * 60 + 1).pods == {}
    assert (Source.RESOURCE, "connect", "unreachable") in losses


def test_longer_scrape_intervals_quote_cpu_for_two_of_them(
    kubelet: FakeKubelet, clock: FakeClock, make_reader: MakeReader
) -> None:
    reader = make_reader(kubelet, scrape=60)
    reader.snapshot(DEADLINE)
    for path in kubelet.answers:
        kubelet.answers[path] = DOWN

    clock.now += 120
    assert reader.snapshot(DEADLINE).pods["a"].cpu_usage_cores == 0.5
    clock.now += 1
    assert reader.snapshot(DEADLINE).pods == {}


def test_never_tried_is_neither_up_nor_down(kubelet: FakeKubelet, clock: FakeClock, make_reader: MakeReader) -> None:
    snapshot = make_reader(kubelet).snapshot(DEADLINE)

    assert state(snapshot, Source.DETAIL) == SourceState(Source.DETAIL, None, None, None)
    assert state(snapshot, Source.STORAGE).up is True
    assert state(snapshot, Source.RESOURCE) == SourceState(Source.RESOURCE, True, 0.0, 0.0)


def test_primed_when_throughput_is_known(kubelet: FakeKubelet, clock: FakeClock, make_reader: MakeReader) -> None:
    reader = make_reader(kubelet)
    assert not reader.primed()
    reader.snapshot(DEADLINE)
    clock.now += 15
    reader.snapshot(DEADLINE)
    assert not reader.primed()
    clock.now += 15
    snapshot = reader.snapshot(DEADLINE)

    assert reader.primed()
    assert snapshot.node.network_receive_bytes_per_second == 1


def test_an_answer_that_is_no_summary_and_a_bad_entry_are_reported(
    kubelet: FakeKubelet, clock: FakeClock, make_reader: MakeReader, losses: Losses
) -> None:
    kubelet.answers[SUMMARY] = b"<html>"
    kubelet.answers[CHEAP] = summary(pod("good", cpu=cpu(START, 1, 1)), {"podRef": 3})
    snapshot = make_reader(kubelet).snapshot(DEADLINE)

    assert list(snapshot.pods) == ["good"]
    assert losses == [(Source.STORAGE, "decode", "malformed"), (Source.RESOURCE, "decode", "entry")]


def test_closed_reads_no_more(kubelet: FakeKubelet, clock: FakeClock, make_reader: MakeReader) -> None:
    reader = make_reader(kubelet)
    reader.snapshot(DEADLINE)
    reader.close()
    clock.now += 15

    assert reader.snapshot(DEADLINE).pods["a"].cpu_usage_cores == 0.5
    assert kubelet.fetches.total() == 1
