"""The map between a recording's time and the wall clock, and the rewriting of answers by it.

Time stands still at the recording's first instant until ``begin()``: ``wall = created + (recorded - first) / speed``
for what lies before it, ``wall = begun + (recorded - first) / speed`` for what comes after. So no time that was
already served changes when the timeline begins, none ever runs backwards, and every age is right (divided by
``speed``). Counters are served as recorded: their increase is the recorded one, their rate per wall second ``speed``
times the recorded.
"""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from tests.replay.recording import RFC3339_STRING, SAMPLE_MILLISECONDS, parse_rfc3339

# These cAdvisor metrics have a Unix time as their value.
_TIME_VALUES: Final = re.compile(rb"^(container_(?:start_time_seconds|last_seen)\{[^}]*\}) ([0-9.e+]+)", re.MULTILINE)


class Timeline:
    """Maps recorded Unix seconds to wall-clock Unix seconds and back.

    ``first_instant_unix`` is the recorded time at which the timeline stands until ``begin()``; ``speed`` is how many
    recorded seconds pass in one of the clock's. ``changed`` is notified when the timeline begins; whoever waits for it
    may notify it for changes of their own.
    """

    def __init__(self, first_instant_unix: float, speed: float = 1.0, clock: Callable[[], float] = time.time) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be above 0, not {speed}")
        self.first_instant_unix = first_instant_unix
        self.speed = speed
        self.changed = threading.Condition()
        self._clock = clock
        self._created = clock()
        self._begun: float | None = None

    @property
    def begun(self) -> bool:
        return self._begun is not None

    def begin(self) -> None:
        """Let time pass from now on. Calling it again changes nothing."""
        with self.changed:
            if self._begun is None:
                self._begun = self._clock()
            self.changed.notify_all()

    def now(self) -> float:
        """The recorded time that it is now."""
        return self.to_recorded(self._clock())

    def to_wall(self, recorded_unix: float) -> float:
        """Wall time of a recorded time. Before ``begin()``, times after the first instant are taken to start now."""
        offset = (recorded_unix - self.first_instant_unix) / self.speed
        if offset <= 0:
            return self._created + offset
        return (self._clock() if self._begun is None else self._begun) + offset

    def to_recorded(self, wall_unix: float) -> float:
        """Recorded time of a wall time: the first instant for all of the time in which the timeline stood still."""
        if wall_unix <= self._created:
            return self.first_instant_unix - (self._created - wall_unix) * self.speed
        if self._begun is None or wall_unix <= self._begun:
            return self.first_instant_unix
        return self.first_instant_unix + (wall_unix - self._begun) * self.speed

    def seconds_until(self, recorded_unix: float) -> float:
        """Wall-clock seconds until a recorded time: 0 once it is past, infinite before ``begin()``."""
        if recorded_unix <= self.first_instant_unix:
            return 0.0
        if self._begun is None:
            return math.inf
        return max(0.0, self.to_wall(recorded_unix) - self._clock())

    def wait_until(self, recorded_unix: float, deadline_seconds: float = math.inf) -> None:
        """Block until a recorded time has come. Raises ``TimeoutError`` after ``deadline_seconds`` of real time."""
        deadline = time.monotonic() + deadline_seconds
        with self.changed:
            while (seconds := self.seconds_until(recorded_unix)) > 0:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"recorded time {recorded_unix} is still {seconds:.1f} s away")
                self.changed.wait(min(seconds, left, threading.TIMEOUT_MAX))

    def rewrite_summary(self, body: bytes) -> bytes:
        """A kubelet's summary with its times mapped, to the microsecond."""
        return RFC3339_STRING.sub(
            lambda match: b'"%s"' % _rfc3339(self.to_wall(parse_rfc3339(match[1].decode()))).encode(), body
        )

    def rewrite_exposition(self, body: bytes) -> bytes:
        """A text exposition with its samples' times mapped, and those values that are times."""
        body = SAMPLE_MILLISECONDS.sub(lambda match: b" %d" % round(self.to_wall(int(match[1]) / 1000) * 1000), body)
        return _TIME_VALUES.sub(self._rewrite_time_value, body)

    def rewrite_api(self, body: bytes) -> bytes:
        """An API answer with its times mapped."""
        return RFC3339_STRING.sub(
            lambda match: b'"%s"' % _rfc3339(self.api_time(parse_rfc3339(match[1].decode()))).encode(), body
        )

    def api_time(self, recorded_unix: float) -> int:
        """Wall time of a recorded time as the API server gives it: in whole seconds, the fraction cut off."""
        return math.floor(self.to_wall(recorded_unix))

    def _rewrite_time_value(self, match: re.Match[bytes]) -> bytes:
        recorded_unix = float(match[2])
        value = self.to_wall(recorded_unix) if recorded_unix > 0 else 0.0
        return b"%s %s" % (match[1], repr(value).encode())


def _rfc3339(unix_seconds: float) -> str:
    whole, microseconds = divmod(round(unix_seconds * 1_000_000), 1_000_000)
    text = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{microseconds:06d}Z" if microseconds else f"{text}Z"
