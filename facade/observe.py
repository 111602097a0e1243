"""What happens around every request: its place among those in flight, its checks, its line in the log, its metrics."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack

from flask import Flask, Response, current_app, g, request

from facade.asked import recording
from facade.context import Endpoint, Facade, a_place_in, endpoint_of
from facade.errors import UpstreamError
from facade.params.parsing import Values, parse_as, parse_query
from facade.params.shared import PATH_SEGMENTS
from facade.representation.negotiation import negotiated

_log = logging.getLogger("facade.requests")
NO_ROUTE = "none"
_QUERY_CHARACTERS = 120
_METHOD_CHARACTERS = 20


def install(app: Flask, facade: Facade, clock: Callable[[], float] = time.perf_counter) -> None:
    """Let every request of ``app`` be admitted, checked, counted and logged."""

    def begin() -> None:
        g.started = clock()
        g.exits = ExitStack()
        g.asked = g.exits.enter_context(recording())
        g.values = Values({})
        facade.metrics.request_started()
        g.exits.callback(facade.metrics.request_over)

    def admit_and_check() -> None:
        endpoint = _endpoint()
        # OPTIONS asks what can be done, and is answered whatever the parameters are.
        if endpoint is None or request.method == "OPTIONS":
            return
        g.endpoint = endpoint
        # What is about entities may be at hand already, and takes a place where it is not (facade.routes.common).
        if not endpoint.always and endpoint.shape is None:
            g.exits.enter_context(a_place_in(facade.slots))
        _check(endpoint)

    def answered(response: Response) -> Response:
        seconds = clock() - g.started
        route = NO_ROUTE if request.url_rule is None else request.url_rule.rule
        facade.metrics.request_answered(route, request.method, response.status_code, seconds)
        if g.asked.partial:
            facade.metrics.answered_in_part()
        _log_request(route, response, seconds)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def end(_: BaseException | None) -> None:
        g.exits.close()

    app.before_request(begin)
    app.before_request(admit_and_check)
    app.after_request(answered)
    app.teardown_request(end)


def log_failed_query(seconds: float, error: UpstreamError | None) -> None:
    """A ``facade.prometheus.QueryObserver``: why a query failed, in the words that no answer may hold."""
    if error is not None:
        fields = {"kind": error.kind, "detail": str(error), "cause": error.cause, "seconds": round(seconds, 6)}
        _log.warning("upstream error", extra={"fields": fields})


def _endpoint() -> Endpoint | None:
    """The declaration of the view that will answer; None when no route matched, or not with this method."""
    if request.url_rule is None:
        return None
    return endpoint_of(current_app.view_functions[request.url_rule.endpoint])


def _check(endpoint: Endpoint) -> None:
    """Refuse names that Kubernetes would refuse, parameters that the route does not take, and what it cannot give."""
    for name, text in (request.view_args or {}).items():
        parse_as(PATH_SEGMENTS[name], name, text)
    g.values = parse_query(request.args.items(multi=True), endpoint.parameters)
    g.media_type = negotiated(endpoint, g.values)


def _log_request(route: str, response: Response, seconds: float) -> None:
    entries = g.asked.entries
    _log.info(
        "request",
        extra={
            "fields": {
                "method": request.method[:_METHOD_CHARACTERS],
                "route": route,
                "status": response.status_code,
                "seconds": round(seconds, 6),
                "upstream_seconds": round(g.asked.seconds, 6),
                "upstream_queries": len(entries),
                "bytes": 0 if request.method == "HEAD" else response.content_length or 0,
            }
        },
    )
    for entry in entries:
        explained = entry.question.explained()
        fields = {**explained, "query": _shortened(str(explained["query"])), "seconds": round(entry.seconds, 6)}
        remarks = {"warnings": list(entry.warnings), "infos": list(entry.infos)}
        if entry.partial:
            _log.warning("Prometheus answered in part", extra={"fields": {**fields, **remarks}})
        _log.debug("asked", extra={"fields": {**fields, **remarks}})


def _shortened(query: str) -> str:
    """The beginning of a query on one line: the whole is several kilobytes, and ``explain=true`` gives it."""
    line = " ".join(query.split())
    return line if len(line) <= _QUERY_CHARACTERS else f"{line[:_QUERY_CHARACTERS]}…"
