"""The checks of ``steadiness`` on made data: each lets through what it should, and catches what it is there for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.steadiness import (
    check_counter,
    check_five_minutes,
    check_increase,
    check_rate,
    check_same,
    check_unmoved,
)
from tests.harness.prometheus import Series

TIMES = tuple(1000.0 + 3 * step for step in range(40))


def series(value: Callable[[float], float], times: tuple[float, ...] = TIMES) -> Series:
    """Values by the seconds since the first sample."""
    return Series({"__name__": "made"}, tuple((time, value(time - TIMES[0])) for time in times))


def within(seconds: float, start: float, length: float) -> bool:
    return start <= seconds < start + length


def test_one_value_throughout_is_returned() -> None:
    assert check_unmoved(series(lambda _: 0.845), TIMES) == 0.845
    assert check_unmoved(series(lambda _: 0.0), TIMES) == 0
    check_unmoved(series(lambda at: 0.845 * (1 + 1e-12 * at)), TIMES)


@pytest.mark.parametrize("factor", [0.0, 0.5, 1.001, 2.0])
def test_a_level_that_moves_at_a_single_evaluation_is_caught(factor: float) -> None:
    with pytest.raises(AssertionError, match=r"became .* at 1060"):
        check_unmoved(series(lambda at: 5.0 * (factor if at == 60 else 1)), TIMES)


def test_a_level_that_is_absent_at_one_evaluation_is_caught() -> None:
    holed = series(lambda _: 5.0, TIMES[:20] + TIMES[21:])
    with pytest.raises(AssertionError, match=r"nothing at 1 of 40 evaluations, first at 1060"):
        check_unmoved(holed, TIMES)
    with pytest.raises(AssertionError, match="nothing at 1 of 40"):
        check_rate(holed, TIMES, 5.0, 60.0, 0.02)


def test_a_rate_may_waver_around_the_truth() -> None:
    wavering = series(lambda at: 100.0 * (1.2 if at % 12 == 0 else 0.933333))
    check_rate(wavering, TIMES, 100.0, 60.0, 0.02)
    check_five_minutes(wavering, 3.0, 100.0)
    check_rate(series(lambda _: 0.0), TIMES, 0.0, 60.0, 0.02)


@pytest.mark.parametrize("factor", [0.0, 0.69, 1.31, 2.0, 10_000.0])
def test_a_rate_far_off_at_one_evaluation_is_caught(factor: float) -> None:
    with pytest.raises(AssertionError, match="at 1060"):
        check_rate(series(lambda at: 100.0 * (factor if at == 60 else 1)), TIMES, 100.0, 60.0, 0.02)


@pytest.mark.parametrize("start", [0.0, 30.0, 96.0])
def test_a_rate_a_little_off_for_a_while_is_caught(start: float) -> None:
    dipping = series(lambda at: 100.0 * (0.93 if within(at, start, 21) else 1))
    with pytest.raises(AssertionError, match="over the 60"):
        check_rate(dipping, TIMES, 100.0, 60.0, 0.02)
    check_five_minutes(dipping, 3.0, 100.0)


def test_too_short_a_series_proves_nothing_of_a_mean() -> None:
    with pytest.raises(AssertionError, match="shorter than 60"):
        check_rate(series(lambda _: 100.0, TIMES[:15]), TIMES[:15], 100.0, 60.0, 0.02)


def test_a_total_doubled_for_26_seconds_is_caught_over_five_minutes() -> None:
    with pytest.raises(AssertionError, match=r"0\.080 over five minutes"):
        check_five_minutes(series(lambda at: 200.0 if within(at, 40, 26) else 100.0), 3.0, 100.0)


def test_too_much_after_too_little_makes_nothing_good() -> None:
    swinging = series(lambda at: 100.0 * (0.75 if within(at, 0, 30) else 1.25 if within(at, 30, 30) else 1))
    with pytest.raises(AssertionError, match=r"0\.025 over five minutes"):
        check_five_minutes(swinging, 3.0, 100.0)


def test_a_counter_read_late_and_in_steps_goes_on_without_a_jump() -> None:
    check_counter(series(lambda at: 1e9 + 100.0 * (at // 12 * 12)), 100.0, 12.0)
    check_counter(series(lambda _: 7.0), 0.0, 12.0)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda at: 1e9 + 100.0 * at - (600.0 if at == 60 else 0), "fell to"),  # an older reading after a newer one
        (lambda at: 100.0 * (at if at < 60 else at - 60), "fell to"),  # begun anew
        (lambda at: 1e9 + 100.0 * at + (2000.0 if at > 60 else 0), "a second"),  # counted twice for a while
        (lambda at: 1e9 + 100.0 * min(at, 60), "a second"),  # stuck
    ],
)
def test_a_counter_that_falls_jumps_or_stands_is_caught(value: Callable[[float], float], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_counter(series(value), 100.0, 12.0)


def test_an_increase_is_that_of_the_samples() -> None:
    counted = series(lambda at: 1e9 + 100.0 * at)
    check_increase(counted, 12_000.0, 120.0)
    check_increase(series(lambda _: 7.0), 0.0, 120.0)
    for wrong in (0.0, 11_000.0, 13_000.0, 1e9):
        with pytest.raises(AssertionError, match="not 12000"):
            check_increase(counted, wrong, 120.0)


ANSWER = {"name": "web", "usage": {"cpu_cores": 0.25, "disk": None}, "coverage": {"cpu_cores": [5, 7]}, "age": 1.5}


def test_the_same_answer_but_for_the_last_bits_and_what_is_ignored() -> None:
    other = ANSWER | {"usage": {"cpu_cores": 0.25 * (1 + 1e-9), "disk": None}, "age": 3.0}
    check_same([other], [ANSWER], "pods", 1e-6, ignored=("age",))


@pytest.mark.parametrize(
    "other",
    [
        [],
        [ANSWER, ANSWER],
        [ANSWER | {"name": "api"}],
        [ANSWER | {"age": 3.0}],
        [ANSWER | {"restarts": None}],
        [ANSWER | {"usage": {"cpu_cores": 0.5, "disk": None}}],
        [ANSWER | {"usage": {"cpu_cores": None, "disk": None}}],
        [ANSWER | {"usage": {"cpu_cores": 0.25, "disk": 0}}],
        [ANSWER | {"coverage": {"cpu_cores": [4, 7]}}],
    ],
)
def test_another_answer_is_caught(other: list[object]) -> None:
    with pytest.raises(AssertionError, match="pods"):
        check_same(other, [ANSWER], "pods", 1e-6)
