"""A transport of the facade's client that answers from a script, without a socket."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from email.utils import formatdate

from facade.errors import UpstreamError
from facade.transport import Form, Response
from tests.harness.upstream import success

Scripted = Response | UpstreamError
NOW = 1795492800


def response(body: str | bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """An HTTP answer with the headers given."""
    return Response(status, headers or {}, body.encode() if isinstance(body, str) else body)


def value(number: str) -> Response:
    """An answer to an instant query of one sample without labels."""
    return response(success("vector", [{"metric": {}, "value": [0, number]}]))


def constant(time: int = NOW) -> Response:
    """The answer to the query ``1`` of a server whose clock stands at ``time``."""
    return response(success("scalar", [time, "1"]), headers={"date": formatdate(time, usegmt=True)})


class Script:
    """Answers each query as the mapping or function says, and every query with the one answer where it is one.

    ``posted`` has (path, form, deadline in seconds) of each.
    """

    def __init__(self, answers: Mapping[str, Scripted] | Callable[[str], Scripted] | Scripted) -> None:
        self.answers = answers
        self.posted: list[tuple[str, dict[str, str], float]] = []
        self.closed = False
        self._lock = threading.Lock()

    def post(self, path: str, data: Form, deadline_seconds: float) -> Response:
        form = {name: text if isinstance(text, str) else ",".join(text) for name, text in data.items()}
        with self._lock:
            self.posted.append((path, form, deadline_seconds))
        answer = self._answer(form["query"])
        if isinstance(answer, UpstreamError):
            raise answer
        return answer

    def close(self) -> None:
        self.closed = True

    def _answer(self, query: str) -> Scripted:
        if isinstance(self.answers, Mapping):
            return self.answers[query]
        return self.answers if isinstance(self.answers, Response | UpstreamError) else self.answers(query)
