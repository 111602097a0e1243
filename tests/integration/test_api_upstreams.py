"""What a client is told while Prometheus misbehaves: the whole way from a real socket to the answer, for a list, an
entity and a time series, whichever query of theirs it is that fails.

The mishaps of the bytes alone, in more detail, are tests/unit/facade/test_transport.py.
"""

from __future__ import annotations

import itertools
import json
import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import formatdate
from typing import Any, Final

import pytest
import trustme
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from facade.app import create_app
from facade.config import Settings
from facade.prometheus import PrometheusClient
from tests.harness.upstream import (
    Behaviour,
    Request,
    Upstream,
    answering,
    closing,
    dripping,
    failure,
    hanging,
    message,
    resetting,
    success,
    tls_upstream,
)

PASSWORD: Final = "s3cret"
# What Prometheus, or whatever stands in its place, might let slip.
SLIP: Final = "dial tcp 10.1.2.3:9091"
TIMEOUT_SECONDS: Final = 0.25
LATENESS_SECONDS: Final = 1.5
# A list, an entity that there is not, and a time series; each asks for the time first, and then two questions or more.
ROUTES: Final = ("/api/nodes/n1/pods", "/api/nodes/n1", "/api/nodes/n1/timeseries?window=15m")
TIME, FIRST, SECOND = range(3)
CONSTANT: Final = "1"

UNREACHABLE, BUSY, LATE = "prometheus-unreachable", "prometheus-busy", "prometheus-timeout"
REFUSED, NO_API = "prometheus-refused", "prometheus-answer"
STATUS: Final = {UNREACHABLE: 503, BUSY: 503, LATE: 504, REFUSED: 502, NO_API: 502}


def first_half(connection: socket.socket, ending: Any) -> None:
    connection.sendall(message(f"half {SLIP}", length=1000))
    ending.wait()


def trickling(connection: socket.socket, ending: Any) -> None:
    connection.sendall(message("", length=1000))
    dripping(b"x" * 1000, 0.05)(connection, ending)


def no_http(connection: socket.socket, ending: Any) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")


WHOLE = success("vector", [{"metric": {"node": SLIP}, "value": [0, "1"]}])
HTML = f"<html>{SLIP}</html>"
MISHAPS: Final[dict[str, tuple[Behaviour, str, str | None]]] = {
    "no answer": (hanging, LATE, None),
    "half a body, then silence": (first_half, LATE, None),
    "a body that trickles": (trickling, LATE, None),
    "closes": (closing, UNREACHABLE, "5"),
    "resets": (resetting, UNREACHABLE, "5"),
    "half a body": (answering(WHOLE[:40], length=1000), NO_API, None),
    "a length that is too short": (answering(WHOLE, length=40), NO_API, None),
    "no HTTP": (no_http, NO_API, None),
    "HTML": (answering(HTML), NO_API, None),
    "an empty body": (answering(""), NO_API, None),
    "another JSON": (answering(json.dumps({"hello": SLIP})), NO_API, None),
    "another type of result": (answering(success("string", [0, SLIP])), NO_API, None),
    "another shape of result": (answering(success("vector", [SLIP])), NO_API, None),
    "no gzip": (answering(b"\x1f\x8bno", headers={"Content-Encoding": "gzip"}), NO_API, None),
    "a redirect": (answering(HTML, "302 Found", {"Location": f"http://{SLIP[9:]}/"}), NO_API, None),
    "400": (answering(failure("bad_data", SLIP), "400 Bad Request"), REFUSED, None),
    "422": (answering(failure("execution", SLIP), "422 Unprocessable Entity"), REFUSED, None),
    "401": (answering(HTML, "401 Unauthorized", {"WWW-Authenticate": "Basic"}), REFUSED, None),
    "403": (answering(HTML, "403 Forbidden"), REFUSED, None),
    "404": (answering(HTML, "404 Not Found"), NO_API, None),
    "429": (answering(HTML, "429 Too Many Requests", {"Retry-After": "7"}), BUSY, "7"),
    "500": (answering(failure("internal", SLIP), "500 Internal Server Error"), NO_API, None),
    "502": (answering(HTML, "502 Bad Gateway"), NO_API, None),
    "503": (answering(failure("unavailable", SLIP), "503 Service Unavailable"), BUSY, "5"),
    "503 with a wait": (answering(HTML, "503 Service Unavailable", {"Retry-After": "17"}), BUSY, "17"),
    "503 with a date": (
        answering(HTML, "503 Service Unavailable", {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}),
        BUSY,
        "5",
    ),
    "503 for a timeout": (answering(failure("timeout", SLIP), "503 Service Unavailable"), LATE, None),
    "504": (answering(HTML, "504 Gateway Timeout"), LATE, None),
}
# Those that let nothing slip, or of which nothing that was said is kept.
SAYS_NOTHING: Final = ("no answer", "half a body, then silence", "a body that trickles", "closes", "resets")


def good(request: Request) -> Behaviour:
    if request.form["query"] == CONSTANT:
        return answering(success("scalar", [0, "1"]), headers={"Date": formatdate(time.time(), usegmt=True)})
    return answering(success("matrix" if request.path.endswith("query_range") else "vector", []))


def failing_from(position: int, bad: Behaviour) -> Callable[[Request], Behaviour]:
    """The questions before ``position`` are answered well, the others with ``bad``; TIME is Prometheus's time."""
    questions = itertools.count(FIRST)

    def choose(request: Request) -> Behaviour:
        asked = TIME if request.form["query"] == CONSTANT else next(questions)
        return good(request) if asked < position else bad

    return choose


@contextmanager
def facade_of(url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> Iterator[FlaskClient]:
    """A facade whose Prometheus is at ``url``."""
    settings = Settings.from_environment(
        {"PROMETHEUS_URL": url.replace("//", f"//me:{PASSWORD}@"), "PROMETHEUS_TIMEOUT": str(timeout_seconds)}
    )
    with PrometheusClient(settings, helpers=1) as prometheus:
        yield create_app(settings, prometheus).test_client()


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream(hanging) as upstream:
        yield upstream


def check_problem(response: TestResponse, type_: str, wait: str | None) -> None:
    assert (response.status_code, response.content_type) == (STATUS[type_], "application/problem+json"), response.text
    document = json.loads(response.data)
    assert list(document) == ["type", "title", "status", "detail"]
    assert document["type"] == f"urn:problem-type:cloud-monitoring:{type_}"
    assert document["status"] == STATUS[type_]
    assert response.headers.get("Retry-After") == wait
    assert response.headers["Cache-Control"] == "no-store"
    for secret in (PASSWORD, SLIP, "127.0.0.1", "localhost", "raceback", "Error", "html"):
        assert secret not in response.text
        assert secret not in str(response.headers)


def causes(caplog: pytest.LogCaptureFixture) -> Iterator[str]:
    for record in caplog.records:
        if record.message == "upstream error":
            yield vars(record)["fields"]["cause"]


@pytest.mark.parametrize("mishap", MISHAPS)
@pytest.mark.parametrize("path", ROUTES)
def test_whatever_it_does_wrong_is_told_apart_whichever_query_it_is(
    path: str, mishap: str, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    bad, type_, wait = MISHAPS[mishap]
    with facade_of(upstream.url) as client, caplog.at_level(logging.WARNING, "facade"):
        for position in (TIME, FIRST, SECOND):
            caplog.clear()
            upstream.choose = failing_from(position, bad)
            started = time.monotonic()
            check_problem(client.get(path), type_, wait)
            assert time.monotonic() - started < SECOND * TIMEOUT_SECONDS + LATENESS_SECONDS
            found = list(causes(caplog))
            assert found
            assert mishap in SAYS_NOTHING or all(found)
            assert type_ not in (BUSY, REFUSED) or all(SLIP in cause for cause in found)
            assert PASSWORD not in str([vars(record) for record in caplog.records])


@pytest.mark.parametrize("path", ROUTES)
def test_nobody_listening(path: str, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as bound:  # bound and not listening: connections are refused
        bound.bind(("127.0.0.1", 0))
        with facade_of(f"http://127.0.0.1:{bound.getsockname()[1]}") as client:
            check_problem(client.get(path), UNREACHABLE, "5")
    assert any("refused" in cause for cause in causes(caplog))


@pytest.mark.parametrize("path", ROUTES)
def test_a_certificate_that_nobody_vouches_for(path: str, caplog: pytest.LogCaptureFixture) -> None:
    with tls_upstream(trustme.CA()) as port, facade_of(f"https://localhost:{port}", 10) as client:
        check_problem(client.get(path), UNREACHABLE, "5")
    assert any("certificate verify failed" in cause for cause in causes(caplog))


def test_a_problem_has_no_body_where_head_was_asked(upstream: Upstream) -> None:
    upstream.choose = failing_from(TIME, answering(HTML))
    with facade_of(upstream.url) as client:
        answer, head = (client.open(ROUTES[0], method=method) for method in ("GET", "HEAD"))
    assert (head.status_code, head.data) == (502, b"")
    assert head.headers["Content-Length"] == str(len(answer.data))
