"""Which stretches of a window are read from every evaluation, because five minutes of them are not recorded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facade.lookup.ranges import spans


@pytest.mark.parametrize(
    ("lacking", "points", "stretches"),
    [
        (set(), 5, []),
        ({4}, 5, [range(4, 5)]),
        ({1}, 5, [range(1, 2)]),
        ({1, 3}, 5, [range(1, 4)]),
        ({0, 4}, 5, [range(1), range(4, 5)]),
        ({0, 2, 3, 4}, 5, [range(1), range(2, 5)]),
        ({0, 1, 2}, 3, [range(3)]),
    ],
)
def test_the_end_and_what_lies_between_other_gaps(lacking: set[int], points: int, stretches: list[range]) -> None:
    assert spans(lacking, points) == stretches


@given(st.integers(1, 50).flatmap(lambda points: st.tuples(st.just(points), st.sets(st.integers(0, points - 1)))))
def test_every_gap_is_in_one_of_two_stretches(given_: tuple[int, set[int]]) -> None:
    points, lacking = given_
    found = spans(lacking, points)
    covered = [index for stretch in found for index in stretch]
    assert len(found) <= 2
    assert lacking <= set(covered) <= set(range(points))
    assert len(set(covered)) == len(covered)
    assert all({stretch[0], stretch[-1]} <= lacking for stretch in found)
