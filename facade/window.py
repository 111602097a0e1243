"""The window of a time series: from what a request wishes to the start, end and step in force."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from facade.config import Settings
from facade.errors import ParameterError
from facade.params.parsing import Values
from facade.params.series import END, START, STEP, WINDOW

Number = int | float
# Above this, steps are whole multiples of it, so that they fall on the resolution that is recorded every five minutes.
COARSE_STEP_SECONDS: Final = 300
_COARSE_STEP_MS: Final = COARSE_STEP_SECONDS * 1000


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """Points at ``start + step``, ``start + 2 * step`` … ``end``, each of the ``step`` seconds that end there.

    Unix times and lengths in seconds, integers where they are whole. ``window`` is ``end - start`` and a whole number
    of steps; ``start`` and ``end`` are multiples of ``step``.
    """

    start: Number
    end: Number
    step: Number
    window: Number

    @property
    def points(self) -> int:
        """How many points there are, at least one."""
        return round(self.window / self.step)

    def timestamps(self) -> list[Number]:
        """Their times."""
        return [self.time(index) for index in range(self.points)]

    def time(self, index: int) -> Number:
        """The time of one of them."""
        return _seconds(round(self.start * 1000) + (index + 1) * round(self.step * 1000))

    def index(self, time: float) -> int:
        """Which of them is at ``time``; a number below 0, or of ``points`` and more, where none is."""
        return round((time - self.start) / self.step) - 1

    def as_one_point(self) -> TimeWindow:
        """The same window, all of it one point."""
        return TimeWindow(self.start, self.end, self.window, self.window)

    @classmethod
    def resolve(cls, values: Values, settings: Settings, now: float) -> TimeWindow:
        """What a request's ``window``, ``start``, ``end`` and ``step`` stand for, ``now`` being Unix seconds.

        ``start`` or ``end`` alone takes the other from ``window``; without one, ``start`` runs until now and ``end``
        has the default window before it. An end to come is now. The step is the largest of the wish, the scrape
        interval and window / MAX_DATA_POINTS, rounded up to whole scrape intervals and, when that is above 300 s, to
        whole five minutes. Then the end is rounded down to a whole step and the window up. A window of n steps has n
        points, and a step of at least window / MAX_DATA_POINTS makes n at most MAX_DATA_POINTS, the rounding of the
        window included.

        MAX_TIME_WINDOW bounds what is asked for; what is answered may be longer by less than one step.
        Raises ParameterError.
        """
        end_ms, window_ms = _span_ms(values, settings, math.floor(now * 1000))
        step_ms = _step_ms(values, settings, window_ms)
        end_ms = end_ms // step_ms * step_ms
        window_ms = _whole(window_ms, step_ms)
        if window_ms > end_ms:
            raise ParameterError(
                _named(values), "the time series would start before 1970; ask for a later end or a shorter window"
            )
        return cls(_seconds(end_ms - window_ms), _seconds(end_ms), _seconds(step_ms), _seconds(window_ms))


def _span_ms(values: Values, settings: Settings, now_ms: int) -> tuple[int, int]:
    """The end and the length that are asked for, in milliseconds."""
    window, start, end = (_milliseconds(values.get(parameter)) for parameter in (WINDOW, START, END))
    if window is not None:
        _check_length(WINDOW.name, window, settings)
    if start is not None and end is not None:
        if start > end:
            raise ParameterError(START.name, "is after end")
        if window is not None and window != end - start:
            raise ParameterError(WINDOW.name, "contradicts start and end; give two of the three")
    if end is None:
        end = now_ms if start is None or window is None else start + window
    end = min(end, now_ms)
    if start is None:
        return end, round(settings.default_time_window_seconds * 1000) if window is None else window
    if start > end:
        raise ParameterError(START.name, "is still to come")
    _check_length(START.name, end - start, settings)
    return end, end - start


def _check_length(name: str, length_ms: int, settings: Settings) -> None:
    if length_ms <= 0:
        raise ParameterError(name, "the window must be longer than nothing")
    if length_ms > settings.max_time_window_seconds * 1000:
        raise ParameterError(
            name, f"the window is longer than the {settings.max_time_window_seconds} seconds that may be asked for"
        )


def _step_ms(values: Values, settings: Settings, window_ms: int) -> int:
    scrape_ms = max(1, round(settings.scrape_interval_seconds * 1000))
    wish_ms = _milliseconds(values.get(STEP))
    if wish_ms is None:
        wish_ms = scrape_ms
    if wish_ms <= 0:
        raise ParameterError(STEP.name, "must be longer than nothing")
    if wish_ms > settings.max_time_window_seconds * 1000:
        raise ParameterError(
            STEP.name, f"is longer than the {settings.max_time_window_seconds} seconds that a window may have"
        )
    largest = max(wish_ms, scrape_ms, -(-window_ms // settings.max_data_points))
    step_ms = _whole(largest, scrape_ms)
    return step_ms if step_ms <= _COARSE_STEP_MS else _whole(step_ms, _COARSE_STEP_MS)


def _named(values: Values) -> str:
    """The parameter to blame for the window: the first of them that was given."""
    return next((parameter.name for parameter in (END, START, WINDOW, STEP) if values.given(parameter)), WINDOW.name)


def _whole(length: int, unit: int) -> int:
    """``length`` rounded up to a multiple of ``unit``."""
    return -(-length // unit) * unit


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * 1000)


def _seconds(milliseconds: int) -> Number:
    return milliseconds // 1000 if milliseconds % 1000 == 0 else milliseconds / 1000
