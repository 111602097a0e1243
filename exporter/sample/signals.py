"""Signals that move believably and can be asked for any moment: a level with sine waves around it.

A wave's integral is known in closed form, so a counter is the exact integral of its rate: the history and the live
values come from one function of time, no state is kept, and no counter ever runs backwards.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Final

_DAY_SECONDS: Final = 86400.0
# Load is highest at 14:00 UTC: a sine of one day's period is at its top a quarter period after its zero at 08:00.
_DAY_PHASE: Final = -2 * math.pi * 8 / 24
# Periods of the noise in seconds; they have no common multiple within any window that one looks at.
_NOISE_PERIODS: Final = (7351.0, 2203.0, 719.0, 251.0, 83.0)


@dataclass(frozen=True, slots=True)
class Wave:
    amplitude: float
    angular_frequency: float
    phase: float


@dataclass(frozen=True, slots=True)
class Signal:
    """``level`` and the waves around it, in the unit of the level; amplitudes add up to less than the level."""

    level: float
    waves: tuple[Wave, ...]

    def at(self, time_seconds: float) -> float:
        value = self.level
        for wave in self.waves:
            value += wave.amplitude * math.sin(wave.angular_frequency * time_seconds + wave.phase)
        return value

    def total(self, start_seconds: float, end_seconds: float) -> float:
        """The integral from ``start_seconds`` to ``end_seconds``; 0 before the start."""
        if end_seconds <= start_seconds:
            return 0.0
        value = self.level * (end_seconds - start_seconds)
        for wave in self.waves:
            at_start = math.cos(wave.angular_frequency * start_seconds + wave.phase)
            at_end = math.cos(wave.angular_frequency * end_seconds + wave.phase)
            value += wave.amplitude / wave.angular_frequency * (at_start - at_end)
        return value

    def mean(self, seconds: float, end_seconds: float) -> float:
        """The average over the ``seconds`` before ``end_seconds``."""
        return self.total(end_seconds - seconds, end_seconds) / seconds


class Waves:
    """Makes signals whose noise follows from a seed: signals of one ``group`` rise and fall together."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def signal(self, level: float, group: str, *, daily: float, noise: float) -> Signal:
        """``daily`` and ``noise`` are shares of the level, together below 1."""
        if not 0 <= daily + noise < 1:
            raise ValueError(f"daily and noise must leave the signal above 0, not {daily} and {noise}")
        phases = random.Random(f"{self._seed}/{group}")
        waves = [Wave(level * daily, 2 * math.pi / _DAY_SECONDS, _DAY_PHASE)] if daily else []
        weights = [phases.uniform(0.5, 1.0) for _ in _NOISE_PERIODS]
        for period, weight in zip(_NOISE_PERIODS, weights, strict=True):
            amplitude = level * noise * weight / sum(weights)
            waves.append(Wave(amplitude, 2 * math.pi / period, phases.uniform(0, 2 * math.pi)))
        return Signal(level, tuple(waves))
