from __future__ import annotations

import math
import re

import pytest

from facade import errors
from facade.errors import (
    PROBLEMS,
    ConfigurationError,
    FacadeError,
    ParameterError,
    Problem,
    UpstreamBusyError,
    UpstreamError,
    problem_of,
    problem_response,
)


def leaves(class_: type[FacadeError]) -> list[type[FacadeError]]:
    """The classes of this package below ``class_`` that have none below them."""
    below = [each for each in class_.__subclasses__() if each.__module__ == errors.__name__]
    return [leaf for each in below for leaf in leaves(each)] if below else [class_]


ANSWERED = [leaf for leaf in leaves(FacadeError) if leaf is not ConfigurationError]


@pytest.mark.parametrize("class_", ANSWERED)
def test_every_error_is_in_the_table_and_the_drawing_with_one_status(class_: type[FacadeError]) -> None:
    drawn = re.search(rf"{class_.__name__}\s+(\d+)", errors.__doc__ or "")
    assert drawn is not None
    assert int(drawn[1]) == PROBLEMS[class_].status


def test_the_table_says_what_the_contract_says() -> None:
    statuses = {int(problem.status) for problem in PROBLEMS.values()}
    assert statuses == {400, 404, 406, 429, 502, 503, 504}
    waits = {int(problem.status) for problem in PROBLEMS.values() if problem.retry_after_seconds is not None}
    assert waits == {429, 503}


def test_types_and_kinds_are_different_from_each_other() -> None:
    assert len({problem.type for problem in PROBLEMS.values()}) == len(PROBLEMS)
    kinds = [class_.kind for class_ in UpstreamError.__subclasses__() if class_.__module__ == errors.__name__]
    assert len(set(kinds)) == len(kinds) == 5


def test_an_error_below_one_in_the_table_is_answered_as_that() -> None:
    class Special(ParameterError):
        pass

    assert problem_of(Special("name", "detail")) is PROBLEMS[ParameterError]
    assert problem_of(FacadeError("detail")).status == 500


@pytest.mark.parametrize(("seconds", "header"), [(0.0, "1"), (0.2, "1"), (1.5, "2"), (30.0, "30")])
def test_retry_after_is_in_whole_seconds_and_at_least_one(seconds: float, header: str) -> None:
    problem = PROBLEMS[UpstreamBusyError]
    assert problem_response(problem, "detail", seconds).headers["Retry-After"] == header
    assert problem_response(problem, "detail").headers["Retry-After"] == str(
        math.ceil(problem.retry_after_seconds or 0)
    )


def test_a_problem_without_a_wait_has_no_retry_after() -> None:
    problem: Problem = PROBLEMS[ParameterError]
    assert "Retry-After" not in problem_response(problem, "detail").headers


def test_every_problem_of_the_configuration_is_a_line() -> None:
    assert str(ConfigurationError(["a: no", "b: no"])) == "a: no\nb: no"
