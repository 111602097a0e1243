"""Which counters are published while one exporter takes another's place.

Both publish into the same series, and an older count after a newer one looks like a restart to Prometheus: it adds the
whole count once more. So the two never publish a counter at the same time unless both must give the same:

- The old one publishes no counter once it was told to stop.
- The new one cannot know when that is. Whoever lists it does so because it said that it was ready, and tells the old
  one to stop for the same reason: from its first such answer on it takes the old one to be there still, for
  ``OVERLAP_SECONDS``. Meanwhile it publishes only those counters that are read anew for every scrape, by both, and so
  only grow from one scrape to the next, whoever is scraped. The others, which are read every minute, or which each
  process counts for itself, it leaves out; their rates are taken over windows in which that is a short gap.
- When the time is over, everything is read anew before it is counted: the old one may have read later than this one.

What is left out has its price: of a counter that is read every minute, a step is in no rate window that begins in the
gap. With the usual intervals such a rate is up to a quarter too low for as long as the gap is; over five minutes one
per cent, at worst three. A count taken for a restart makes it thousands of times too high.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from enum import Enum
from typing import Final

from promql import names

# From the first ready answer to the other one's signal: a DaemonSet's controller takes a second or two.
OVERLAP_SECONDS: Final = 8.0

# Read for every scrape: the cheap summary's, and what the API server's watch tells at once.
READ_FOR_EVERY_SCRAPE: Final = frozenset(
    metric.name
    for metric in (
        names.NODE_CPU_USAGE_SECONDS,
        names.NODE_CPU_PRESSURE_SECONDS,
        names.NODE_MEMORY_PRESSURE_SECONDS,
        names.POD_CPU_USAGE_SECONDS,
        names.POD_CPU_PRESSURE_SECONDS,
        names.POD_MEMORY_PRESSURE_SECONDS,
        names.POD_CONTAINER_RESTARTS,
    )
)


class Published(Enum):
    """Which counters a scrape gets."""

    ALL = "all"
    READ_FOR_EVERY_SCRAPE = "read for every scrape"
    NONE = "none"


class Handover:
    """Answers for readiness, since that is what others act upon.

    ``ready`` is the scope's own word. ``alone`` is called once, when the overlap has ended and before any scrape after
    it. Without ``overlap_seconds`` there is none. ``clock`` is monotonic. Safe to ask in any thread.
    """

    def __init__(
        self,
        ready: Callable[[], bool],
        alone: Callable[[], None] = lambda: None,
        overlap_seconds: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ready = ready
        self._alone = alone
        self._overlap_seconds = overlap_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._overlap_ends: float | None = None
        self._begun = threading.Event()
        self._leaving = False

    def ready(self) -> bool:
        """Whether to be listed; the first true answer begins the overlap."""
        if self._leaving or not self._ready():
            return False
        with self._lock:
            if self._overlap_ends is None:
                self._overlap_ends = self._clock() + self._overlap_seconds
                self._begun.set()
        return True

    def leave(self) -> None:
        """Unready from now on, and without counters: another has taken over, or will."""
        self._leaving = True

    def wait_until_alone(self, pause: Callable[[float], object] = time.sleep) -> None:
        """Block until the overlap has begun and ended; ``pause`` lets seconds pass."""
        self._begun.wait()
        while self.published() is Published.READ_FOR_EVERY_SCRAPE:
            with self._lock:
                left = (self._overlap_ends or 0.0) - self._clock()
            pause(max(0.0, left))

    def published(self) -> Published:
        """Asked at the beginning of every scrape."""
        if self._leaving:
            return Published.NONE
        with self._lock:
            if self._overlap_ends is None or not self._overlap_seconds:
                return Published.ALL
            if self._clock() < self._overlap_ends:
                return Published.READ_FOR_EVERY_SCRAPE
            self._overlap_seconds = 0.0
            self._alone()
            return Published.ALL
