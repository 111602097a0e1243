"""How wide the window of a query must be, from the intervals of scrapes and readings (decision 9)."""

from __future__ import annotations

import math
from dataclasses import dataclass

# A counter that is read every N seconds needs four readings in a window: with fewer, a window may hold one and say
# nothing, or two that stand next to each other and say too much.
READINGS_PER_RATE_WINDOW = 4
SHORTEST_CPU_RATE_WINDOW_SECONDS = 60.0
# How long the last reading of a silent source may stand (decision 5): of the resource source by scrapes, of the slower
# ones by their own intervals.
SHORTEST_HOLD_SECONDS = 60.0
HOLD_SCRAPES = 2.0
HOLD_INTERVALS = 2.5
# Of what others' exporters publish, the time of a scrape is all that is known.
STALE_SCRAPES = 4.0
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration(seconds: float) -> str:
    """A PromQL duration; whole seconds where possible, else milliseconds."""
    milliseconds = round(seconds * 1000)
    if milliseconds <= 0:
        raise ValueError(f"a PromQL duration must be at least one millisecond, not {seconds} s")
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"


def seconds_of(text: str) -> float:
    """The seconds of a duration of one unit: what ``duration`` gives, or written by hand as ``24h``."""
    unit = text.lstrip("0123456789")
    return int(text.removesuffix(unit)) * _UNIT_SECONDS[unit]


@dataclass(frozen=True, slots=True)
class Windows:
    """The intervals, in seconds, at which the exporters are scraped and read their costly sources."""

    scrape_seconds: float = 15.0
    detail_seconds: float = 60.0
    storage_seconds: float = 300.0

    def rate_seconds(self, source: str, step_seconds: float = 0.0) -> float:
        """What a rate of a counter of ``source`` (``resource`` or ``detail``) covers: the step, unless the source needs
        more.
        """
        return max(step_seconds, self._shortest_rate_seconds(source))

    def _shortest_rate_seconds(self, source: str) -> float:
        if source == "resource":
            return self._whole(max(READINGS_PER_RATE_WINDOW * self.scrape_seconds, SHORTEST_CPU_RATE_WINDOW_SECONDS))
        return self._whole(READINGS_PER_RATE_WINDOW * self.detail_seconds)

    def rate(self, source: str, step_seconds: float = 0.0) -> str:
        """The window of a rate that covers ``rate_seconds``: that, and one scrape interval more.

        The first sample in a window stands up to one interval after its start, and ``rate`` fills that gap with the
        mean of the rest. In N seconds the samples are N less an interval apart: what was counted between two windows is
        in neither, and of a counter that steps once in four scrapes (DETAIL) a window of four steps shows three or four
        whole ones in the time of three and three quarters: a steady 1000 B/s became 1067, or 800. In N seconds and an
        interval they are N apart.
        """
        return duration(self.rate_seconds(source, step_seconds) + self.scrape_seconds)

    def quoted_seconds(self, source: str) -> float:
        """How long an exporter quotes the last reading of ``source`` (``resource``, ``detail`` or ``storage``)."""
        if source == "resource":
            return max(SHORTEST_HOLD_SECONDS, HOLD_SCRAPES * self.scrape_seconds)
        return HOLD_INTERVALS * (self.detail_seconds if source == "detail" else self.storage_seconds)

    def quoted(self, source: str) -> str:
        """The same as a number in PromQL."""
        return f"{self.quoted_seconds(source):.10g}"

    def stale(self) -> str:
        """How old a reading of another's exporter may be to be quoted as one of now: a number in PromQL."""
        return f"{max(STALE_SCRAPES * self.scrape_seconds, SHORTEST_HOLD_SECONDS):.10g}"

    def level(self, step_seconds: float) -> str:
        """The window of an average."""
        return duration(self.level_seconds(step_seconds))

    def level_seconds(self, step_seconds: float) -> float:
        """What an average covers: the step, and at least two intervals (Prometheus 3 leaves the left end open)."""
        return max(step_seconds, 2 * self.scrape_seconds)

    def _whole(self, seconds: float) -> float:
        """``seconds`` up to a whole number of scrape intervals."""
        return math.ceil(round(seconds / self.scrape_seconds, 6)) * self.scrape_seconds
