"""Which endpoint serves which signal, and when: one table.

The rhythm follows what the endpoints cost the node. Measured on a node of 107 pods (kubelet 1.20, 2 cores), kubelet and
runtime CPU per call: the cheap summary 0.13 s, the full one 0.36 s, ``/metrics/cadvisor`` 0.36 s and 5.1 MB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from exporter.model import Source

# A reading younger than this answers any scraper.
_SHARED_SECONDS: Final = 10.0
_SHARED_OF_SCRAPE: Final = 2 / 3
_RESOURCE_LIFETIME_SECONDS: Final = 60.0
_RESOURCE_LIFETIME_SCRAPES: Final = 2.0
_SLOW_LIFETIME_INTERVALS: Final = 2.5
# The first readings of DETAIL follow each other closely: a rate needs two rows, and every row moves within 30 s.
PRIMING_READINGS: Final = 3
_PRIMING_OF_SHARED: Final = 1.5
# A failed slow reading, and one that came too early, is tried again sooner than at its next turn, though not at every
# scrape; one that came too early so many times.
ASKED_AGAIN: Final = 2
_RETRY_OF_INTERVAL: Final = 0.25


class Signal(StrEnum):
    """What is tracked of a node, a pod, a container or a volume: a counter, or a level that stands by itself.

    CPU, network and disk give a gauge besides: the rate of their counter.
    """

    CPU = "cpu"
    CPU_PRESSURE = "cpu_pressure"
    CPU_PERIODS = "cpu_periods"
    CPU_THROTTLED_PERIODS = "cpu_throttled_periods"
    CPU_THROTTLED = "cpu_throttled"
    MEMORY_WORKING_SET = "memory_working_set"
    MEMORY_USAGE = "memory_usage"
    MEMORY_RSS = "memory_rss"
    MEMORY_AVAILABLE = "memory_available"
    MEMORY_PRESSURE = "memory_pressure"
    NETWORK_RECEIVE = "network_receive"
    NETWORK_TRANSMIT = "network_transmit"
    DISK_READ = "disk_read"
    DISK_WRITTEN = "disk_written"
    IO_PRESSURE = "io_pressure"
    STORAGE_USED = "storage_used"
    STORAGE_CAPACITY = "storage_capacity"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``serves`` are the signals that this endpoint is the first choice for; ``stands_in`` those that it gives where
    their first choice lacks them. ``timeout_seconds`` bounds a read; a scrape may stop waiting much earlier.
    """

    source: Source
    path: str
    timeout_seconds: float
    serves: frozenset[Signal]
    stands_in: frozenset[Signal] = frozenset()


_CPU_AND_MEMORY: Final = frozenset(
    {
        Signal.CPU,
        Signal.CPU_PRESSURE,
        Signal.MEMORY_WORKING_SET,
        Signal.MEMORY_USAGE,
        Signal.MEMORY_RSS,
        Signal.MEMORY_AVAILABLE,
        Signal.MEMORY_PRESSURE,
    }
)
_NETWORK: Final = frozenset({Signal.NETWORK_RECEIVE, Signal.NETWORK_TRANSMIT})

ENDPOINTS: Final[Mapping[Source, Endpoint]] = {
    endpoint.source: endpoint
    for endpoint in (
        # For every scrape. The full summary, when it is read for a scrape, gives these too and takes its place.
        Endpoint(
            Source.RESOURCE,
            "/stats/summary?only_cpu_and_memory=true",
            timeout_seconds=30.0,
            serves=_CPU_AND_MEMORY,
        ),
        # Every DETAIL_INTERVAL.
        Endpoint(
            Source.DETAIL,
            "/metrics/cadvisor",
            timeout_seconds=30.0,
            serves=_NETWORK
            | {
                Signal.DISK_READ,
                Signal.DISK_WRITTEN,
                Signal.CPU_PERIODS,
                Signal.CPU_THROTTLED_PERIODS,
                Signal.CPU_THROTTLED,
                Signal.IO_PRESSURE,
            },
            stands_in=_CPU_AND_MEMORY - {Signal.MEMORY_AVAILABLE},
        ),
        # Every STORAGE_INTERVAL.
        Endpoint(
            Source.STORAGE,
            "/stats/summary",
            timeout_seconds=60.0,
            serves=frozenset({Signal.STORAGE_USED, Signal.STORAGE_CAPACITY}),
            stands_in=_NETWORK | {Signal.IO_PRESSURE},
        ),
    )
}

# Never two of these for one scrape.
EXPENSIVE: Final = (Source.STORAGE, Source.DETAIL)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When the endpoints are read, and how long a reading may be quoted. All in seconds."""

    scrape_interval: float
    detail_interval: float
    storage_interval: float

    @property
    def shared(self) -> float:
        """The age up to which a reading answers another scrape: readings of one endpoint start no closer."""
        return min(_SHARED_SECONDS, self.scrape_interval * _SHARED_OF_SCRAPE)

    def interval(self, source: Source) -> float:
        """Between two readings. Scrapes come a little early and late: half a scrape of slack keeps the mean."""
        if source is Source.RESOURCE:
            return self.shared
        return max(self.shared, self._slow_interval(source) - self.scrape_interval / 2)

    @property
    def priming(self) -> float:
        """Between the first readings of DETAIL."""
        return min(self.shared * _PRIMING_OF_SHARED, self.interval(Source.DETAIL))

    def retry(self, source: Source) -> float:
        """After a reading that failed."""
        if source is Source.RESOURCE:
            return self.shared
        return max(self.shared, self._slow_interval(source) * _RETRY_OF_INTERVAL)

    def lifetime(self, source: Source) -> float:
        """How old a row of this source may be and still be served."""
        if source is Source.RESOURCE:
            return max(_RESOURCE_LIFETIME_SECONDS, self.scrape_interval * _RESOURCE_LIFETIME_SCRAPES)
        return self._slow_interval(source) * _SLOW_LIFETIME_INTERVALS

    def _slow_interval(self, source: Source) -> float:
        return self.detail_interval if source is Source.DETAIL else self.storage_interval
