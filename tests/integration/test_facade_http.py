"""HTTP as a client meets it: the server and the application together, on a real socket."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path

import pytest
import requests

from tests.harness import wait_until
from tests.harness.facade_process import ask, facade, get
from tests.harness.upstream import Behaviour, Request, Upstream, answering, hanging, success

PROBLEM = "application/problem+json"


def empty(request: Request) -> Behaviour:
    """A Prometheus with nothing in it."""
    if request.form["query"] == "1":
        return answering(success("scalar", [0, "1"]), headers={"Date": formatdate(time.time(), usegmt=True)})
    return answering(success("matrix" if request.path.endswith("query_range") else "vector", []))


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream(hanging, empty) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def url(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with facade(tmp_path_factory.mktemp("http"), PROMETHEUS_URL=upstream.url, FACADE_WORKERS="1") as (process, url):
        yield url
        assert process.terminate() == 0
        assert "raceback" not in process.output()


def exchange(url: str, request: bytes) -> tuple[str, dict[str, str], bytes]:
    """The status line, header fields and body of the answer to exactly these bytes."""
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=10) as connection:
        connection.sendall(request)
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(65536)
        head, _, body = received.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
        while len(body) < int(headers.get("content-length", "0")) and (piece := connection.recv(65536)):
            body += piece
        return status, headers, body


def request_of(target: str, *headers: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: x", *headers, "", ""]).encode("latin-1")


@pytest.mark.parametrize("path", ["/", "/healthz", "/api/nodes", "/api/nodes?format=csv", "/nothing"])
def test_head_has_the_headers_of_get_and_nothing_after_them(url: str, path: str) -> None:
    answer = get(url + path)
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=10) as connection:
        connection.sendall(request_of(path, "Connection: close", method="HEAD"))
        received = b""
        while piece := connection.recv(65536):
            received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    assert body == b""
    assert f"content-length: {len(answer.content)}\r\n" in head.decode().lower() + "\r\n"
    assert head.split(b" ")[1] == str(answer.status_code).encode()


@pytest.mark.parametrize("query", ["", "?format=csv"])
def test_an_answer_is_fetched_again_only_when_it_is_another(url: str, query: str) -> None:
    answer = get(f"{url}/api/nodes{query}")
    tag = answer.headers["ETag"]
    again = get(f"{url}/api/nodes{query}", If_None_Match=f'"other", {tag}')
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    assert again.headers["Cache-Control"] == answer.headers["Cache-Control"] == "max-age=15"
    assert again.headers["Vary"] == answer.headers["Vary"] == "Accept, Accept-Encoding"
    with requests.Session() as session:  # a connection on which nothing is left over goes on
        session.trust_env = False
        for sent, status in ((tag, 304), ('"other"', 200), (tag, 304)):
            one = session.get(f"{url}/api/nodes{query}", headers={"If-None-Match": sent}, timeout=10)
            assert one.status_code == status


def test_no_cache_is_answered_from_upstream(url: str, upstream: Upstream) -> None:
    for _ in range(3):
        before = len(upstream.requests)
        assert get(f"{url}/api/nodes", Cache_Control="no-cache").status_code == 200
        assert len(upstream.requests) > before


def test_options_and_methods_that_there_are_not(url: str, upstream: Upstream) -> None:
    before = len(upstream.requests)
    for path in ("/api/pods/a", "/api/nodes/a/timeseries?window=nonsense", "/"):
        answer = ask("OPTIONS", url + path)
        assert (answer.status_code, answer.content) == (200, b"")
        assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
        refused = ask("DELETE", url + path)
        assert (refused.status_code, refused.headers["Content-Type"]) == (405, PROBLEM)
        assert refused.headers["Allow"]
    assert len(upstream.requests) == before


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (request_of("/" + "a" * 60_000), "404 Not Found"),
        (request_of("/api/nodes/" + "a" * 60_000), "400 Bad Request"),
        (request_of("/api/nodes?name=" + "a" * 60_000), "400 Bad Request"),
        (request_of("/api/pods/\xc3\xa4"), "400 Bad Request"),
        (request_of("/api/pods/%00%0d%0a"), "400 Bad Request"),
        (request_of("/healthz", "Connection: Upgrade", "Upgrade: websocket"), "400 Bad Request"),
        (request_of("/api//nodes"), "404 Not Found"),
        (request_of("*", method="OPTIONS"), "404 Not Found"),
        (request_of("/api/nodes", method="A" * 300), "405 Method Not Allowed"),
        (request_of("/api/nodes", "Content-Length: 5", method="POST") + b"hello", "405 Method Not Allowed"),
    ],
)
def test_what_the_application_refuses_is_a_problem(url: str, request_bytes: bytes, status: str) -> None:
    line, headers, body = exchange(url, request_bytes)
    assert (line, headers["content-type"]) == (f"HTTP/1.1 {status}", PROBLEM)
    assert len(body) == int(headers["content-length"]) > 0


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (request_of("/" + "a" * 70_000), "414 URI Too Long"),
        (request_of("/api/nodes?name=\xff\xfe"), "400 Bad Request"),
        (request_of("/healthz", *(f"X-{number}: a" for number in range(150))), "431 Request Header Fields Too Large"),
        (request_of("/a b"), "400 Bad Request"),
        (request_of("/a\x00b"), "400 Bad Request"),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", "400 Bad Request"),
    ],
)
def test_what_the_server_cannot_read_it_refuses_itself(url: str, request_bytes: bytes, status: str) -> None:
    """An empty answer, no problem document, and the end of the connection: the application never hears of it."""
    line, headers, body = exchange(url, request_bytes)
    assert line == f"HTTP/1.1 {status}"
    assert (headers["content-length"], headers["connection"], body) == ("0", "close", b"")
    assert get(f"{url}/healthz").status_code == 200


def test_only_so_many_requests_are_in_flight_and_each_place_is_given_back(tmp_path: Path) -> None:
    places, callers = 2, 12
    go_on = threading.Event()
    numbers = itertools.count()

    def slow(request: Request) -> Behaviour:
        def behave(connection: socket.socket, ending: threading.Event) -> None:
            next(numbers)
            assert go_on.wait(30)
            empty(request)(connection, ending)

        return behave

    settings = {"FACADE_WORKERS": "1", "FACADE_THREADS": str(places), "PROMETHEUS_TIMEOUT": "30"}
    with (
        Upstream(hanging, slow) as upstream,
        facade(tmp_path, PROMETHEUS_URL=upstream.url, **settings) as (_, url),
        ThreadPoolExecutor(callers) as pool,
    ):
        answers = [pool.submit(get, f"{url}/api/nodes?offset={number}") for number in range(callers)]
        try:
            wait_until(lambda: sum(each.done() for each in answers) == callers - places, 20, "the others to be refused")
            for each in answers:
                if each.done():
                    refused = each.result()
                    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
                    assert refused.headers["Content-Type"] == PROBLEM
                    assert refused.headers["Cache-Control"] == "no-store"
            assert get(f"{url}/healthz").status_code == 200
            assert "cloudmon_facade_requests_in_flight 3.0" in get(f"{url}/metrics").text.splitlines()
            assert ask("OPTIONS", f"{url}/api/nodes").status_code == 200
            assert len(upstream.requests) <= places
        finally:
            go_on.set()
        assert sorted(each.result().status_code for each in answers) == [200] * places + [429] * (callers - places)
        assert [get(f"{url}/api/nodes").status_code for _ in range(3 * places)] == [200] * 3 * places


def test_the_processes_of_a_server_make_an_answer_once_between_them(tmp_path: Path) -> None:
    """Two processes share the port, and the system spreads new connections over them."""
    callers = 24
    settings = {"FACADE_WORKERS": "2", "FACADE_THREADS": str(callers), "SCRAPE_INTERVAL": "3600"}
    with (
        Upstream(hanging, empty) as upstream,
        facade(tmp_path, PROMETHEUS_URL=upstream.url, **settings) as (_, url),
        ThreadPoolExecutor(callers) as pool,
    ):

        def at_once() -> set[bytes]:
            answers = [pool.submit(get, f"{url}/api/nodes?explain=true") for _ in range(callers)]
            return {each.result().content for each in answers}

        def asked(*, constant: bool) -> int:
            return sum((request.form["query"] == "1") is constant for request in upstream.requests)

        first = at_once()
        assert len(first) == 1
        # Each process asks for the time once.
        wait_until(lambda: at_once() == first and asked(constant=True) == 2, 30, "an answer of the second process")
        assert asked(constant=False) == 1
        assert get(f"{url}/api/nodes?explain=true", Cache_Control="no-cache").status_code == 200
        assert asked(constant=False) == 2
