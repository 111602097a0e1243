"""What tests do to a replayed server, and what they see of it: faults by endpoint, and a log of the requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with the answers of one endpoint.

    ``delay_seconds`` passes before the answer begins. ``status`` replaces the answer by an error of that status.
    ``edit`` makes another body of the one to be sent (garbage, a pod less). ``truncate_to_bytes`` announces the whole
    body, sends only so much of it and closes the connection.
    """

    delay_seconds: float = 0.0
    status: int | None = None
    edit: Callable[[bytes], bytes] | None = None
    truncate_to_bytes: int | None = None


_NO_FAULT = Fault()


class Faults:
    """The faults in force, by endpoint. Safe to change while requests are being answered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[str, Fault] = {}

    def of(self, endpoint: str) -> Fault:
        with self._lock:
            return self._faults.get(endpoint, _NO_FAULT)

    def set(self, endpoint: str, fault: Fault) -> None:
        with self._lock:
            self._faults[endpoint] = fault

    def clear(self, endpoint: str | None = None) -> None:
        """End the fault of one endpoint, or every fault."""
        with self._lock:
            if endpoint is None:
                self._faults.clear()
            else:
                self._faults.pop(endpoint, None)

    @contextmanager
    def during(self, endpoint: str, fault: Fault) -> Iterator[None]:
        """Hold a fault for the time of a ``with`` block."""
        self.set(endpoint, fault)
        try:
            yield
        finally:
            self.clear(endpoint)


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Times are Unix seconds; ``answered_unix`` is when its answer began (a watch's goes on after that).

    ``status`` is None where the connection was reset instead. ``moment`` is the name of the recorded moment the answer
    came from, None for answers that come from none.
    """

    endpoint: str
    query: Mapping[str, str]
    started_unix: float
    answered_unix: float
    status: int | None
    moment: str | None


class RequestLog:
    """Every request a server has answered, in the order in which the answers began."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._requests: list[Request] = []

    def add(self, request: Request) -> None:
        with self._condition:
            self._requests.append(request)
            self._condition.notify_all()

    def requests(self, endpoint: str | None = None) -> tuple[Request, ...]:
        with self._condition:
            return tuple(request for request in self._requests if endpoint in (None, request.endpoint))

    def count(self, endpoint: str | None = None) -> int:
        """How many requests an endpoint (or the whole server) has answered."""
        return len(self.requests(endpoint))

    def wait_for(self, endpoint: str, count: int, deadline_seconds: float = 10.0) -> None:
        """Block until an endpoint has answered ``count`` requests. Raises ``TimeoutError``."""
        deadline = time.monotonic() + deadline_seconds
        with self._condition:
            while (have := sum(request.endpoint == endpoint for request in self._requests)) < count:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"{endpoint} was asked {have} times, not {count}, in {deadline_seconds} s")
                self._condition.wait(left)
