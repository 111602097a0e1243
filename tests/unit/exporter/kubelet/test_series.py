"""The cases of series.py, in its order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.kubelet.rows import Counter, Level
from exporter.kubelet.series import CounterSeries, LevelSeries, Origin

NOW = 1000.0


def counter(time: float, whole: bool = True, selection: str = "", rate: float | None = None, **parts: float) -> Counter:
    return Counter(time, parts, whole, selection, rate)


def follow(*rows: Counter) -> CounterSeries:
    series = CounterSeries.start(rows[0])
    for row in rows[1:]:
        series.observe(row, NOW)
    return series


def test_one_source_is_passed_through_with_the_rate_between_two_rows() -> None:
    series = CounterSeries.start(counter(100, a=1000))
    assert (series.total, series.rate) == (1000, None)

    assert series.observe(counter(110, a=1500), NOW)
    assert (series.total, series.rate) == (1500, 50)


def test_a_row_that_has_not_moved_changes_nothing() -> None:
    series = follow(counter(100, a=1000), counter(110, a=1500))

    assert not series.observe(counter(110, a=1500), NOW)
    assert (series.total, series.rate, series.time) == (1500, 50, 110)


def test_a_row_that_moved_without_counting_has_rate_zero() -> None:
    assert follow(counter(100, a=1000), counter(110, a=1000)).rate == 0


def test_an_older_row_is_ignored() -> None:
    series = follow(counter(100, a=1000), counter(110, a=1500))

    assert not series.observe(counter(105, a=1200), NOW)
    assert (series.total, series.rate, series.time) == (1500, 50, 110)


def test_after_the_clock_was_set_back_older_rows_count_again() -> None:
    series = follow(counter(NOW + 3600, a=1000))

    assert series.observe(counter(NOW, a=1100), NOW)
    assert series.total == 1100
    assert series.observe(counter(NOW + 10, a=1300), NOW + 10)
    assert series.rate == 20


def test_one_source_that_starts_anew_is_passed_through() -> None:
    series = follow(counter(100, eth0=1000), counter(110, eth0=50))

    assert (series.total, series.rate) == (50, 5)
    assert follow(counter(100, eth0=1000), counter(110, eth0=50), counter(120, eth0=80)).total == 80


def test_a_small_fall_is_held_until_passed() -> None:
    series = follow(counter(100, a=1000), counter(110, a=999))
    assert (series.total, series.rate) == (1000, 0)

    series.observe(counter(120, a=1010), NOW)
    assert (series.total, series.rate) == (1010, 1)


def test_a_part_that_vanishes_stays_in_the_sum() -> None:
    series = follow(counter(100, False, a=100, b=50), counter(110, False, b=60))
    assert (series.total, series.rate) == (160, 1)
    assert series.counted == ("b",)


def test_a_part_that_comes_back_is_not_counted_twice() -> None:
    assert (
        follow(counter(100, False, a=100, b=50), counter(110, False, b=60), counter(120, False, a=130, b=60)).total
        == 190
    )


def test_a_container_that_restarts_counts_on_top_of_its_predecessor() -> None:
    series = follow(counter(100, False, first=100), counter(110, False, second=7))
    assert (series.total, series.rate) == (107, 0.7)


def test_a_part_that_starts_anew_keeps_its_old_count() -> None:
    assert follow(counter(100, False, a=100, b=50), counter(110, False, a=10, b=50)).total == 160


def test_a_part_that_appears_counts_from_its_first_byte() -> None:
    assert follow(counter(100, eth0=100), counter(110, eth0=100, eth1=30)).total == 130


def test_a_long_row_of_restarts_is_remembered_in_little_space() -> None:
    series = CounterSeries.start(counter(0, False, c0=10))
    for number in range(1, 500):
        series.observe(Counter(number, {f"c{number}": 10}, whole=False), NOW)

    assert series.total == 5000
    assert len(series._parts) < 50


def test_the_pods_own_cgroup_takes_over_from_its_containers() -> None:
    ahead = follow(counter(100, False, a=60, b=40), counter(110, True, pod=120))
    behind = follow(counter(100, False, a=60, b=40), counter(110, True, pod=90))

    assert ahead.total == 120
    assert behind.total == 100
    behind.observe(counter(120, True, pod=130), NOW)
    assert behind.total == 130


def test_containers_do_not_take_over_from_the_pods_own_cgroup() -> None:
    series = follow(counter(100, True, pod=120))

    assert not series.observe(counter(110, False, a=60), NOW)
    assert series.total == 120


def test_another_choice_goes_on_from_where_the_sum_is() -> None:
    series = follow(counter(100, selection="eth0", eth0=1000), counter(110, selection="", ens5=70_000, ens6=5))
    assert series.total == 1000

    series.observe(counter(120, selection="", ens5=70_100, ens6=5), NOW)
    assert (series.total, series.rate) == (1100, 10)


def test_rows_of_different_endpoints_give_no_rate() -> None:
    series = follow(counter(100, a=1000), counter(110, a=1500))

    assert series.observe(counter(110.4, a=1500), NOW, Origin.OTHER)
    assert (series.total, series.rate, series.time) == (1500, 50, 110.4)


def test_the_first_choice_takes_over_though_its_times_are_cut_to_seconds() -> None:
    series = follow(counter(100.9, a=1000))
    assert series.observe(counter(100, rate=0.5, a=999), NOW, Origin.FIRST_CHOICE)
    assert (series.total, series.rate) == (1000, 0.5)
    assert not series.observe(counter(99, rate=0.7, a=990), NOW, Origin.FIRST_CHOICE)
    assert (series.total, series.rate) == (1000, 0.5)

    level = LevelSeries.start(Level(100.9, 5))
    assert not level.observe(Level(100, 6), NOW, Origin.OTHER)
    assert level.observe(Level(100, 6), NOW, Origin.FIRST_CHOICE)
    assert level.value == 6


def test_a_stated_rate_goes_before_the_difference() -> None:
    series = follow(counter(100, rate=0.25, a=10), counter(110, rate=0.5, a=20))
    assert (series.total, series.rate) == (20, 0.5)

    series.observe(counter(120, a=22), NOW)
    assert series.rate == 0.2


def test_a_row_with_a_rate_alone_has_no_total() -> None:
    series = follow(counter(100, rate=0.25, a=10), counter(110, rate=0.5))
    assert (series.total, series.rate) == (None, 0.5)

    series.observe(counter(120, a=30), NOW)
    assert series.total == 30


def test_level() -> None:
    series = LevelSeries.start(Level(100, 5))

    assert not series.observe(Level(100, 6), NOW)
    assert not series.observe(Level(90, 6), NOW)
    assert series.value == 5
    assert series.observe(Level(110, 3), NOW)
    assert series.value == 3


_PARTS = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 10_000).map(float), min_size=1)


@pytest.mark.parametrize("whole", [True, False])
@given(rows=st.lists(st.tuples(st.integers(0, 50), _PARTS), min_size=1))
def test_a_sum_never_runs_backwards_and_a_rate_is_never_negative(
    whole: bool, rows: list[tuple[int, dict[str, float]]]
) -> None:
    # A second part from the first row on: a single source may restart, a sum may not.
    series = CounterSeries.start(Counter(0, {"a": 0.0, "b": 0.0}, whole))
    last = 0.0
    for time, parts in rows:
        series.observe(Counter(time, parts, whole), NOW)
        assert series.total is not None
        assert series.total >= last
        assert series.rate is None or series.rate >= 0
        last = series.total
