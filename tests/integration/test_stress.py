"""``tests/run_stress_test.sh`` as it is run: against real facades on real stores, a broken one, and none."""

from __future__ import annotations

import json
import re
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from werkzeug.serving import WSGIRequestHandler, make_server

from exporter.sample import NODES, samples
from tests.harness import Process, Prometheus, free_port, wait_until
from tests.harness.fleet import DAY, Fleet, FleetPod, Sample
from tests.harness.store import application, store
from tests.harness.upstream import Upstream, answering

SCRIPT = Path(__file__).parent.parent / "run_stress_test.sh"
NOW = 1794484807.0
STATUS_ROW = re.compile(r"^(/\S*) +(\d+) +(\d+) +(\d+) ", re.MULTILINE)
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def stress(log: Path, directory: Path | None = None, **environment: str) -> tuple[int, str]:
    """The exit status and all output of the script."""
    settings = {"STRESS_SECONDS": "2", "STRESS_TIMEOUT": "10", **environment}
    with Process((str(SCRIPT),), log, settings, directory) as process:
        return process.wait(60), process.output()


def rows(output: str) -> dict[str, tuple[int, int, int]]:
    """(requests, errors, 429) of every route in the table."""
    return {route: (int(a), int(b), int(c)) for route, a, b, c in STATUS_ROW.findall(output)}


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Thousands of requests are not worth a line each."""


@contextmanager
def serving(wsgi: Wsgi) -> Iterator[str]:
    """The URL of a server of this process, with a thread a connection."""
    server = make_server("127.0.0.1", 0, wsgi, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prometheus, float]]:
    """The sample fleet's last hour, until now: a facade that is a process goes by Prometheus's clock."""
    now = time.time()
    with store(tmp_path_factory.mktemp("stress") / "data", samples, NODES, now, 3600) as prometheus:
        yield prometheus, now


def paths_of(url: str) -> set[str]:
    with requests.Session() as session:
        session.trust_env = False
        return set(session.get(f"{url}/openapi.json", timeout=10).json()["paths"])


def test_every_route_of_a_facade_is_called_and_answers_as_it_should(
    tmp_path: Path, sample: tuple[Prometheus, float]
) -> None:
    port = free_port()
    environment = {"PORT": str(port), "PROMETHEUS_URL": sample[0].url, "DEBUG": "false", "FACADE_WORKERS": "1"}
    with Process(
        (sys.executable, "-m", "facade"), tmp_path / "facade.log", environment, SCRIPT.parent.parent
    ) as facade:
        url = f"http://127.0.0.1:{port}"
        facade.wait_until_answers(f"{url}/healthz")
        status, output = stress(tmp_path / "stress.log", tmp_path, API_BASE_URL=f"{url}/", STRESS_SECONDS="6")
        assert status == 0, output
        table = rows(output)
        assert table.keys() == paths_of(url) | {"/"}
        assert all(called > 0 and errors == 0 for called, errors, _ in table.values())
        assert re.search(r"[56] of 6 s, \d+ requests, 0 errors", output)
        assert output.endswith("Every route answered as it should.\n")
        assert "arning" not in output


NOT_FOUND = {"type": "x", "title": "Not found", "status": 404, "detail": "There is none."}


def test_routes_that_fail_are_named_with_the_first_example(tmp_path: Path, sample: tuple[Prometheus, float]) -> None:
    """One with an error, and one that does not find what is listed."""
    prometheus, now = sample
    with application(prometheus.url, now) as client:

        def broken(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            if environ["PATH_INFO"] == "/api/namespaces":
                start("500 Internal Server Error", [("Content-Type", "text/html")])
                return [b"<h1>Traceback</h1>"]
            if environ["PATH_INFO"] == "/api/nodes/node-1":
                start("404 Not Found", [("Content-Type", "application/problem+json")])
                return [json.dumps(NOT_FOUND).encode()]
            return client.application(environ, start)

        with serving(broken) as url:
            status, output = stress(tmp_path / "stress.log", API_BASE_URL=url)
    assert status == 1
    failing = {route for route, (_, errors, _) in rows(output).items() if errors}
    assert failing == {"/api/namespaces", "/api/nodes/{node}"}
    assert "× status 500, not 200: <h1>Traceback</h1>\n    first: GET /api/namespaces" in output
    assert "× status 404, not 200: " in output
    assert output.endswith("FAILED\n")


def pods_of(cluster: str) -> Fleet:
    web = ("Deployment", "web")
    made = [FleetPod(place, "web-1", f"{cluster}-{place}", web, created=NOW - DAY) for place in ("shop", "infra")]
    deployments = (("shop", "web", 1), ("infra", "web", 1))
    return Fleet(
        tuple(made), namespaces=("shop", "infra", "empty"), deployments=deployments, labels={"cluster": cluster}
    )


def two_clusters(scope: str, node: str, time: float) -> Iterator[Sample]:
    for cluster in ("east", "west"):
        yield from pods_of(cluster).samples(scope, node, time)


def test_names_that_several_namespaces_and_clusters_have(tmp_path: Path) -> None:
    stored = store(tmp_path / "data", two_clusters, ("n1",), NOW, 1800, None)
    with stored as prometheus, application(prometheus.url, NOW) as client, serving(client.application) as url:
        status, output = stress(tmp_path / "stress.log", API_BASE_URL=url)
    assert status == 0, output
    assert "4 pods" in output


def test_an_empty_store(tmp_path: Path) -> None:
    with (
        Prometheus("scrape_configs: []\n") as prometheus,
        application(prometheus.url, time.time()) as client,
        serving(client.application) as url,
    ):
        status, output = stress(tmp_path / "stress.log", API_BASE_URL=url)
        assert rows(output).keys() == paths_of(url) | {"/"}
    assert status == 0, output
    assert "0 pods" in output


GHOST = {"items": [{"name": "ghost", "namespace": "default"}], "total": 1, "time": "2026-11-12T12:00:00Z"}
BUSY = {"type": "x", "title": "Too many requests", "status": 429, "detail": "try again"}


def test_what_is_busy_is_asked_again_and_what_goes_meanwhile_is_no_error(
    tmp_path: Path, sample: tuple[Prometheus, float]
) -> None:
    prometheus, now = sample
    with application(prometheus.url, now) as client:
        taken, first = threading.Semaphore(2), threading.Semaphore()

        def moody(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            if environ["PATH_INFO"] == "/healthz" and taken.acquire(blocking=False):
                start("429 Too Many Requests", [("Content-Type", "application/problem+json"), ("Retry-After", "1")])
                return [json.dumps(BUSY).encode()]
            if environ["PATH_INFO"] == "/api/pods" and first.acquire(blocking=False):
                start("200 OK", [("Content-Type", "application/json")])
                return [json.dumps(GHOST).encode()]
            return client.application(environ, start)

        with serving(moody) as url:
            status, output = stress(tmp_path / "stress.log", API_BASE_URL=url)
    assert status == 0, output
    assert rows(output)["/healthz"][1:] == (0, 2)
    assert "2 times the facade asked to come back later (429)" in output
    assert re.search(r"^\d+ times something had gone since it was listed", output, re.MULTILINE)


def test_without_an_environment_it_makes_one_first(tmp_path: Path) -> None:
    (tmp_path / "tests/stress").mkdir(parents=True)
    shutil.copy(SCRIPT, tmp_path / "tests")
    (tmp_path / "tests/stress/__main__.py").write_text("import os\nprint('in', os.getcwd())\n")
    (tmp_path / "Makefile").write_text(f"setup:\n\tln -s {sys.prefix} .venv\n")
    with Process((str(tmp_path / "tests" / SCRIPT.name),), tmp_path / "stress.log") as process:
        assert process.wait() == 0, process.output()
        assert "running make setup" in process.output()
        assert process.output().endswith(f"in {tmp_path}\n")


def test_where_nothing_listens(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    status, output = stress(tmp_path / "stress.log", API_BASE_URL=url)
    assert (status, output) == (
        2,
        f"stress: {url} does not answer (nothing listens there): start a facade with `make run`, or set API_BASE_URL\n",
    )


def test_what_is_no_cloud_monitoring(tmp_path: Path) -> None:
    with Upstream(answering("hello")) as upstream:
        url = upstream.url
        status, output = stress(tmp_path / "stress.log", API_BASE_URL=url)
    assert status == 2
    assert output == f"stress: what answers at {url} is not Cloud Monitoring (status 200): see API_BASE_URL\n"


def test_settings_that_cannot_be_used_are_a_line_each(tmp_path: Path) -> None:
    status, output = stress(tmp_path / "stress.log", API_BASE_URL="localhost:5000", STRESS_USERS="many")
    assert status == 2
    assert [line.split(":")[1].strip() for line in output.splitlines()] == ["STRESS_USERS", "API_BASE_URL"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_test_reports_what_it_has(
    tmp_path: Path, sample: tuple[Prometheus, float], number: signal.Signals
) -> None:
    prometheus, now = sample
    asked: list[str] = []
    with application(prometheus.url, now) as client:

        def counted(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            asked.append(environ["PATH_INFO"])
            return client.application(environ, start)

        with serving(counted) as url:
            settings = {"API_BASE_URL": url, "STRESS_SECONDS": "300"}
            with Process((str(SCRIPT),), tmp_path / "stress.log", settings) as process:
                # Each route comes once in these, the lists once more before it begins.
                wait_until(lambda: len(asked) > 60, 30, "calls of every route")
                process.send_signal(number)
                assert process.wait(30) == 130
                assert rows(process.output())["/api/pods"][0] > 0
                assert "Traceback" not in process.output()
