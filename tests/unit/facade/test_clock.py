from __future__ import annotations

import math
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facade.clock import REFRESH_SECONDS, ServerClock
from facade.errors import UpstreamUnreachableError


class World:
    """A monotonic clock and a server whose clock is ``ahead`` of it and drifts; an answer takes ``delay`` each way."""

    def __init__(self, ahead: float = 1.7e9, delay: float = 0.0, drift: float = 0.0) -> None:
        self.monotonic = 1000.0
        self.ahead = ahead
        self.delay = delay
        self.drift = drift
        self.reads = 0

    def clock(self) -> float:
        return self.monotonic

    def server_time(self) -> float:
        return self.monotonic + self.ahead + self.drift * (self.monotonic - 1000.0)

    def read_date(self) -> float:
        self.reads += 1
        self.monotonic += self.delay
        date = math.floor(self.server_time())
        self.monotonic += self.delay
        return date


def test_it_is_read_at_most_once_a_minute() -> None:
    world = World()
    clock = ServerClock(world.read_date, world.clock)
    for _ in range(100):
        clock.now()
        world.monotonic += REFRESH_SECONDS / 98
    assert world.reads == 2


def test_what_is_at_hand_is_not_asked_for() -> None:
    world = World()
    clock = ServerClock(world.read_date, world.clock)
    assert clock.at_hand() is None
    told = clock.now()
    world.monotonic += 10 * REFRESH_SECONDS
    assert clock.at_hand() == told + 10 * REFRESH_SECONDS
    assert world.reads == 1


@given(
    ahead=st.floats(0, 2e9),
    delay=st.floats(0, 5),
    drift=st.floats(-0.0004, 0.0004),
    pauses=st.lists(st.floats(0.01, 500), max_size=20),
)
def test_it_is_never_ahead_and_behind_by_no_more_than_a_second_and_the_answers_time(
    ahead: float, delay: float, drift: float, pauses: list[float]
) -> None:
    world = World(ahead, delay, drift)
    clock = ServerClock(world.read_date, world.clock)
    for pause in [0.0, *pauses]:
        world.monotonic += pause
        told = clock.now()
        since_reading = max(REFRESH_SECONDS, pause) * 0.0005
        assert told <= world.server_time() + since_reading + 1e-4
        assert told > world.server_time() - 1 - 2 * delay - since_reading - 2e-3


def test_every_reading_narrows_it() -> None:
    world = World(ahead=1.7e9 + 0.999)
    clock = ServerClock(world.read_date, world.clock)
    first_error = world.server_time() - clock.now()
    assert first_error > 0.9
    world.monotonic += REFRESH_SECONDS + 0.002  # which is just after a tick of the server's seconds
    assert world.server_time() - clock.now() < 0.05


def test_a_clock_that_was_set_is_followed_at_once() -> None:
    world = World()
    clock = ServerClock(world.read_date, world.clock)
    clock.now()
    world.ahead -= 86400
    world.monotonic += REFRESH_SECONDS
    assert clock.now() == pytest.approx(world.server_time(), abs=1.01)


def test_what_the_reading_raises_is_raised_and_tried_again() -> None:
    world = World()
    failing = [True]

    def read() -> float:
        if failing[0]:
            raise UpstreamUnreachableError("no")
        return world.read_date()

    clock = ServerClock(read, world.clock)
    for _ in range(2):
        with pytest.raises(UpstreamUnreachableError):
            clock.now()
    failing[0] = False
    assert clock.now() == pytest.approx(world.server_time(), abs=1.01)


def test_others_do_not_wait_while_one_reads_anew() -> None:
    world = World()
    reading, go_on = threading.Event(), threading.Event()
    first = [True]

    def read() -> float:
        if not first[0]:
            reading.set()
            assert go_on.wait(10)
        first[0] = False
        return world.read_date()

    clock = ServerClock(read, world.clock)
    clock.now()
    world.monotonic += REFRESH_SECONDS
    refresher = threading.Thread(target=clock.now)
    refresher.start()
    try:
        assert reading.wait(10)
        assert clock.now() == pytest.approx(world.server_time(), abs=1.01)
    finally:
        go_on.set()
        refresher.join()
    assert world.reads == 2


def test_the_first_callers_share_one_reading() -> None:
    world = World()
    everyone = threading.Barrier(5)
    clock = ServerClock(world.read_date, world.clock)

    def ask() -> None:
        everyone.wait(10)
        clock.now()

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.reads == 1
