"""Bytes of the Prometheus HTTP API to samples and series: pure functions.

The format: https://prometheus.io/docs/prometheus/latest/querying/api/#expression-query-result-formats. Numbers are
strings there, and "NaN", "+Inf" and "-Inf" are values as any other here: what they mean is for the caller to say.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import msgspec

from facade import engines
from facade.errors import (
    UpstreamBusyError,
    UpstreamError,
    UpstreamFormatError,
    UpstreamLimitError,
    UpstreamPartialError,
    UpstreamRefusedError,
    UpstreamTimeoutError,
)
from facade.transport import Response

T = TypeVar("T")
_CAUSE_CHARACTERS: Final = 300


class Sample(msgspec.Struct, frozen=True, gc=False):
    """A series' value at the time of an instant query. ``labels`` is empty for a scalar."""

    labels: Mapping[str, str]
    value: float


class Series(msgspec.Struct, frozen=True, gc=False):
    """A series' values over a range: ``points`` are (Unix seconds, value), in order of time, without the missing."""

    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]


class Answer(list[T]):
    """The samples or series of one query, with what Prometheus remarked: ``warnings`` and ``infos``.

    ``partial`` says that it may lack something: a part of the store did not answer.
    """

    def __init__(
        self,
        items: Iterable[T] = (),
        *,
        warnings: tuple[str, ...] = (),
        infos: tuple[str, ...] = (),
        partial: bool = False,
    ) -> None:
        super().__init__(items)
        self.warnings = warnings
        self.infos = infos
        self.partial = engines.is_partial(warnings, partial)


class _Row(msgspec.Struct, gc=False):
    metric: dict[str, str]
    value: tuple[float, str]


class _Column(msgspec.Struct, gc=False):
    metric: dict[str, str]
    values: list[tuple[float, str]]


class _Vector(msgspec.Struct, tag_field="resultType", tag="vector"):
    result: list[_Row]


class _Matrix(msgspec.Struct, tag_field="resultType", tag="matrix"):
    result: list[_Column]


class _Instant(msgspec.Struct, tag_field="status", tag="success"):
    data: _Vector
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()
    partial: bool = msgspec.field(default=False, name="isPartial")


class _Range(msgspec.Struct, tag_field="status", tag="success"):
    data: _Matrix
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()
    partial: bool = msgspec.field(default=False, name="isPartial")


# What nearly every answer is, taken apart by a parser that knows its shape. What does not fit (a scalar, an error, half
# a surrogate pair) goes the slower way, which says what is wrong.
_INSTANT: Final = msgspec.json.Decoder(_Instant)
_RANGE: Final = msgspec.json.Decoder(_Range)


def decode_samples(response: Response) -> Answer[Sample]:
    """The answer to an instant query. Raises an UpstreamError for everything that is not one."""
    if response.status == 200:
        try:
            decoded = _INSTANT.decode(response.body)
            samples = [Sample(row.metric, float(row.value[1])) for row in decoded.data.result]
        except (ValueError, RecursionError):  # msgspec's own are among the former
            pass
        else:
            return Answer(samples, warnings=decoded.warnings, infos=decoded.infos, partial=decoded.partial)
    return _samples(response)


def decode_series(response: Response) -> Answer[Series]:
    """The answer to a range query. Raises an UpstreamError for everything that is not one."""
    if response.status == 200:
        try:
            decoded = _RANGE.decode(response.body)
            series = [
                Series(row.metric, tuple([(time, float(text)) for time, text in row.values]))
                for row in decoded.data.result
            ]
        except (ValueError, RecursionError):
            pass
        else:
            return Answer(series, warnings=decoded.warnings, infos=decoded.infos, partial=decoded.partial)
    return _series(response)


def _samples(response: Response) -> Answer[Sample]:
    document = _successful(response)
    kind, result = _result(document)
    with _known_shape(kind):
        if kind == "vector":
            return _answer(document, [Sample(_labels(item), _point(item["value"])[1]) for item in result])
        if kind == "scalar":
            return _answer(document, [Sample({}, _point(result)[1])])
    raise _not_the_api(f"a result of type {kind!r} for an instant query")


def _series(response: Response) -> Answer[Series]:
    document = _successful(response)
    kind, result = _result(document)
    if kind != "matrix":
        raise _not_the_api(f"a result of type {kind!r} for a range query")
    with _known_shape(kind):
        return _answer(document, [Series(_labels(item), tuple(map(_point, item["values"]))) for item in result])


def decode_evaluation_time(response: Response) -> float:
    """When a constant was evaluated, in Unix seconds. Raises an UpstreamError where there is no such answer.

    Prometheus answers a scalar, VictoriaMetrics a vector of one.
    """
    kind, result = _result(_successful(response))
    with _known_shape(kind):
        if kind == "vector":
            return _point(result[0]["value"])[0]
        if kind == "scalar":
            return _point(result)[0]
    raise _not_the_api(f"a result of type {kind!r} for a constant")


@contextmanager
def _known_shape(kind: str) -> Iterator[None]:
    """What taking a document of an unknown shape apart may raise is an UpstreamFormatError."""
    try:
        yield
    except (TypeError, ValueError, KeyError, IndexError) as error:
        raise _not_the_api(f"a {kind} of an unknown shape: {error!r}") from error


def _point(pair: Any) -> tuple[float, float]:
    """[Unix seconds, "value"]."""
    time, text = pair
    if not isinstance(time, int | float) or not isinstance(text, str):
        raise TypeError("neither [time, value] nor a string as its value")
    return time, float(text)


def _labels(item: Any) -> Mapping[str, str]:
    labels = item["metric"]
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise TypeError("metric is no object of strings")
    return labels


def _answer(document: dict[str, object], items: list[T]) -> Answer[T]:
    partial = document.get("isPartial") is True
    return Answer(items, warnings=_remarks(document, "warnings"), infos=_remarks(document, "infos"), partial=partial)


def _remarks(document: dict[str, object], key: str) -> tuple[str, ...]:
    remarks = document.get(key)
    return tuple(str(remark) for remark in remarks) if isinstance(remarks, list) else ()


def _result(document: dict[str, object]) -> tuple[str, list[Any]]:
    data = document.get("data")
    if isinstance(data, dict) and isinstance(data.get("resultType"), str) and isinstance(data.get("result"), list):
        return data["resultType"], data["result"]
    raise _not_the_api("success without data.resultType and data.result")


def _successful(response: Response) -> dict[str, object]:
    """The document of an answer that says success; else the error that the answer stands for is raised."""
    document = _document(response.body)
    if response.status == 200 and document.get("status") == "success":
        return document
    raise _failure(response, document)


def _document(body: bytes) -> dict[str, object]:
    """The JSON object in the body, or an empty one where there is none.

    The literals NaN and Infinity, which Python admits and JSON does not, make it none.
    """
    try:
        document = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _failure(response: Response, document: dict[str, object]) -> UpstreamError:
    """Which error an unsuccessful answer is.

    Prometheus's errorType counts where there is one (it sends ``timeout`` with 503); elsewhere the status of whatever
    proxy stands before it does.
    """
    status = response.status
    error_type = document.get("errorType") if document.get("status") == "error" else None
    said = str(document.get("error")) if document else repr(response.body[:_CAUSE_CHARACTERS])
    cause = f"HTTP {status}, {error_type if document else 'not a JSON object'}: {said[:_CAUSE_CHARACTERS]}"
    if error_type == "timeout" or status == 504:
        return UpstreamTimeoutError("Prometheus gave up on the query: it took too long.", cause=cause)
    if status == 413 or (error_type is not None and engines.exceeds_a_limit(said)):
        return UpstreamLimitError(
            "The question is larger than Prometheus's limits admit: ask for less at once (a shorter window, fewer "
            "metrics, one namespace or node, a smaller limit), or raise them.",
            cause=cause,
        )
    if error_type is not None and engines.lacks_a_part(said):
        return UpstreamPartialError(
            "A part of the store behind Prometheus does not answer.",
            cause=cause,
            retry_after_seconds=_retry_after(response.headers),
        )
    if status in (429, 503):
        return UpstreamBusyError(
            "Prometheus says that it cannot answer now.",
            cause=cause,
            retry_after_seconds=_retry_after(response.headers),
        )
    if status in (400, 422) and error_type is not None:
        return UpstreamRefusedError("Prometheus refused the query.", cause=cause)
    return _of_another_server(status, cause)


def _of_another_server(status: int, cause: str) -> UpstreamError:
    """What the status says where nothing else does: of a proxy, or of something that PROMETHEUS_URL should not name."""
    if status in (401, 403):
        return UpstreamRefusedError(
            "Prometheus does not admit the facade; PROMETHEUS_HEADERS may lack an authorisation or a tenant.",
            cause=cause,
        )
    if 300 <= status < 400:
        return UpstreamFormatError(
            "What PROMETHEUS_URL names is not the Prometheus HTTP API but a redirect, which is not followed; name the "
            "address it leads to.",
            cause=cause,
        )
    if status == 405:
        return UpstreamFormatError(
            "What PROMETHEUS_URL names is not the Prometheus HTTP API: it does not let queries be posted.", cause=cause
        )
    return _not_the_api(cause)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After header; None where there is none, or where it is a date."""
    text = headers.get("retry-after", "")
    return min(float(text), 3600.0) if text.isascii() and text.isdigit() else None


def _not_the_api(cause: str) -> UpstreamFormatError:
    return UpstreamFormatError(
        "What PROMETHEUS_URL answered is not the Prometheus HTTP API; is its path prefix right?", cause=cause
    )
