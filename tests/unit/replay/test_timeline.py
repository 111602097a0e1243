"""The map between recorded and wall-clock time, and the rewriting of answers by it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import pytest

from tests.replay import Recording, ReplayedCluster, Timeline

FIRST = 1795489120.0  # 2026-11-24T02:58:40Z


@dataclass
class Clock:
    """A clock that stands where the test puts it."""

    unix_seconds: float = 2_000_000_000.0

    def __call__(self) -> float:
        return self.unix_seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_time_stands_still_until_it_begins(clock: Clock) -> None:
    timeline = Timeline(FIRST, speed=5, clock=clock)
    earlier = timeline.to_wall(FIRST - 50)

    clock.unix_seconds += 30

    assert timeline.now() == FIRST
    assert timeline.seconds_until(FIRST) == 0
    assert timeline.seconds_until(FIRST + 1) == math.inf
    assert timeline.to_wall(FIRST - 50) == earlier == 2_000_000_000 - 10


def test_time_passes_at_its_speed_once_begun(clock: Clock) -> None:
    timeline = Timeline(FIRST, speed=5, clock=clock)
    clock.unix_seconds += 30
    timeline.begin()
    clock.unix_seconds += 2
    timeline.begin()  # again: nothing changes

    assert timeline.now() == FIRST + 10
    assert timeline.to_wall(FIRST + 10) == 2_000_000_032
    assert timeline.to_wall(FIRST + 100) == 2_000_000_050
    assert timeline.to_wall(FIRST - 50) == 2_000_000_000 - 10  # what was served before stands
    assert timeline.seconds_until(FIRST + 100) == 18


@pytest.mark.parametrize("speed", [0.5, 1, 5, 40])
@pytest.mark.parametrize("offset", [-1000.0, -1.25, 0.0, 0.75, 570.0])
def test_the_inverse_map_gives_back_what_was_mapped(clock: Clock, speed: float, offset: float) -> None:
    timeline = Timeline(FIRST, speed, clock)
    clock.unix_seconds += 7
    timeline.begin()

    assert timeline.to_recorded(timeline.to_wall(FIRST + offset)) == pytest.approx(FIRST + offset, abs=1e-4)


def test_speed_must_be_above_zero() -> None:
    with pytest.raises(ValueError, match="speed"):
        Timeline(FIRST, speed=0)


def test_a_summary_is_rewritten_with_fractions(clock: Clock) -> None:
    timeline = Timeline(FIRST, speed=5, clock=clock)

    rewritten = timeline.rewrite_summary(
        b'{"time": "2026-11-24T02:58:39Z", "startTime":"2026-11-24T02:58:30Z", "n": 1}'
    )

    assert rewritten == b'{"time": "2033-05-18T03:33:19.800000Z", "startTime":"2033-05-18T03:33:18Z", "n": 1}'


def test_an_api_answer_is_rewritten_to_whole_seconds(clock: Clock) -> None:
    timeline = Timeline(FIRST, speed=5, clock=clock)

    rewritten = timeline.rewrite_api(
        b'{"creationTimestamp": "2026-11-24T02:58:39Z", "name": "at-2026-11-24T02:58:39Z"}'
    )

    assert rewritten == b'{"creationTimestamp": "2033-05-18T03:33:19Z", "name": "at-2026-11-24T02:58:39Z"}'
    assert timeline.api_time(FIRST - 1) == 1_999_999_999


def test_an_exposition_is_rewritten_in_its_times_only(clock: Clock) -> None:
    timeline = Timeline(FIRST, speed=5, clock=clock)
    text = (
        b"# HELP container_cpu_usage_seconds_total Cumulative\n"
        b'container_cpu_usage_seconds_total{id="/",pod="a 1795489119500"} 3.25 1795489119500\n'
        b'container_start_time_seconds{id="/a"} 1.795489115e+09 1795489120000\n'
        b'container_start_time_seconds{id="/b"} 0 1795489120000\n'
        b"machine_cpu_cores 2\n"
    )

    assert timeline.rewrite_exposition(text) == (
        b"# HELP container_cpu_usage_seconds_total Cumulative\n"
        b'container_cpu_usage_seconds_total{id="/",pod="a 1795489119500"} 3.25 1999999999900\n'
        b'container_start_time_seconds{id="/a"} 1999999999.0 2000000000000\n'
        b'container_start_time_seconds{id="/b"} 0.0 2000000000000\n'
        b"machine_cpu_cores 2\n"
    )


def test_waiting_ends_with_the_recorded_time_or_at_the_deadline() -> None:
    timeline = Timeline(FIRST, speed=1000)
    with pytest.raises(TimeoutError, match="away"):
        timeline.wait_until(FIRST + 1, deadline_seconds=0.05)

    timeline.begin()
    timeline.wait_until(FIRST + 100, deadline_seconds=5)

    assert timeline.now() >= FIRST + 100


def test_the_last_moment_stands(lab_1: Recording) -> None:
    with ReplayedCluster(lab_1, speed=1_000_000) as cluster:
        cluster.begin()
        cluster.wait_for_moment(55, deadline_seconds=5)

        assert cluster.timeline.to_wall(lab_1.moments[-1].time_unix) <= time.time()
        assert cluster.timeline.now() >= lab_1.moments[-1].time_unix
