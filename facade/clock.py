"""Prometheus's time, kept as an offset from the monotonic clock.

Every query names its time, and that time must be Prometheus's: a facade whose clock is ahead would ask for what has
not been scraped yet. It is read from the ``Date`` header of a cheap query's answer. ``time()`` would be finer, but
without an explicit time a server may evaluate a query for an earlier one (VictoriaMetrics: 30 s), and with one it only
repeats it; ``Date`` (RFC 9110, section 6.6.1) is the clock of whoever answers, whatever it evaluates.

``Date`` has whole seconds, so one answer bounds the clock from both sides: when it arrived, the server's clock had
reached ``Date``; when it was asked for, it had not reached ``Date + 1``. Each reading narrows what the earlier ones
left, the two clocks' drift allowed for. What is told is the lower bound: never ahead of Prometheus, behind it by no
more than a second and one answer's time, and by less with every reading.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

REFRESH_SECONDS: Final = 60.0
# An NTP daemon slews a clock by up to 500 parts in a million.
_DRIFT: Final = 0.0005


@dataclass(frozen=True, slots=True)
class _Offset:
    """Server time less monotonic time lies in [low, high), in seconds, as known at the monotonic time ``read_at``."""

    low: float
    high: float
    read_at: float

    def narrowed_by(self, newer: _Offset) -> _Offset:
        """What both readings admit, or the newer alone where they contradict each other: a clock was set."""
        drift = (newer.read_at - self.read_at) * _DRIFT
        low, high = max(self.low - drift, newer.low), min(self.high + drift, newer.high)
        return _Offset(low, high, newer.read_at) if low < high else newer


class ServerClock:
    """``now()`` of the server that ``read_date`` asks.

    ``read_date`` returns the answer's ``Date`` as Unix seconds; what it raises, ``now`` raises. It is called at most
    once in ``REFRESH_SECONDS``; while one thread waits for it, the others use the offset there was.
    """

    def __init__(self, read_date: Callable[[], float], clock: Callable[[], float]) -> None:
        self._read_date = read_date
        self._clock = clock
        self._refreshing = threading.Lock()
        self._offset: _Offset | None = None

    def now(self) -> float:
        """The server's time in Unix seconds, to the millisecond, and never ahead of it."""
        return self._told(self._current())  # which may take its time, so that the clock is read after it

    def at_hand(self) -> float | None:
        """The same by the offset there is, however old: whoever makes an answer has it refreshed. None before that."""
        offset = self._offset
        return None if offset is None else self._told(offset)

    def _told(self, offset: _Offset) -> float:
        return math.floor((self._clock() + offset.low) * 1000) / 1000

    def _current(self) -> _Offset:
        """The offset to go by: fresh, or the stale one while another thread reads a new one."""
        offset = self._offset
        if offset is not None and self._clock() - offset.read_at < REFRESH_SECONDS:
            return offset
        if offset is not None:
            if not self._refreshing.acquire(blocking=False):
                return offset
        else:
            self._refreshing.acquire()
        try:
            newest = self._offset
            if newest is None or newest is offset:  # else another thread was faster
                newest = self._offset = self._refreshed(newest)
            return newest
        finally:
            self._refreshing.release()

    def _refreshed(self, offset: _Offset | None) -> _Offset:
        asked_at = self._clock()
        date = self._read_date()
        read_at = self._clock()
        reading = _Offset(date - read_at, date + 1 - asked_at, read_at)
        return reading if offset is None else offset.narrowed_by(reading)
