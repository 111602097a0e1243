"""What is kept of a signal between two readings: the last row, and for a counter what its next difference needs.

How a published counter follows the kernel's, case by case:

1. *One source, counting up* (nearly everything: a pod's cgroup, a sandbox's interface, the node's). Its value is passed
   through as it is, so an exporter that replaces this one continues the series to the bit.
2. *One source that starts anew* (the sandbox was made again, the pod's cgroup after a reboot: the value falls to less
   than half). It is passed through as well. Prometheus takes the fall for what it is, a counter's restart, and adds the
   new value: what was counted since. To carry the old value on would hide the fall for now and show it when this
   exporter is replaced, as an increase that never was.
3. *A small fall* (two endpoints speak of one counter, one of them some milliseconds behind; a total is rounded) is no
   restart. The last value is held until the source has passed it: given on, it would count as a restart, and
   Prometheus would add the whole counter once more.
4. *A sum of parts* (containers, devices, several interfaces). A part that vanishes, and the old count of a part that
   starts anew, stay in the sum: of a sum, Prometheus could not tell a part's restart from the whole's. A part that
   appears counts from its first byte. After a part was lost, an exporter that replaces this one cannot know of it
   and starts lower: one restart, the price of remembering nothing on disk.
5. *A pod counted by its containers until its own cgroup shows* (the kubelet met the containers first). The cgroup's
   value takes over, held by rule 3 if it is behind. The other way round is not taken: containers are less than the pod.
6. *Another rule of choosing* (the summary names another interface than was counted). The sum goes on from where it is
   by what the newly chosen count from now on.

A row whose time has not moved says nothing new: value and rate stand. A row whose time lies before the last one's is
older than what is known and is ignored, unless the last one's lies in the future: then the clock was set back.
Of a signal's first choice, a row that seems less than a second older than that of the endpoint that stood in for it is
no older: the summary cuts its times to whole seconds. It is taken, since it may say more: a rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from exporter.kubelet.rows import Counter, Level

_RESTART_BELOW: Final = 0.5
_CLOCK_TOLERANCE_SECONDS: Final = 10.0
_CUT_OFF_SECONDS: Final = 1.0
# Parts that have vanished are kept by name for a while: they come back when the kubelet has only just started.
_KEPT_PARTS: Final = 32


class Origin(Enum):
    """Where a row comes from, compared with the last one that was taken."""

    SAME = "the same endpoint"
    OTHER = "another endpoint"
    FIRST_CHOICE = "the first choice, after another that stood in for it"


def moved(row_time: float, last_time: float, now: float, origin: Origin) -> bool:
    """Whether a row of ``row_time`` says something new after one of ``last_time``."""
    if origin is Origin.FIRST_CHOICE and row_time > last_time - _CUT_OFF_SECONDS:
        return True
    if row_time < last_time:
        return last_time > now + _CLOCK_TOLERANCE_SECONDS
    return row_time > last_time


@dataclass(slots=True)
class LevelSeries:
    time: float
    value: float

    @classmethod
    def start(cls, row: Level) -> LevelSeries:
        return cls(row.time, row.value)

    def observe(self, row: Level, now: float, origin: Origin = Origin.SAME) -> bool:
        """Whether the row was newer, and taken."""
        if not moved(row.time, self.time, now, origin):
            return False
        self.time, self.value = row.time, row.value
        return True


@dataclass(slots=True)
class CounterSeries:
    """``total`` is None where the kubelet states a rate and no count; ``rate`` (per second) until there are two rows.

    ``counted`` are the parts of the last row, for those who want to know which they were.
    """

    time: float
    total: float | None
    rate: float | None
    counted: tuple[str, ...]
    _parts: dict[str, float]
    _whole: bool
    _selection: str
    _carried: float = 0.0

    @classmethod
    def start(cls, row: Counter) -> CounterSeries:
        total = sum(row.parts.values()) if row.parts else None
        return cls(row.time, total, row.stated_rate, tuple(row.parts), dict(row.parts), row.whole, row.selection)

    def observe(self, row: Counter, now: float, origin: Origin = Origin.SAME) -> bool:
        """Whether the row was newer, and taken.

        Unless it is of the same endpoint the rate stands: the summary cuts its times to whole seconds, cadvisor does
        not, so of two rows of different endpoints nobody knows how far they are apart, or whether they are one.
        """
        if not moved(row.time, self.time, now, origin) or (self._whole and not row.whole):
            return False
        seconds = row.time - self.time
        increase = self._take(row)
        if row.stated_rate is not None:
            self.rate = row.stated_rate
        elif not row.parts:
            self.rate = None
        elif increase is not None and seconds > 0 and origin is Origin.SAME:
            self.rate = increase / seconds
        self.time, self.counted = row.time, tuple(row.parts)
        return True

    def _take(self, row: Counter) -> float | None:
        """Takes the row's parts into the total; the increase since the last row, None where it cannot be known."""
        before, selection = self.total, self._selection
        self._selection = row.selection
        if not row.parts:
            self.total = None
            return None
        if before is None:
            self._parts, self._whole, self._carried = dict(row.parts), row.whole, 0.0
            self.total = sum(row.parts.values())
            return None
        if row.selection != selection:
            self._parts = dict(row.parts)
            self._carried = before - sum(row.parts.values())
            return None
        if row.whole and not self._whole:
            self._parts, self._whole, self._carried = dict(row.parts), True, 0.0
        elif self._restarted(row.parts):
            self._parts = dict(row.parts)
            self.total = sum(row.parts.values())
            return self.total
        else:
            self._merge(row.parts)
        self.total = max(before, self._carried + sum(self._parts.values()))
        return self.total - before

    def _restarted(self, parts: Mapping[str, float]) -> bool:
        """Whether the one source that there has ever been starts anew."""
        if self._carried or len(self._parts) != 1 or self._parts.keys() != parts.keys():
            return False
        return all(value < self._parts[part] * _RESTART_BELOW for part, value in parts.items())

    def _merge(self, parts: Mapping[str, float]) -> None:
        for part, value in parts.items():
            last = self._parts.get(part, 0.0)
            if value < last * _RESTART_BELOW:
                self._carried += last
            self._parts[part] = value
        vanished = [part for part in self._parts if part not in parts]
        for part in vanished[: max(0, len(vanished) - _KEPT_PARTS)]:
            self._carried += self._parts.pop(part)
