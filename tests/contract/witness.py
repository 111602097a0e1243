"""What a test that claims a part of the contract has really asked for and been given.

``@pytest.mark.contract("parameter:sort", "reason:no_samples")`` says that a test proves these items of
``docs/contract.md`` (``tests.contract.document`` names them all). It is held to it: every answer that an application
gives in this process while the test runs is looked at, and the test fails unless an answer has what it claims: a route
that answered 200, a parameter that was given and accepted, a field that was there and not null, a reason, a status.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import pytest
from flask import Flask, Response, request, request_finished

from facade.config import Settings
from facade.context import EXTENSION

MARKER: Final = "contract"
# The attribute of the settings that an environment variable sets.
_SETTINGS: Final = {"MAX_DATA_POINTS": "max_data_points", "MAX_TIME_WINDOW": "max_time_window_seconds"}


@dataclass(frozen=True)
class Exchange:
    """One request and its answer. ``route`` is as the contract writes it, "" where none matched."""

    route: str
    arguments: Sequence[tuple[str, str]] = ()
    request_headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media: str = "application/json"
    body: str = ""
    settings: Settings | None = None

    @cached_property
    def document(self) -> Any:
        """The JSON of the answer; None where it is none."""
        return json.loads(self.body) if self.media.endswith("json") and self.body else None

    @property
    def columns(self) -> list[str]:
        """The head of a CSV answer."""
        return next(csv.reader(io.StringIO(self.body)), []) if self.media == "text/csv" else []


@contextmanager
def witnessed() -> Iterator[list[Exchange]]:
    """Every exchange of any application of this process, as long as the context lasts."""
    exchanges: list[Exchange] = []

    def finished(app: Flask, response: Response, **_: object) -> None:
        parts = app.extensions.get(EXTENSION)
        exchanges.append(
            Exchange(
                request.url_rule.rule if request.url_rule else "",
                tuple(request.args.items(multi=True)),
                dict(request.headers),
                response.status_code,
                dict(response.headers),
                response.mimetype or "",
                response.get_data(as_text=True),
                parts.settings if parts else None,
            )
        )

    with request_finished.connected_to(finished):
        yield exchanges


def unproven(claims: Iterable[str], exchanges: Sequence[Exchange]) -> list[str]:
    """The claims that no exchange bears out. Raises KeyError for a kind of claim that nothing is known about."""
    missing = []
    for claim in claims:
        kind, _, what = claim.partition(":")
        bears_out = _KINDS[kind]
        if not any(bears_out(what, exchange) for exchange in exchanges):
            missing.append(claim)
    return missing


@pytest.fixture(autouse=True)
def claims_are_proven(request: pytest.FixtureRequest) -> Iterator[None]:
    """Hold a test to what its ``contract`` markers claim."""
    claims = [item for mark in request.node.iter_markers(MARKER) for item in mark.args]
    if not claims:
        yield
        return
    with witnessed() as exchanges:
        yield
    if missing := unproven(claims, exchanges):
        pytest.fail(f"claims what no answer during the test has: {', '.join(missing)}")


def _route(what: str, exchange: Exchange) -> bool:
    return exchange.route == what and exchange.status == 200


def _parameter(what: str, exchange: Exchange) -> bool:
    name, equals, value = what.partition("=")
    given = [text for key, text in exchange.arguments if key == name]
    if exchange.status not in (200, 304) or not given:
        return False
    return not equals or value in given or (value == "Kind/name" and any("/" in text for text in given))


def _field(what: str, exchange: Exchange) -> bool:
    subject, _, path = what.partition(".")
    path, _, value = path.partition("=")
    if exchange.document is None or not _SUBJECTS[subject](exchange):
        return False
    found = list(values_at(exchange.document, path))
    if subject != "problem" and isinstance(exchange.document.get("items"), list):
        found += values_at(exchange.document["items"], path)
    return any(item is not None and value in ("", item) for item in found)


def values_at(document: Any, path: str) -> Iterator[Any]:
    """The values at a dotted path, through every element of arrays, and through every key where the path has ``*``."""
    if isinstance(document, list) and path:
        for element in document:
            yield from values_at(element, path)
    elif not path:
        yield document
    elif isinstance(document, dict):
        key, _, rest = path.partition(".")
        for name, value in document.items():
            if key in (name, "*"):
                yield from values_at(value, rest)


def _reason(what: str, exchange: Exchange) -> bool:
    if not isinstance(exchange.document, dict):
        return False
    items = exchange.document.get("items", [])
    found = [exchange.document, *(items if isinstance(items, list) else [])]
    return any(what in entity.get("missing", {}).values() for entity in found)


def _header(what: str, exchange: Exchange) -> bool:
    name, equals, value = what.partition("=")
    if equals:
        return value in exchange.request_headers.get(name, "")
    return name in (exchange.request_headers if name == "Accept" else exchange.headers)


def _setting(what: str, exchange: Exchange) -> bool:
    """Whether the application runs with another value than the default."""
    name, default = _SETTINGS[what], Settings.from_environment({})
    return exchange.settings is not None and getattr(exchange.settings, name) != getattr(default, name)


_SUBJECTS: Final[dict[str, Callable[[Exchange], bool]]] = {
    "answer": lambda exchange: exchange.route.startswith("/api/") and exchange.status == 200,
    "entity": lambda exchange: "timeseries" not in exchange.route and exchange.status == 200,
    "index": lambda exchange: exchange.route == "/",
    "list": lambda exchange: exchange.route.endswith("s") and "items" in exchange.document,
    "missing": lambda exchange: exchange.route.startswith("/api/") and exchange.status == 200,
    "problem": lambda exchange: exchange.media == "application/problem+json",
    "timeseries": lambda exchange: exchange.route.endswith("/timeseries") and exchange.status == 200,
}
_KINDS: Final[dict[str, Callable[[str, Exchange], bool]]] = {
    "column": lambda what, exchange: any(name == what or name.startswith(f"{what}.") for name in exchange.columns),
    "field": _field,
    "header": _header,
    "media": lambda what, exchange: exchange.media == what,
    "parameter": _parameter,
    "reason": _reason,
    "route": _route,
    "setting": _setting,
    "status": lambda what, exchange: exchange.status == int(what),
}
