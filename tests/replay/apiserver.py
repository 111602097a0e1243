"""The replayed API server: list and watch of the exporter's resources, on the recording's timeline.

Semantics follow https://kubernetes.io/docs/reference/using-api/api-concepts/ (resource versions, watches, bookmarks,
410 Gone, chunked lists). A parameter that is not replayed is refused with 400, so that no test rests on one being
ignored.
"""

from __future__ import annotations

import base64
import json
import math
import ssl
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate
from typing import Final, Literal

from tests.replay.history import ADDED, History, at_revision, name_of
from tests.replay.identity import Identity
from tests.replay.recording import JsonObject, Recording
from tests.replay.resources import RESOURCES, Resource, StatusError, Target, authorise, field_filter, too_old
from tests.replay.server import Exchange, TlsServer
from tests.replay.timeline import Timeline

_TRUE: Final = frozenset({"1", "true", "True"})
_PARAMETERS: Final = frozenset(
    {
        "allowWatchBookmarks", "continue", "fieldSelector", "limit", "pretty",
        "resourceVersion", "resourceVersionMatch", "timeoutSeconds", "watch",
    }
)  # fmt: skip
# Kubernetes ends a watch without timeoutSeconds after 30 to 60 minutes.
_DEFAULT_WATCH_SECONDS: Final = 1800.0


class ApiServer:
    """A TLS API server that serves a recording.

    ``faults`` and ``log`` name endpoints ``list pods``, ``watch pods`` and so on, other requests by their path.
    ``gone`` is how a watch from a forgotten version is refused: ``event`` (200 and an ERROR event, as the watch cache
    does) or ``status`` (HTTP 410, as without it); tests may set it at any time.
    """

    def __init__(
        self,
        recording: Recording,
        timeline: Timeline,
        tls: ssl.SSLContext,
        identities: Mapping[str, Identity],
        port: int = 0,
    ) -> None:
        self.gone: Literal["event", "status"] = "event"
        self._timeline = timeline
        self._identities = dict(identities)
        self._times = list(accumulate((moment.lists_time_unix for moment in recording.moments), max))
        self._histories = {
            name: History(resource, [moment.lists.get(resource.plural, {}) for moment in recording.moments])
            for name, resource in RESOURCES.items()
        }
        self._oldest = {name: history.states[0].revision for name, history in self._histories.items()}
        self._outage = False
        self._generation = 0
        self._watching: Counter[str] = Counter()
        self._server = TlsServer(tls, self._respond, lambda: not self._outage, port)
        self.url = self._server.url
        self.faults = self._server.faults
        self.log = self._server.log
        self.errors = self._server.errors
        self.start = self._server.start

    def stop(self) -> None:
        self.expire_watches()
        self._server.stop()

    def expire_watches(self) -> None:
        """End every open watch in good order, as the server does when its time is up."""
        with self._timeline.changed:
            self._generation += 1
            self._timeline.changed.notify_all()

    def compact(self) -> None:
        """Make every resourceVersion and continue token given out so far too old. Open watches go on."""
        with self._timeline.changed:
            moment = self._moment()
            self._oldest = {name: self._revision(history, moment) + 1 for name, history in self._histories.items()}

    def outage(self, down: bool) -> None:
        """Begin or end an outage: connections are refused, open ones reset, watches too."""
        self._outage = down
        self._server.settle()

    def history(self, qualified: str) -> History:
        """States and events of a resource (``pods``, ``deployments.apps``), for comparison with what a client saw."""
        return self._histories[qualified]

    def watching(self, plural: str) -> int:
        """How many watches of a resource are open."""
        with self._timeline.changed:
            return self._watching[plural]

    def wait_for_watches(self, plural: str, count: int = 1, deadline_seconds: float = 10.0) -> None:
        """Block until exactly ``count`` watches of a resource are open. Raises ``TimeoutError``."""
        with self._timeline.changed:
            if not self._timeline.changed.wait_for(lambda: self._watching[plural] == count, deadline_seconds):
                raise TimeoutError(f"{self._watching[plural]} watches of {plural} are open, not {count}")

    def _moment(self) -> int:
        return max(0, bisect_right(self._times, self._timeline.now()) - 1)

    def _revision(self, history: History, moment: int) -> int:
        """The version of a list taken at a moment."""
        return max(history.states[moment].revision, self._oldest[history.resource.qualified])

    def _respond(self, exchange: Exchange) -> None:
        verb = "watch" if exchange.query.get("watch") in _TRUE else "list"
        plural = exchange.path.rstrip("/").rpartition("/")[2]
        if any(plural == resource.plural for resource in RESOURCES.values()):
            exchange.endpoint = f"{verb} {plural}"
        exchange.delay(exchange.fault.delay_seconds)
        try:
            self._answer(exchange, verb)
        except StatusError as refusal:
            self._send(exchange, refusal.code, refusal.status)

    def _answer(self, exchange: Exchange, verb: str) -> None:
        identity = self._identities.get(exchange.token or "")
        if identity is None:
            raise StatusError(401, "Unauthorized", "Unauthorized")
        target = authorise(exchange.method, exchange.path, verb, identity)
        if exchange.fault.status is not None:
            raise StatusError(exchange.fault.status, "InternalError", "the test asks for an error")
        unknown = {name for name, value in exchange.query.items() if value and name not in _PARAMETERS}
        if unknown:
            raise StatusError(400, "BadRequest", f"not replayed: {', '.join(sorted(unknown))}")
        matches = field_filter(target, exchange.query.get("fieldSelector", ""))
        if verb == "watch":
            self._watch(exchange, target, matches)
        else:
            self._send(exchange, 200, self._list(exchange, target, matches))

    def _send(self, exchange: Exchange, status: int, answer: JsonObject) -> None:
        exchange.send(status, self._timeline.rewrite_api(json.dumps(answer).encode()), "application/json")

    def _list(self, exchange: Exchange, target: Target, matches: Callable[[JsonObject], bool]) -> JsonObject:
        history = self._histories[target.resource.qualified]
        moment = self._moment()
        revision = self._revision(history, moment)
        after: tuple[str, str] | None = None
        if exchange.query.get("continue"):
            moment, revision, after = _read_continue(exchange.query["continue"])
            if revision < self._oldest[target.resource.qualified]:
                message = "The provided continue parameter is too old to display a consistent list result."
                raise StatusError(410, "Expired", message)
        items = [item for item in history.states[moment].objects.values() if matches(item)]
        left = [item for item in items if after is None or name_of(item) > after]
        page = left[: _whole_number(exchange, "limit") or None]
        metadata: JsonObject = {"resourceVersion": str(revision)}
        if len(page) < len(left):
            metadata["continue"] = _write_continue(moment, revision, name_of(page[-1]))
            if not exchange.query.get("fieldSelector"):  # as Kubernetes has it
                metadata["remainingItemCount"] = len(left) - len(page)
        return {
            "kind": f"{target.resource.kind}List",
            "apiVersion": target.resource.api_version,
            "metadata": metadata,
            "items": [{key: item[key] for key in item if key not in ("kind", "apiVersion")} for item in page],
        }

    def _watch(self, exchange: Exchange, target: Target, matches: Callable[[JsonObject], bool]) -> None:
        resource = target.resource
        since = _whole_number(exchange, "resourceVersion")
        seconds = _whole_number(exchange, "timeoutSeconds") or _DEFAULT_WATCH_SECONDS
        oldest = self._oldest[resource.qualified]
        if 0 < since < oldest and self.gone == "status":
            raise too_old(since, oldest)
        exchange.start_stream("application/json")
        if 0 < since < oldest:
            self._send_event(exchange, "ERROR", too_old(since, oldest).status)
        else:
            with self._counted(resource.plural):
                self._stream(exchange, resource, since, matches, time.monotonic() + seconds)
        exchange.end_stream()

    def _stream(
        self,
        exchange: Exchange,
        resource: Resource,
        since: int,
        matches: Callable[[JsonObject], bool],
        deadline: float,
    ) -> None:
        """Send events until the watch's time is up, or the test's patience."""
        history = self._histories[resource.qualified]
        bookmarks = exchange.query.get("allowWatchBookmarks") in _TRUE
        generation = self._generation
        bookmarked, moment = -1, self._moment()
        if since == 0:  # "start anywhere": the present state comes first, as additions
            since = self._revision(history, moment)
            for item in history.states[moment].objects.values():
                if matches(item):
                    self._send_event(exchange, ADDED, item)
        while True:
            for event in history.events_after(since, moment):
                seen = event.seen_through(matches)
                if seen is not None:
                    self._send_event(exchange, seen[0], at_revision(seen[1], event.revision))
                since = event.revision
            if bookmarks and moment != bookmarked:
                bookmarked = moment
                self._send_bookmark(exchange, resource, max(since, history.states[moment].revision))
            if self._generation != generation or time.monotonic() >= deadline:
                return
            self._wait(moment, generation, deadline)
            moment = self._moment()

    def _wait(self, moment: int, generation: int, deadline: float) -> None:
        """Block until the next moment, the end of the watch, or a change of the timeline."""
        next_time = self._times[moment + 1] if moment + 1 < len(self._times) else math.inf
        with self._timeline.changed:
            begun = self._timeline.begun
            seconds = min(deadline - time.monotonic(), self._timeline.seconds_until(next_time))
            self._timeline.changed.wait_for(
                lambda: self._generation != generation or self._timeline.begun != begun, min(max(0.0, seconds), 3600)
            )

    def _send_event(self, exchange: Exchange, type_: str, item: JsonObject) -> None:
        line = json.dumps({"type": type_, "object": item}).encode() + b"\n"
        exchange.send_chunk(self._timeline.rewrite_api(line))

    def _send_bookmark(self, exchange: Exchange, resource: Resource, revision: int) -> None:
        metadata = {"resourceVersion": str(revision), "creationTimestamp": None}
        head = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
        self._send_event(exchange, "BOOKMARK", head | {"spec": {}, "status": {}})

    @contextmanager
    def _counted(self, plural: str) -> Iterator[None]:
        self._count(plural, 1)
        try:
            yield
        finally:
            self._count(plural, -1)

    def _count(self, plural: str, step: int) -> None:
        with self._timeline.changed:
            self._watching[plural] += step
            self._timeline.changed.notify_all()


def _whole_number(exchange: Exchange, parameter: str) -> int:
    """A parameter that is a whole number; 0 where it is absent or empty."""
    text = exchange.query.get(parameter) or "0"
    if not text.isdecimal():
        raise StatusError(400, "BadRequest", f"{parameter}: invalid value {text!r}")
    return int(text)


def _write_continue(moment: int, revision: int, last: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps([moment, revision, *last]).encode()).decode()


def _read_continue(token: str) -> tuple[int, int, tuple[str, str]]:
    try:
        moment, revision, namespace, name = json.loads(base64.urlsafe_b64decode(token))
    except ValueError as error:
        raise StatusError(400, "BadRequest", f"continue key is not valid: {error}") from error
    return moment, revision, (namespace, name)
