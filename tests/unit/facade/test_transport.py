"""The real transport against upstreams that misbehave, each on a loopback socket of its own."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
import trustme

from facade.errors import UpstreamError, UpstreamFormatError, UpstreamTimeoutError, UpstreamUnreachableError
from facade.transport import HttpTransport
from tests.harness.upstream import (
    Behaviour,
    Upstream,
    answering,
    closing,
    dripping,
    hanging,
    message,
    tls_upstream,
)

DEADLINE_SECONDS = 0.5
# How much later than its deadline an exchange may end on a machine that is busy.
LATENESS_SECONDS = 1.5


@contextmanager
def transport_to(
    url: str, headers: Mapping[str, str] | None = None, max_body_bytes: int = 10_000
) -> Iterator[HttpTransport]:
    transport = HttpTransport(url, headers or {}, connections=2, max_body_bytes=max_body_bytes)
    try:
        yield transport
    finally:
        transport.close()


def failure_of(behaviour: Behaviour, max_body_bytes: int = 10_000) -> tuple[UpstreamError, float]:
    """The error of one exchange, and the seconds until it."""
    with Upstream(behaviour) as upstream, transport_to(upstream.url, max_body_bytes=max_body_bytes) as transport:
        started = time.monotonic()
        with pytest.raises(UpstreamError) as caught:
            transport.post("/api", {"query": "1"}, DEADLINE_SECONDS)
        elapsed = time.monotonic() - started
        assert "127.0.0.1" not in str(caught.value)
        return caught.value, elapsed


def test_an_exchange_is_a_form_posted_below_the_prefix() -> None:
    headers = {"X-Scope-OrgID": "team"}
    with (
        Upstream(answering("body", headers={"X-Some": "Thing"})) as upstream,
        transport_to(f"{upstream.url}/prefix", headers) as transport,
    ):
        response = transport.post("/api/v1/query", {"query": 'a{b="ü & +"}', "time": "1.5"}, 5)
    assert (response.status, response.body, response.headers["x-some"]) == (200, b"body", "Thing")
    (request,) = upstream.requests
    assert request.line == "POST /prefix/api/v1/query HTTP/1.1"
    assert request.form == {"query": 'a{b="ü & +"}', "time": "1.5"}
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["x-scope-orgid"] == "team"
    assert request.headers["accept-encoding"] == "identity"


def test_a_connection_is_kept_and_used_again() -> None:
    with Upstream(answering("ok")) as upstream, transport_to(upstream.url) as transport:
        for _ in range(5):
            transport.post("/", {}, 5)
        assert upstream.connections == 1


def test_a_kept_connection_that_the_server_closed_is_replaced() -> None:
    """The server closes as the second request arrives, when no client can know yet."""
    answered = threading.Event()

    def once(connection: socket.socket, ending: threading.Event) -> None:
        if answered.is_set() and len(upstream.requests) == 2:
            closing(connection, ending)
        else:
            connection.sendall(message("ok"))
        answered.set()

    with Upstream(once) as upstream, transport_to(upstream.url) as transport:
        assert transport.post("/", {}, 5).body == b"ok"
        assert transport.post("/", {}, 5).body == b"ok"
        assert (len(upstream.requests), upstream.connections) == (3, 2)


def test_nobody_listening_is_unreachable() -> None:
    with socket.socket() as bound:  # bound and not listening: connections are refused
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        with transport_to(url) as transport, pytest.raises(UpstreamUnreachableError) as caught:
            transport.post("/", {}, 5)
    assert str(caught.value) == "Prometheus cannot be reached."
    assert "refused" in caught.value.cause


def test_a_host_that_has_no_address_is_unreachable() -> None:
    for host in ("nothing.invalid", "a" * 70 + ".invalid"):
        with transport_to(f"http://{host}:1") as transport, pytest.raises(UpstreamUnreachableError):
            transport.post("/", {}, 5)


def test_an_address_that_swallows_connections_is_unreachable_at_the_deadline() -> None:
    """A listener whose backlog is full: the kernel drops what comes."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        try:
            with transport_to(f"http://127.0.0.1:{listener.getsockname()[1]}") as transport:
                started = time.monotonic()
                with pytest.raises(UpstreamUnreachableError, match="connecting to it takes too long"):
                    transport.post("/", {}, DEADLINE_SECONDS)
                assert DEADLINE_SECONDS <= time.monotonic() - started < DEADLINE_SECONDS + LATENESS_SECONDS
        finally:
            for filler in fillers:
                filler.close()


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(hanging, id="no answer"),
        pytest.param(dripping(message("x" * 100), 0.1), id="headers that drip"),
        pytest.param(
            lambda connection, ending: (
                connection.sendall(message("", length=100)),
                dripping(b"x" * 100, 0.1)(connection, ending),
            ),
            id="a body that drips",
        ),
        pytest.param(
            lambda connection, ending: (
                connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
                dripping(b"1\r\nx\r\n" * 100, 0.05)(connection, ending),
            ),
            id="chunks that drip",
        ),
        pytest.param(
            lambda connection, ending: (connection.sendall(message("half", length=100)), ending.wait()),
            id="half a body, then silence",
        ),
    ],
)
def test_whatever_is_slow_ends_at_the_deadline(behaviour: Behaviour) -> None:
    error, elapsed = failure_of(behaviour)
    assert isinstance(error, UpstreamTimeoutError)
    assert DEADLINE_SECONDS <= elapsed < DEADLINE_SECONDS + LATENESS_SECONDS


def half_a_chunk(connection: socket.socket, ending: threading.Event) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal")
    connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("behaviour", "detail"),
    [
        pytest.param(answering("half", length=100), "broke off", id="half a body"),
        pytest.param(half_a_chunk, "broke off", id="half a chunk"),
        pytest.param(answering(b"\x1f\x8bnot", headers={"Content-Encoding": "gzip"}), "broke off", id="no gzip"),
        pytest.param(lambda c, _: c.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "not HTTP", id="another protocol"),
        pytest.param(lambda c, _: c.sendall(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500), "not HTTP", id="many headers"),
    ],
)
def test_what_is_no_whole_answer_is_a_format_error(behaviour: Behaviour, detail: str) -> None:
    error, _ = failure_of(behaviour)
    assert isinstance(error, UpstreamFormatError)
    assert detail in str(error)


def test_a_server_that_always_closes_is_unreachable() -> None:
    error, _ = failure_of(closing)
    assert isinstance(error, UpstreamUnreachableError)
    assert str(error) == "Prometheus closed the connection."


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(answering("x" * 20_000), id="as it is"),
        pytest.param(
            answering(gzip.compress(b"x" * 10_000_000), headers={"Content-Encoding": "gzip"}), id="compressed"
        ),
    ],
)
def test_a_body_over_the_bound_is_given_up(behaviour: Behaviour) -> None:
    error, _ = failure_of(behaviour, max_body_bytes=10_000)
    assert isinstance(error, UpstreamFormatError)
    assert "too large" in str(error)


def test_a_body_up_to_the_bound_is_read_also_compressed_and_chunked() -> None:
    compressed = gzip.compress(b"x" * 10_000)
    for behaviour in (
        answering("x" * 10_000),
        answering(compressed, headers={"Content-Encoding": "gzip"}),
        lambda connection, _: connection.sendall(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2710\r\n" + b"x" * 10_000 + b"\r\n0\r\n\r\n"
        ),
    ):
        with Upstream(behaviour) as upstream, transport_to(upstream.url) as transport:
            assert transport.post("/", {}, 5).body == b"x" * 10_000


def test_a_redirect_is_not_followed() -> None:
    with Upstream(answering("elsewhere", "302 Found", {"Location": "/other"})) as upstream:
        with transport_to(upstream.url, {"Authorization": "Bearer secret"}) as transport:
            assert transport.post("/", {}, 5).status == 302
        assert len(upstream.requests) == 1


def test_exchanges_have_deadlines_of_their_own() -> None:
    """A deadline that passed is not the next exchange's, on the same connections and in the same thread."""
    with Upstream(hanging) as upstream, transport_to(upstream.url) as transport:
        with pytest.raises(UpstreamTimeoutError):
            transport.post("/", {}, 0.05)
        upstream.behaviour = answering("ok")
        assert transport.post("/", {}, 5).body == b"ok"


def test_a_certificate_that_nobody_vouches_for_is_not_accepted() -> None:
    with (
        tls_upstream(trustme.CA()) as port,
        transport_to(f"https://localhost:{port}") as transport,
        pytest.raises(UpstreamUnreachableError, match=r"cannot be secured \(TLS\)") as caught,
    ):
        transport.post("/", {"query": "1"}, 5)
    assert "certificate verify failed" in caught.value.cause


def test_a_tls_handshake_that_hangs_ends_at_the_deadline() -> None:
    with Upstream(hanging) as upstream, transport_to(upstream.url.replace("http:", "https:")) as transport:
        started = time.monotonic()
        with pytest.raises(UpstreamTimeoutError):
            transport.post("/", {}, DEADLINE_SECONDS)
        assert DEADLINE_SECONDS <= time.monotonic() - started < DEADLINE_SECONDS + LATENESS_SECONDS
