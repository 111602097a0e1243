"""What may be said of a store in which nothing moved but counters in a straight line.

Each check takes series as the store holds them and raises ``AssertionError`` naming the series and the sample. Times
are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import accumulate, pairwise
from statistics import fmean
from typing import Any, Final

from tests.harness.prometheus import Series

Point = tuple[float, float]

# Of a rate: at any single evaluation, and as the mean over five minutes.
SINGLE_TOLERANCE: Final = 0.30
MEAN_TOLERANCE: Final = 0.02
_FIVE_MINUTES: Final = 300.0


def check_unmoved(series: Series, evaluations: Sequence[float], tolerance: float = 1e-9) -> float:
    """One value at every evaluation, which is returned; the relative ``tolerance`` is for the last bits of a sum."""
    _check_every_evaluation(series, evaluations)
    first = series.points[0][1]
    for at, value in series.points:
        assert abs(value - first) <= tolerance * abs(first), f"{series.labels}: {first} became {value} at {at}"
    return first


def check_rate(
    series: Series,
    evaluations: Sequence[float],
    true_rate: float,
    mean_seconds: float,
    mean_tolerance: float,
) -> None:
    """Near the truth at every evaluation, and nearer over any ``mean_seconds``."""
    _check_every_evaluation(series, evaluations)
    for at, value in series.points:
        assert abs(value - true_rate) <= SINGLE_TOLERANCE * true_rate, (
            f"{series.labels}: {value} at {at}, {value / true_rate if true_rate else value:.3f} of {true_rate}"
        )
    assert series.points[-1][0] - series.points[0][0] >= mean_seconds, f"{series.labels}: shorter than {mean_seconds} s"
    for start, _ in series.points:
        window = [value for at, value in series.points if start <= at < start + mean_seconds]
        if start + mean_seconds > series.points[-1][0] + 1e-3:
            break
        assert abs(fmean(window) - true_rate) <= mean_tolerance * true_rate, (
            f"{series.labels}: {fmean(window)} over the {mean_seconds} s from {start}, not {true_rate}"
        )


def check_five_minutes(series: Series, evaluation_seconds: float, true_rate: float) -> None:
    """The mean of no five minutes is wrong by more than it may be, if the rate is true outside of ``series``."""
    wrong = list(accumulate(((value - true_rate) * evaluation_seconds for _, value in series.points), initial=0.0))
    worst = max(wrong) - min(wrong)
    assert worst <= MEAN_TOLERANCE * true_rate * _FIVE_MINUTES, (
        f"{series.labels}: wrong by {worst} in all, which is {worst / _FIVE_MINUTES / true_rate:.3f} over five minutes"
    )


def check_counter(series: Series, true_rate: float, lag_seconds: float) -> None:
    """Never a step back, and between any two samples what was counted meanwhile.

    A sample is of a reading up to ``lag_seconds`` old.
    """
    for (before, value), (at, next_value) in pairwise(series.points):
        assert next_value >= value, f"{series.labels}: {value} at {before} fell to {next_value} at {at}"
    (first_time, first), (last_time, last) = series.points[0], series.points[-1]
    seconds, lag = last_time - first_time, lag_seconds
    assert true_rate * (seconds - lag) - 1e-6 <= last - first <= true_rate * (seconds + lag) + 1e-6, (
        f"{series.labels}: {last - first} in {seconds} s, at {true_rate} a second"
    )


def check_increase(series: Series, increase: float, window_seconds: float, tolerance: float = 0.05) -> None:
    """Prometheus's ``increase`` over the window of ``series`` is that of its samples: no jump, nothing added twice."""
    (first_time, first), (last_time, last) = series.points[0], series.points[-1]
    expected = (last - first) * window_seconds / (last_time - first_time)
    assert abs(increase - expected) <= tolerance * expected + 1e-9, f"{series.labels}: {increase}, not {expected}"


def check_same(answer: Any, other: Any, where: str, tolerance: float, ignored: Collection[str] = ()) -> None:
    """Two JSON values are equal; numbers to the relative ``tolerance``, members named in ``ignored`` aside."""
    if isinstance(answer, dict) and isinstance(other, dict):
        assert answer.keys() == other.keys(), f"{where}: {sorted(answer.keys() ^ other.keys())}"
        for name in answer.keys() - ignored:
            check_same(answer[name], other[name], f"{where}: {name}", tolerance, ignored)
    elif isinstance(answer, list) and isinstance(other, list):
        assert len(answer) == len(other), f"{where}: {len(answer)} items, not {len(other)}"
        for part, other_part in zip(answer, other, strict=True):
            named = f"{where}: {part['name']}" if isinstance(part, dict) and "name" in part else where
            check_same(part, other_part, named, tolerance, ignored)
    elif isinstance(answer, float) and isinstance(other, int | float):
        assert abs(answer - other) <= tolerance * abs(other), f"{where}: {answer}, not {other}"
    else:
        assert answer == other, f"{where}: {answer}, not {other}"


def _check_every_evaluation(series: Series, evaluations: Sequence[float]) -> None:
    there = {round(at, 3) for at, _ in series.points}
    absent = [at for at in evaluations if round(at, 3) not in there]
    assert not absent, (
        f"{series.labels}: nothing at {len(absent)} of {len(evaluations)} evaluations, first at {absent[0]}"
    )
