"""Which of the facade's problems a route can answer with, and what those look like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from facade.errors import (
    HTTP_PROBLEMS,
    PROBLEM_MEDIA_TYPE,
    PROBLEMS,
    AmbiguousNameError,
    BudgetError,
    FacadeError,
    NotAcceptableError,
    NotFoundError,
    ParameterError,
    Problem,
    TooManyRequestsError,
    UpstreamError,
)
from facade.openapi.route import Route
from facade.openapi.schemas import TEXT, Schema, described, strict
from facade.openapi.service import SERVICE_ANSWERS

METHOD_NOT_ALLOWED: Final = HTTP_PROBLEMS[HTTPStatus.METHOD_NOT_ALLOWED][0]
_OVER_A_WINDOW: Final = ("timeseries", "timeseries_of_kind")


def _asks(route: Route) -> bool:
    return route.endpoint.shape is not None or SERVICE_ANSWERS[route.name].upstream


def _over_a_window(route: Route) -> bool:
    return route.endpoint.shape is not None and route.endpoint.shape.frame in _OVER_A_WINDOW


# Each with the routes that it can come from; an error that is not here is one of its parent's.
_COMES_FROM: Final[Mapping[type[FacadeError], Callable[[Route], bool]]] = {
    ParameterError: lambda _: True,
    AmbiguousNameError: lambda route: bool(route.segments),
    BudgetError: _over_a_window,
    NotFoundError: lambda route: bool(route.segments),
    NotAcceptableError: lambda route: bool(route.endpoint.offers),
    TooManyRequestsError: lambda route: not route.endpoint.always,
    UpstreamError: _asks,
}


def problems_of(route: Route) -> dict[int, list[Problem]]:
    """The problems that the route can answer with, by status."""
    found: dict[int, list[Problem]] = {}
    for error, problem in PROBLEMS.items():
        if _comes_from(error)(route):
            found.setdefault(int(problem.status), []).append(problem)
    found[int(METHOD_NOT_ALLOWED.status)] = [METHOD_NOT_ALLOWED]
    return dict(sorted(found.items()))


def component_name(problems: Iterable[Problem]) -> str:
    """The name of the response that can be any of these problems, which have one status."""
    return ".".join(problem.type for problem in problems)


def problem_component(problems: list[Problem], examples: Mapping[str, Any]) -> dict[str, Any]:
    """That response. ``examples`` are the bodies of real answers by the problem's type."""
    status = problems[0].status
    headers: dict[str, Any] = {"Cache-Control": {"required": True, "schema": {"const": "no-store"}}}
    if any(problem.retry_after_seconds is not None for problem in problems):
        headers["Retry-After"] = {
            "required": True,
            "description": "Seconds after which to try again.",
            "schema": {"type": "integer", "minimum": 1},
        }
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = {"required": True, "description": "The methods that the route knows.", "schema": TEXT}
    return {
        "description": "; ".join(problem.title for problem in problems) + ".",
        "headers": headers,
        "content": {
            PROBLEM_MEDIA_TYPE: {
                "schema": problem_schema(problems),
                "examples": {
                    problem.type: {"value": examples[problem.type]} for problem in problems if problem.type in examples
                },
            }
        },
    }


def problem_schema(problems: list[Problem]) -> Schema:
    """A problem document as RFC 9457 has it, of one of these problems."""
    return strict(
        {
            "type": {"enum": [problem.uri for problem in problems]},
            "title": {"enum": [problem.title for problem in problems]},
            "status": {"const": int(problems[0].status)},
            "detail": described(TEXT, "What was wrong, and what would be right."),
        }
    )


def _comes_from(error: type[FacadeError]) -> Callable[[Route], bool]:
    return next(_COMES_FROM[class_] for class_ in error.__mro__ if class_ in _COMES_FROM)
