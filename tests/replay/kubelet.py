"""The replayed kubelet: the recorded answers, on the recording's timeline, to who may ask.

A request needs a right to a subresource of ``nodes`` that follows from its path, with a verb that follows from its
method (https://kubernetes.io/docs/reference/access-authn-authz/kubelet-authn-authz/): ``get`` on ``nodes/stats`` for
``/stats/*``, on ``nodes/metrics`` for ``/metrics/*``, on ``nodes/proxy`` for most others.
"""

from __future__ import annotations

import ssl
import threading
from bisect import bisect_right
from collections.abc import Mapping
from typing import Final

from tests.replay.identity import Identity
from tests.replay.recording import Endpoint, Moment, Recording, newest_time_unix
from tests.replay.server import Exchange, TlsServer
from tests.replay.timeline import Timeline

# The values that the kubelet takes for true (Go's strconv.ParseBool).
_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
# Two moments of three endpoints are in use at any time.
_BODIES_KEPT: Final = 8
_VERBS: Final = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_CONTENT_TYPES: Final = {
    Endpoint.SUMMARY: "application/json",
    Endpoint.CHEAP_SUMMARY: "application/json",
    Endpoint.CADVISOR: "text/plain; version=0.0.4; charset=utf-8",
}


class Kubelet:
    """A TLS kubelet that serves a recording.

    Endpoints are named by ``Endpoint`` in ``faults`` and ``log``, others by their path. While the recorded kubelet was
    down, and during an ``outage``, clients get a connection error.
    """

    def __init__(
        self,
        recording: Recording,
        timeline: Timeline,
        tls: ssl.SSLContext,
        identities: Mapping[str, Identity],
        port: int = 0,
    ) -> None:
        self._moments = recording.moments
        self._times = [moment.time_unix for moment in recording.moments]
        self._timeline = timeline
        self._identities = dict(identities)
        self._outage = False
        self._bodies: dict[tuple[str, Endpoint], tuple[float, bytes]] = {}
        self._bodies_lock = threading.Lock()
        self._server = TlsServer(tls, self._respond, self._reachable, port)
        self.url = self._server.url
        self.faults = self._server.faults
        self.log = self._server.log
        self.errors = self._server.errors
        self.start = self._server.start
        self.stop = self._server.stop

    def outage(self, down: bool) -> None:
        """Begin or end an outage of the test's own: connections are refused, open ones reset."""
        self._outage = down
        self._server.settle()

    def replace_tokens(self, identities: Mapping[str, Identity]) -> None:
        """From now on, know these bearer tokens and no others."""
        self._identities = dict(identities)

    def _index(self) -> int:
        return max(0, bisect_right(self._times, self._timeline.now()) - 1)

    def _reachable(self) -> bool:
        return not (self._outage or self._moments[self._index()].kubelet_down)

    def _respond(self, exchange: Exchange) -> None:
        endpoint = _endpoint(exchange)
        if endpoint is not None:
            exchange.endpoint = endpoint
        fault = exchange.fault
        exchange.delay(fault.delay_seconds)
        identity = self._identities.get(exchange.token or "")
        subresource, verb = _subresource(exchange.path), _VERBS[exchange.method]
        if identity is None:
            exchange.send(401, b"Unauthorized", "text/plain; charset=utf-8")
        elif not identity.may(verb, "", f"nodes/{subresource}"):
            reason = f"Forbidden (user={identity.user}, verb={verb}, resource=nodes, subresource={subresource})"
            exchange.send(403, reason.encode(), "text/plain; charset=utf-8")
        elif fault.status is not None:
            exchange.send(fault.status, b"the test asks for an error", "text/plain; charset=utf-8")
        elif endpoint is None or verb != "get":
            exchange.send(404, b"404 page not found\n", "text/plain; charset=utf-8")
        else:
            self._send_recorded(exchange, endpoint)

    def _send_recorded(self, exchange: Exchange, endpoint: Endpoint) -> None:
        index = self._index()
        moment = self._moments[index]
        newest_unix, body = self._body(moment, endpoint)
        before = self._moments[max(0, index - 1)]
        # An answer was given a while after its moment began, and may not speak of a time that is still to come.
        to_come = newest_unix > max(self._timeline.now(), self._timeline.first_instant_unix)
        if to_come and not before.kubelet_down:
            moment = before
            body = self._body(moment, endpoint)[1]
        exchange.moment = moment.name
        exchange.send(200, body, _CONTENT_TYPES[endpoint])

    def _body(self, moment: Moment, endpoint: Endpoint) -> tuple[float, bytes]:
        """A moment's answer with its times mapped, and the newest recorded time in it. The latest few are kept."""
        key = (moment.name, endpoint)
        with self._bodies_lock:
            if key not in self._bodies:
                recorded = moment.body(endpoint)
                if recorded is None:
                    raise LookupError(f"{endpoint} was not recorded in moment {moment.name}")
                cadvisor = endpoint is Endpoint.CADVISOR
                rewrite = self._timeline.rewrite_exposition if cadvisor else self._timeline.rewrite_summary
                if len(self._bodies) >= _BODIES_KEPT:
                    self._bodies.pop(next(iter(self._bodies)))
                self._bodies[key] = (newest_time_unix(recorded), rewrite(recorded))
            return self._bodies[key]


def _endpoint(exchange: Exchange) -> Endpoint | None:
    if exchange.path == Endpoint.SUMMARY:
        cheap = exchange.query.get("only_cpu_and_memory") in _TRUE
        return Endpoint.CHEAP_SUMMARY if cheap else Endpoint.SUMMARY
    return Endpoint.CADVISOR if exchange.path == Endpoint.CADVISOR else None


def _subresource(path: str) -> str:
    first = path.strip("/").partition("/")[0]
    return {"stats": "stats", "metrics": "metrics", "logs": "log", "spec": "spec"}.get(first, "proxy")
