from __future__ import annotations

import math
import re
from http import HTTPStatus
from typing import Any

import pytest
from flask import Flask, abort

from facade import errors
from facade.errors import (
    HTTP_PROBLEMS,
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
    problems = [*PROBLEMS.values(), *(problem for problem, _ in HTTP_PROBLEMS.values())]
    assert len({problem.type for problem in problems}) == len({problem.uri for problem in problems}) == len(problems)
    kinds = [class_.kind for class_ in UpstreamError.__subclasses__() if class_.__module__ == errors.__name__]
    assert len(set(kinds)) == len(kinds) == 7


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


@pytest.mark.parametrize("status", HTTP_PROBLEMS)
def test_what_http_gets_wrong_is_a_table_too(status: HTTPStatus) -> None:
    problem, detail = HTTP_PROBLEMS[status]
    assert problem.status == status
    document = answer_of(status)
    assert (document["type"], document["detail"]) == (problem.uri, detail)


def test_a_status_that_no_table_has_is_a_problem_by_its_name() -> None:
    document = answer_of(HTTPStatus.LOCKED)
    assert document["status"] == 423
    assert document["type"].endswith(":locked")
    assert document["detail"]


def answer_of(status: HTTPStatus) -> dict[str, Any]:
    """What an application answers whose view ends in the status."""
    app = Flask("failing")
    errors.register(app)
    app.add_url_rule("/", view_func=lambda: abort(status))
    answer = app.test_client().get("/")
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert isinstance(answer.json, dict)
    return answer.json
