"""The response that holds an answer: its body, and what lets a client and a cache know when it is another one.

``ETag`` is weak: two answers that differ only in the moment they are of, or in the questions that led to them, have the
same one. ``Cache-Control`` lets an answer be used for one scrape interval, in which there is nothing new to know.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from flask import Response, current_app, request

from facade.context import CSV, JSON, endpoint, facade, media_type, request_values
from facade.kept import Written
from facade.params.lists import METRICS
from facade.params.series import KIND
from facade.representation.table import CONTENT_TYPE, table
from facade.shapes import Shape
from promql.catalogue import Kind

# Keys of an answer that say when and how it was come by.
_MOMENTS: Final = frozenset({"time", "explain"})
_MOMENT_HEADERS: Final = frozenset({"X-Time"})
# Less fits into one packet either way.
_WORTH_COMPRESSING: Final = 1024


def represent(answer: Mapping[str, Any]) -> Written:
    """The answer of the request's view in the form that was negotiated."""
    shape = endpoint().shape
    return _as_csv(answer, shape) if media_type() == CSV and shape is not None else _as_json(answer)


def response_of(written: Written, age_seconds: float = 0) -> Response:
    """The response with what was written ``age_seconds`` ago; 304 where the client has it already."""
    if request.if_none_match.contains_weak(written.tag):
        response = Response(status=304)
    else:
        response = Response(content_type=written.content_type, headers=written.headers)
        if len(written.body) >= _WORTH_COMPRESSING and request.accept_encodings.quality("gzip") > 0:
            response.data = written.compressed()
            response.headers["Content-Encoding"] = "gzip"
        else:
            response.data = written.body
    response.set_etag(written.tag, weak=True)
    response.cache_control.max_age = int(facade().settings.scrape_interval_seconds)
    if age_seconds >= 1:
        response.headers["Age"] = str(int(age_seconds))
    response.headers["Vary"] = "Accept, Accept-Encoding"
    return response


def _as_json(answer: Mapping[str, Any]) -> Written:
    """Every part is written once, however large; the tag is of some of them."""
    members = {key: _json_member(key, value) for key, value in answer.items()}
    body = b"{" + b",".join(members.values()) + b"}\n"
    return Written(body, JSON, _tag([JSON.encode(), *(part for key, part in members.items() if key not in _MOMENTS)]))


def _json_member(key: str, value: Any) -> bytes:
    return json.dumps(key).encode() + b":" + _json(value)


def _json(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:  # half a surrogate pair, which the slower way writes too
        return _encoded(current_app.json.dumps(value, separators=(",", ":")))


def _as_csv(answer: Mapping[str, Any], shape: Shape) -> Written:
    values = request_values()
    kind: Kind = values[KIND] if shape.kind is None else shape.kind
    made = table(answer, shape, kind, values.get(METRICS[kind]))
    body, headers = _encoded(made.text()), made.headers()
    beside = [f"{name}: {text}".encode() for name, text in headers.items() if name not in _MOMENT_HEADERS]
    headers["Content-Disposition"] = f'attachment; filename="{_file_name(shape, kind)}"'
    return Written(body, CONTENT_TYPE, _tag([CSV.encode(), body, *beside]), tuple(headers.items()))


def _file_name(shape: Shape, kind: Kind) -> str:
    """What the path says: names of Kubernetes have nothing that a file's name may not."""
    _, *segments = request.path.strip("/").split("/")
    return "-".join([*segments, kind] if shape.kind is None else segments) + ".csv"


def _tag(parts: Iterable[bytes]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.hexdigest()


def _encoded(text: str) -> bytes:
    """UTF-8. Half a surrogate pair, which a store's JSON can hold and UTF-8 cannot, is a question mark."""
    return text.encode("utf-8", "replace")
