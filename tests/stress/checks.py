"""Whether an answer is what its call must get: a complaint in words, or none."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.stress.calls import Request
from tests.stress.declared import Frame
from tests.stress.frames import (
    Complaint,
    about,
    entity,
    explained,
    kind_series,
    listing,
    openapi,
    other,
    series,
    state,
)

PROBLEM: Final = "application/problem+json"
JSON: Final = "application/json"
NAME: Final = "cloud-monitoring"
_SHOWN_CHARACTERS: Final = 200
_FRAMES: Final[Mapping[Frame, Callable[[Request, dict[str, Any]], None]]] = {
    "about": about,
    "status": state,
    "openapi": openapi,
    "list": listing,
    "entity": entity,
    "series": series,
    "kind_series": kind_series,
    "other": other,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``headers`` are by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def busy(self) -> bool:
        """Whether the facade asks to come back later."""
        return self.status == 429

    @property
    def retry_after_seconds(self) -> float:
        """What it says of when; a second where it says nothing that can be read."""
        text = self.headers.get("retry-after", "")
        return float(text) if text.isascii() and text.isdigit() else 1.0


def complaint(request: Request, answer: Answer) -> str | None:
    """What is wrong with the answer; None when nothing is."""
    try:
        _check(request, answer)
    except Complaint as found:
        return str(found)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        return f"an answer of an unknown shape ({error!r}): {_shown(answer)}"
    return None


def _check(request: Request, answer: Answer) -> None:
    if not answer.busy and answer.status not in request.statuses:
        expected = " or ".join(map(str, sorted(request.statuses)))
        raise Complaint(f"status {answer.status}, not {expected}: {_shown(answer)}")
    if answer.status in (200, 304) and request.call.route.tagged and "etag" not in answer.headers:
        raise Complaint(f"{answer.status} without an ETag")
    if request.call.method == "HEAD" or answer.status == 304:
        if answer.body:
            raise Complaint(f"{request.call.method}, {answer.status}, with a body of {len(answer.body)} bytes")
    elif answer.status >= 400:
        _problem(request, answer)
    elif answer.status == 200:
        _content(request, answer)


def _problem(request: Request, answer: Answer) -> None:
    """An error is a problem document (RFC 9457) that says what it is about."""
    if answer.content_type != PROBLEM:
        raise Complaint(
            f"status {answer.status} as {answer.content_type or 'nothing'}, not {PROBLEM}: {_shown(answer)}"
        )
    document = _json(answer)
    for key, type_ in (("type", str), ("title", str), ("status", int), ("detail", str)):
        if not isinstance(document.get(key), type_):
            raise Complaint(f"a problem document without {key}: {_shown(answer)}")
    if document["status"] != answer.status:
        raise Complaint(f"a problem document of status {document['status']} with status {answer.status}")
    if answer.busy:
        if "retry-after" not in answer.headers:
            raise Complaint("429 without Retry-After")
    elif request.call.blamed not in document["detail"]:
        raise Complaint(f"the detail does not name {request.call.blamed!r}: {document['detail']!r}")
    if answer.status == 405 and "allow" not in answer.headers:
        raise Complaint("405 without Allow")
    if "Traceback" in document["detail"]:
        raise Complaint(f"a traceback in an answer: {_shown(answer)}")


def _content(request: Request, answer: Answer) -> None:
    route = request.call.route
    if request.query.get("format") == "csv":
        _csv(request, answer)
    elif request.call.headers.get("Accept") == "text/html":
        _typed(answer, "text/html")
        if b"Cloud Monitoring" not in answer.body:
            raise Complaint("the page does not say Cloud Monitoring")
    elif route.frame == "metrics":
        _typed(answer, "text/plain")
        if b"cloudmon_facade_requests_total" not in answer.body:
            raise Complaint("no cloudmon_facade_requests_total among the metrics")
    elif route.frame != "other" or answer.content_type == JSON:
        _typed(answer, JSON)
        document = _json(answer)
        _FRAMES[route.frame](request, document)
        explained(request, document)


def _csv(request: Request, answer: Answer) -> None:
    _typed(answer, "text/csv")
    rows = list(csv.reader(io.StringIO(answer.body.decode("utf-8"), newline="")))
    if not rows:
        raise Complaint("CSV without a header")
    if uneven := [number for number, row in enumerate(rows, 1) if len(row) != len(rows[0])]:
        raise Complaint(f"CSV of {len(rows[0])} columns, with another number in row {uneven[0]}")
    first = "timestamp" if request.call.route.frame in ("series", "kind_series") else "name"
    if first not in rows[0]:
        raise Complaint(f"CSV without a column {first}: {rows[0][:8]}")
    limit = request.query.get("limit")
    if request.call.route.frame == "list" and limit is not None and len(rows) - 1 > int(limit):
        raise Complaint(f"{len(rows) - 1} rows with limit={limit}")


def _typed(answer: Answer, media_type: str) -> None:
    if answer.content_type != media_type:
        raise Complaint(f"{answer.content_type or 'no content type'}, not {media_type}: {_shown(answer)}")


def _json(answer: Answer) -> dict[str, Any]:
    """The body's object. NaN and Infinity are not JSON, whatever Python says."""

    def refuse(name: str) -> None:
        raise Complaint(f"{name} in JSON")

    try:
        document = json.loads(answer.body, parse_constant=refuse)
    except ValueError:
        raise Complaint(f"not JSON: {_shown(answer)}") from None
    if not isinstance(document, dict):
        raise Complaint(f"JSON, but no object: {_shown(answer)}")
    return document


def _shown(answer: Answer) -> str:
    """The beginning of the body, on one line."""
    text = " ".join(answer.body.decode("utf-8", "replace").split())
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
