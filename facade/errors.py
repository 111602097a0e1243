"""Everything that can go wrong in the facade, and the one place that says how each of it is answered.

    FacadeError
    ├── ConfigurationError            the environment is wrong; at start only, never an answer
    ├── RequestError                  the caller can mend it
    │   ├── ParameterError            400  a parameter that is unknown, malformed or out of bounds
    │   ├── AmbiguousNameError        400  a name that several namespaces have
    │   ├── BudgetError               400  more numbers asked for than one answer may hold
    │   ├── NotFoundError             404  nothing by that name in the store
    │   ├── NotAcceptableError        406  a representation that the route does not have
    │   └── TooManyRequestsError      429  more requests in flight than the process answers at once
    └── UpstreamError                 Prometheus's part; ``kind`` names it in metrics and logs
        ├── UpstreamUnreachableError  503  no connection
        ├── UpstreamBusyError         503  it says that it cannot answer now (503, or 429 for us)
        ├── UpstreamPartialError      503  a part of its store does not answer, and without it nothing can be said
        ├── UpstreamTimeoutError      504  no complete answer within PROMETHEUS_TIMEOUT
        ├── UpstreamRefusedError      502  it refused the query, or us (401, 403)
        ├── UpstreamLimitError        502  the query is larger than it admits: points, series, samples, length
        └── UpstreamFormatError       502  what came is not its API: HTML, half a body, an unknown shape

``str(error)`` is what the caller is told: it never holds an address, a credential or another program's words. Of an
UpstreamError, ``cause`` holds those words; they go to the log and nowhere else.

What HTTP itself can get wrong (no such route, a method, a request line that is too long) is in HTTP_PROBLEMS.

Answers are ``application/problem+json`` as RFC 9457 has it: {"type", "title", "status", "detail"}.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"
_TYPE_PREFIX: Final = "urn:problem-type:cloud-monitoring:"
_log = logging.getLogger(__name__)


class FacadeError(Exception):
    """Root of this package's errors. ``str()`` is fit for the caller's eyes."""

    retry_after_seconds: float | None = None


class ConfigurationError(FacadeError):
    """The environment's mistakes, all of them: ``problems`` has one line each, with what would be right."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class RequestError(FacadeError):
    """The request cannot be answered as it stands; its detail says what would do."""


class ParameterError(RequestError):
    """``parameter`` (a query parameter or the name of a path segment) is unknown, malformed or out of bounds."""

    def __init__(self, parameter: str, detail: str) -> None:
        self.parameter = parameter
        super().__init__(f"{parameter}: {detail}")


class AmbiguousNameError(RequestError):
    """Several namespaces have the name; the detail lists them."""


class BudgetError(RequestError):
    """Series times points exceed what one answer may hold; the detail says what to narrow."""


class NotFoundError(RequestError):
    """Nothing by that name in the store; the detail says when it was last seen, if it was."""


class NotAcceptableError(RequestError):
    """The route has no representation that the Accept header admits."""


class TooManyRequestsError(RequestError):
    """As many requests are in flight as the process answers at once."""


class UpstreamError(FacadeError):
    """Prometheus did not answer as it should. ``cause`` is for the log; ``str()`` is for the caller."""

    kind = "other"

    def __init__(self, detail: str, *, cause: str = "", retry_after_seconds: float | None = None) -> None:
        self.cause = cause
        if retry_after_seconds is not None:
            self.retry_after_seconds = retry_after_seconds
        super().__init__(detail)


class UpstreamUnreachableError(UpstreamError):
    """No connection to Prometheus, or it was closed before an answer began."""

    kind = "unreachable"


class UpstreamBusyError(UpstreamError):
    """Prometheus answered that it cannot answer now.

    Its 429 is one of these, a 503 for our caller and not a 429: the limit is on what this facade asks in the name of
    everyone, the caller may have asked but once, and slowing down is not in its hands.
    """

    kind = "busy"


class UpstreamPartialError(UpstreamError):
    """A part of what stands behind Prometheus does not answer: the engine says so, or what it has is not enough."""

    kind = "partial"


class UpstreamTimeoutError(UpstreamError):
    """No complete answer within the deadline, or Prometheus itself gave up on time."""

    kind = "timeout"


class UpstreamRefusedError(UpstreamError):
    """Prometheus understood and declined: a query it cannot evaluate, or a caller it does not admit."""

    kind = "refused"


class UpstreamLimitError(UpstreamError):
    """The engine admits fewer points, series or samples, or a shorter query, than it was asked."""

    kind = "limit"


class UpstreamFormatError(UpstreamError):
    """What came back is not an answer of the Prometheus HTTP API."""

    kind = "format"


@dataclass(frozen=True, slots=True)
class Problem:
    """How one class of errors is answered. ``retry_after_seconds`` is the Retry-After where the error names none."""

    status: HTTPStatus
    type: str
    title: str
    retry_after_seconds: float | None = None

    @property
    def uri(self) -> str:
        """The ``type`` of its documents."""
        return f"{_TYPE_PREFIX}{self.type}"


PROBLEMS: Final[dict[type[FacadeError], Problem]] = {
    ParameterError: Problem(HTTPStatus.BAD_REQUEST, "invalid-parameter", "Invalid parameter"),
    AmbiguousNameError: Problem(HTTPStatus.BAD_REQUEST, "ambiguous-name", "Ambiguous name"),
    BudgetError: Problem(HTTPStatus.BAD_REQUEST, "answer-too-large", "Answer too large"),
    NotFoundError: Problem(HTTPStatus.NOT_FOUND, "not-found", "Not found"),
    NotAcceptableError: Problem(HTTPStatus.NOT_ACCEPTABLE, "not-acceptable", "Not acceptable"),
    TooManyRequestsError: Problem(HTTPStatus.TOO_MANY_REQUESTS, "too-many-requests", "Too many requests", 1),
    UpstreamUnreachableError: Problem(
        HTTPStatus.SERVICE_UNAVAILABLE, "prometheus-unreachable", "Prometheus cannot be reached", 5
    ),
    UpstreamBusyError: Problem(HTTPStatus.SERVICE_UNAVAILABLE, "prometheus-busy", "Prometheus cannot answer now", 5),
    UpstreamPartialError: Problem(
        HTTPStatus.SERVICE_UNAVAILABLE, "prometheus-partial", "A part of the store does not answer", 5
    ),
    UpstreamTimeoutError: Problem(
        HTTPStatus.GATEWAY_TIMEOUT, "prometheus-timeout", "Prometheus did not answer in time"
    ),
    UpstreamRefusedError: Problem(HTTPStatus.BAD_GATEWAY, "prometheus-refused", "Prometheus refused the query"),
    UpstreamLimitError: Problem(HTTPStatus.BAD_GATEWAY, "prometheus-limit", "A limit of Prometheus is exceeded"),
    UpstreamFormatError: Problem(
        HTTPStatus.BAD_GATEWAY, "prometheus-answer", "Prometheus's answer cannot be understood"
    ),
}
# werkzeug's own, each with what the caller is told. What is not here has the name of its status, and werkzeug's words.
# The server in front, granian, answers what it cannot read itself (docs/decisions/0014-csv-and-caching.md).
HTTP_PROBLEMS: Final[dict[HTTPStatus, tuple[Problem, str]]] = {
    HTTPStatus.BAD_REQUEST: (
        Problem(HTTPStatus.BAD_REQUEST, "bad-request", "Bad Request"),
        "This is not a request for this service; / links to what can be asked.",
    ),
    HTTPStatus.NOT_FOUND: (
        Problem(HTTPStatus.NOT_FOUND, "no-such-route", "No such route"),
        "There is no such route; / links to those that there are.",
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        Problem(HTTPStatus.METHOD_NOT_ALLOWED, "method-not-allowed", "Method Not Allowed"),
        "The route does not know this method; the Allow header names those that it does.",
    ),
}
_INTERNAL: Final = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "Internal error")


def problem_response(problem: Problem, detail: str, retry_after_seconds: float | None = None) -> Response:
    """The problem as an answer. Retry-After is in whole seconds, at least 1 (RFC 9110, section 10.2.3)."""
    document = {
        "type": problem.uri,
        "title": problem.title,
        "status": int(problem.status),
        "detail": detail,
    }
    response = Response(
        json.dumps(document, ensure_ascii=False) + "\n", status=int(problem.status), content_type=PROBLEM_MEDIA_TYPE
    )
    response.headers["Cache-Control"] = "no-store"
    wait = problem.retry_after_seconds if retry_after_seconds is None else retry_after_seconds
    if wait is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(wait)))
    return response


def problem_of(error: FacadeError) -> Problem:
    """The table's entry of the error's class, or of the nearest class above it that has one."""
    for class_ in type(error).__mro__:
        if class_ in PROBLEMS:
            return PROBLEMS[class_]
    return _INTERNAL


def register(app: Flask) -> None:
    """Answer this package's errors, werkzeug's, and the unexpected, each as a problem."""
    app.register_error_handler(FacadeError, _answer_facade_error)
    app.register_error_handler(HTTPException, _answer_http_exception)
    app.register_error_handler(Exception, _answer_unexpected)


def _answer_facade_error(error: FacadeError) -> Response:
    return problem_response(problem_of(error), str(error), error.retry_after_seconds)


def _answer_http_exception(error: HTTPException) -> Response:
    """Answer werkzeug's own: no such route, method not allowed (its Allow header is kept), a malformed request."""
    original = error.get_response()
    status = HTTPStatus(original.status_code)
    problem, detail = HTTP_PROBLEMS.get(status) or (_of_status(status), error.description or status.description)
    response = problem_response(problem, detail)
    for name in ("Allow", "Retry-After"):
        if name in original.headers:
            response.headers[name] = original.headers[name]
    if "Allow" in response.headers:
        response.headers["Allow"] = ", ".join(sorted(response.headers["Allow"].split(", ")))
    return response


def _of_status(status: HTTPStatus) -> Problem:
    return Problem(status, status.phrase.lower().replace(" ", "-"), status.phrase)


def _answer_unexpected(error: Exception) -> Response:
    """A mistake of this program: everything about it goes to the log, nothing of it to the caller."""
    _log.error("unexpected error", exc_info=error)
    return problem_response(_INTERNAL, "The facade made a mistake; its log says which.")
