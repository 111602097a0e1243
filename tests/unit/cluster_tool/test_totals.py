from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.cluster.totals import MEMORY, STANDING, Judged, Seen, Total, judge, seconds_of, settled, totals_of

GIB = 1024**3
WHOLE = {key: Total(2.0) for key in STANDING} | {MEMORY: Total(float(GIB))}


def seen(changes: Mapping[str, Total] | None = None, at: float = 0.0) -> Seen:
    totals = {("shop", key): total for key, total in {**WHOLE, **(changes or {})}.items()}
    return Seen(f"time {at:g}", at, totals)


def judged(changes: Mapping[str, Total], *, gap_expected: bool = False) -> Judged:
    return judge([seen()], [seen(changes)], gap_expected=gap_expected)


def answer(**item: Any) -> dict[str, Any]:
    sides = {"cpu_cores": 1, "memory_bytes": 2}
    whole = {"name": "shop", "pods": 4, "requests": sides, "limits": sides, "usage": {"memory_working_set_bytes": 9}}
    return {"time": "t", "items": [{**whole, "missing": {}, **item}]}


def test_an_answer_is_read_with_its_coverage_and_its_reasons() -> None:
    totals = totals_of(
        answer(
            usage={"memory_working_set_bytes": None},
            coverage={"memory_working_set_bytes": [0, 4], "limits.cpu_cores": [3, 4]},
            missing={"memory_working_set_bytes": "no_samples"},
        )
    )
    assert totals["shop", "pods"] == Total(4)
    assert totals["shop", "limits.cpu_cores"] == Total(1, None, 0.75)
    assert totals["shop", MEMORY] == Total(None, "no_samples", 0.0)


def test_what_stands_and_memory_near_what_it_was_are_no_problem() -> None:
    assert judged({MEMORY: Total(1.2 * GIB)}) == Judged([], [])


@pytest.mark.parametrize(
    "changes",
    [
        {"pods": Total(4.0)},
        {"requests.cpu_cores": Total(4.0)},
        {"limits.memory_bytes": Total(1.0)},
        {MEMORY: Total(2.0 * GIB)},
        {MEMORY: Total(0.5 * GIB)},
    ],
)
def test_a_total_that_moves_is_a_problem_even_in_a_gap(changes: Mapping[str, Total]) -> None:
    for gap_expected in (False, True):
        (problem,) = judged(changes, gap_expected=gap_expected).problems
        assert "moved" in problem
        assert next(iter(changes)) in problem


@pytest.mark.parametrize("lesser", [Total(1.0, None, 0.5), Total(None, "no_samples", 0.0)])
def test_a_partial_total_that_says_so_is_a_problem_only_where_no_gap_is_expected(lesser: Total) -> None:
    expected = judged({"requests.cpu_cores": lesser}, gap_expected=True)
    assert (expected.problems, len(expected.partial)) == ([], 1)
    assert len(judged({"requests.cpu_cores": lesser}).problems) == 1


def test_null_without_a_reason_is_always_a_problem() -> None:
    assert "without a reason" in judged({MEMORY: Total(None)}, gap_expected=True).problems[0]


def test_a_namespace_that_leaves_the_list_is_a_problem() -> None:
    result = judge([seen()], [Seen("t", 0.0, {})], gap_expected=True)
    assert result.problems == ["t: shop is not in the list"]


@pytest.mark.parametrize(
    ("total", "problems"),
    [(Total(3.0), 0), (Total(2.0, None, 0.5), 0), (Total(None, "no_samples"), 0), (Total(None), 1)],
)
def test_where_pods_come_and_go_only_null_without_a_reason_counts(total: Total, problems: int) -> None:
    during = [seen({"requests.cpu_cores": total})]
    result = judge([seen()], during, changing=frozenset({"shop"}), gap_expected=False)
    assert len(result.problems) == problems


@pytest.mark.parametrize(("pods", "problems"), [(1.0, 0), (3.0, 1)])
def test_where_a_pod_is_away_a_total_may_fall_and_never_rise(pods: float, problems: int) -> None:
    result = judge([seen()], [seen({"pods": Total(pods)})], shrinking=frozenset({"shop"}), gap_expected=False)
    assert len(result.problems) == problems


def test_totals_are_settled_after_equal_evaluations_and_not_after_equal_answers() -> None:
    assert not settled([seen(at=1.0), seen(at=1.0)], 2)
    assert settled([seen({"pods": Total(3.0)}, at=0.0), seen(at=1.0), seen({MEMORY: Total(1.0)}, at=2.0)], 2)
    assert not settled([seen(at=1.0), seen({"pods": Total(3.0)}, at=2.0)], 2)


def test_a_gap_lasts_to_the_first_whole_answer_after_it() -> None:
    answers = [seen(at=at) for at in (0.0, 10.0, 20.0, 30.0)]
    assert seconds_of(answers[1:3], answers) == 20.0
    assert seconds_of([], answers) == 0.0
