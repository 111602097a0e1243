"""The facade as it is run: ``python -m facade``, from its start to its end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
import requests

from facade import __version__
from facade.config import VARIABLES
from tests.harness import Process, free_port, wait_until
from tests.harness.facade_process import COMMAND, facade, get
from tests.harness.measured import measured
from tests.harness.upstream import Upstream, answering, hanging, success

CONSTANT = success("scalar", [0, "1"])


def finished(tmp_path: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """The exit status and output of a facade that ends by itself."""
    with Process((*COMMAND, *arguments), tmp_path / "finished.log", measured() | environment) as process:
        return process.wait(), process.output()


def test_it_answers_logs_and_counts_over_its_processes(tmp_path: Path) -> None:
    with Upstream(answering(CONSTANT)) as upstream, facade(tmp_path, PROMETHEUS_URL=upstream.url) as (process, url):
        assert get(f"{url}/readyz").json() == {"status": "ok"}
        index = get(url)
        assert (index.status_code, index.json()["version"]) == (200, __version__)
        assert "<h1>Cloud Monitoring</h1>" in get(url, Accept="text/html").text
        problem = get(f"{url}/nothing")
        assert (problem.status_code, problem.headers["Content-Type"]) == (404, "application/problem+json")
        ready = 'cloudmon_facade_requests_total{method="GET",route="/readyz",status="200"} '
        for count in range(2, 22):  # whichever process answers
            get(f"{url}/readyz")
            assert f"{ready}{count}.0" in get(f"{url}/metrics").text.splitlines()
        assert process.terminate() == 0
        lines = [json.loads(line) for line in process.output().splitlines()]
        assert {line["message"] for line in lines} == {"serving", "process started", "request"}
        assert sum(line.get("route") == "/readyz" for line in lines) == 21


def test_it_listens_on_all_addresses_and_on_the_one_it_is_told(tmp_path: Path) -> None:
    with facade(tmp_path) as (_, url):
        if socket.has_ipv6:
            assert get(url.replace("127.0.0.1", "[::1]") + "/healthz").status_code == 200
    with facade(tmp_path, HOST="127.0.0.1") as (_, url), pytest.raises(requests.ConnectionError):
        get(url.replace("127.0.0.1", "127.0.0.2") + "/healthz")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_and_answers_what_it_had_begun(tmp_path: Path, number: signal.Signals) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow(connection: socket.socket, ending: threading.Event) -> None:
        asked.set()
        assert go_on.wait(10)
        answering(CONSTANT)(connection, ending)

    answers: list[requests.Response] = []
    with Upstream(slow) as upstream, facade(tmp_path, PROMETHEUS_URL=upstream.url) as (process, url):
        thread = threading.Thread(target=lambda: answers.append(get(f"{url}/readyz")))
        thread.start()
        with requests.Session() as idle:  # a connection that is kept open and silent does not hold it up
            idle.get(f"{url}/healthz", timeout=5)
            assert asked.wait(10)
            process.send_signal(number)
            wait_until(lambda: not listening(url), 10, "no new connections")
            go_on.set()
            assert process.wait(10) == 0
        thread.join()
    assert answers[0].json() == {"status": "ok"}


def listening(url: str) -> bool:
    try:
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=1).close()
    except OSError:
        return False
    return True


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for environment in ({"PORT": str(port)}, {"PORT": str(port), "HOST": "127.0.0.1"}):
            status, output = finished(tmp_path, **environment)
            assert status == 2
            assert output.splitlines()[-1].startswith("facade: cannot listen on ")
            assert f"port {port}: Address already in use" in output


def test_a_second_facade_does_not_share_the_firsts_port(tmp_path: Path) -> None:
    with facade(tmp_path) as (_, url):
        status, output = finished(tmp_path, PORT=url.rpartition(":")[2])
    assert status == 2
    assert len(output.splitlines()) == 1


def test_an_address_of_another_machine_is_one_clear_line(tmp_path: Path) -> None:
    status, output = finished(tmp_path, HOST="192.0.2.1", PORT=str(free_port()))
    assert status == 2
    assert output.startswith("facade: cannot listen on 192.0.2.1, port ")
    assert len(output.splitlines()) == 1


def test_every_mistake_of_the_environment_is_a_line(tmp_path: Path) -> None:
    status, output = finished(tmp_path, PORT="0", DEBUG="?", PROMETHEUS_URL="http://me:s3cret@", MAX_DATA_POINTS="many")
    assert status == 2
    assert {line.split(":")[1].strip() for line in output.splitlines()} == {
        "PORT", "DEBUG", "PROMETHEUS_URL", "MAX_DATA_POINTS",
    }  # fmt: skip
    assert "s3cret" not in output


def test_help_names_every_variable(tmp_path: Path) -> None:
    status, output = finished(tmp_path, "--help")
    assert status == 0
    for variable in VARIABLES:
        assert variable.name in output
        assert variable.meaning in output


def test_the_version_is_told(tmp_path: Path) -> None:
    assert finished(tmp_path, "--version") == (0, f"{__version__}\n")


def test_a_process_that_dies_is_replaced_and_takes_what_it_had_in_flight_with_it(tmp_path: Path) -> None:
    with (
        Upstream(hanging) as upstream,
        facade(tmp_path, PROMETHEUS_URL=upstream.url, FACADE_WORKERS="2") as (process, url),
    ):
        threading.Thread(target=lambda: get_or_nothing(f"{url}/readyz")).start()
        wait_until(lambda: upstream.requests, 10, "the request's query")
        in_flight = "cloudmon_facade_requests_in_flight 2.0"  # that request, and the scrape
        assert in_flight in get(f"{url}/metrics").text
        for worker in workers(process.output()):
            os.kill(worker, signal.SIGKILL)
        wait_until(
            lambda: in_flight.replace("2", "1") in get_or_nothing(f"{url}/metrics"), 20, "a new process's answer"
        )
        assert process.terminate() == 0


def workers(output: str) -> list[int]:
    """The processes that serve, of which each says in the log that it has started."""
    lines = (json.loads(line) for line in output.splitlines())
    return [line["process"] for line in lines if line["message"] == "process started"]


def get_or_nothing(url: str) -> str:
    try:
        return get(url).text
    except requests.RequestException:
        return ""


def test_its_processes_end_with_it_even_when_it_is_killed(tmp_path: Path) -> None:
    with facade(tmp_path) as (process, url):
        process.kill()
        wait_until(lambda: not listening(url), 10, "a free port")


def test_idle_connections_shut_nobody_out(tmp_path: Path) -> None:
    with facade(tmp_path, FACADE_WORKERS="1", FACADE_THREADS="1") as (_, url):
        sessions = [requests.Session() for _ in range(50)]
        try:
            for session in sessions:
                assert session.get(f"{url}/healthz", timeout=5).status_code == 200
        finally:
            for session in sessions:
                session.close()


def test_more_requests_than_threads_get_429_and_health_still_answers(tmp_path: Path) -> None:
    settings: Mapping[str, str] = {"FACADE_WORKERS": "1", "FACADE_THREADS": "1", "PROMETHEUS_TIMEOUT": "5"}
    with Upstream(hanging) as upstream, facade(tmp_path, PROMETHEUS_URL=upstream.url, **settings) as (_, url):
        first: list[requests.Response] = []
        thread = threading.Thread(target=lambda: first.append(get(url)))
        thread.start()
        wait_until(lambda: upstream.requests, 10, "the first request's query")
        started = time.monotonic()
        refused = get(url)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
        assert get(f"{url}/healthz").status_code == 200
        assert time.monotonic() - started < 2
        thread.join()
        assert first[0].status_code == 503


def first_line(connection: socket.socket) -> bytes:
    """Of the answer, or nothing where the connection was closed in place of one."""
    try:
        return connection.recv(65536).partition(b"\r\n")[0]
    except OSError:
        return b""


def test_what_is_not_http_is_refused_and_harms_nobody(tmp_path: Path) -> None:
    with facade(tmp_path) as (process, url):
        port = int(url.rpartition(":")[2])
        for garbage in (
            b"\x16\x03\x01\x02\x00",
            b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n",
            b"GET /?explain=\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /" + b"a" * 500_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /api/pods/%00%ff%22 HTTP/1.1\r\nHost: x y\r\n\r\n",
            b"POST /api/pods HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        ):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                with contextlib.suppress(OSError):  # it may have answered and closed before the last byte
                    connection.sendall(garbage)
                    connection.shutdown(socket.SHUT_WR)
                assert b" 500 " not in first_line(connection)
        assert get(f"{url}/healthz").status_code == 200
        assert process.terminate() == 0
        assert "raceback" not in process.output()
