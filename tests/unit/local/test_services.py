"""What each process of a run is started with, how readiness is told, and what someone with a cluster hears."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from local.errors import NotAnswering
from local.kubeconfig import how_to_reach_a_cluster, kubeconfig_of
from local.prometheus_binary import Binaries
from local.readiness import named_urls, wait_for
from local.services import Service, ready_urls, services, summary
from local.settings import settings
from tests.harness import Process, free_port

ENVIRONMENT = {"PATH": "/bin", "KUBECONFIG": "/k", "EXPORTER_CONTAINERS": "all", "NODE_NAME": "real", "DEBUG": "false"}


@pytest.fixture
def started(tmp_path: Path) -> dict[str, Service]:
    read = settings({"DATA_DIR": tmp_path / "with space", "SCRAPE_INTERVAL": "2.5", "PORT": "5001"}, {})
    binaries = Binaries(Path("/opt/prometheus"), Path("/opt/promtool"))
    return {service.name: service for service in services(read, binaries, tmp_path / "p.yml", ENVIRONMENT)}


def test_exporters_are_of_the_sample_fleet_whatever_the_environment_says(started: dict[str, Service]) -> None:
    node = started["node-1"].environment
    assert {name: value for name, value in node.items() if name.startswith(("EXPORTER_", "NODE_", "KUBE"))} == {
        "EXPORTER_SOURCE": "sample",
        "EXPORTER_SCOPE": "node",
        "EXPORTER_ADDRESS": "127.0.0.1",
        "EXPORTER_PORT": "9477",
        "EXPORTER_SHUTDOWN_GRACE": "0",
        "NODE_NAME": "node-1",
    }
    assert node["SCRAPE_INTERVAL"] == "2.5"
    assert node["PATH"] == "/bin"
    cluster = started["cluster"].environment
    assert (cluster["EXPORTER_SCOPE"], cluster["EXPORTER_PORT"]) == ("cluster", "9479")
    assert "NODE_NAME" not in cluster


def test_prometheus_waits_for_the_exporters_and_keeps_its_data(started: dict[str, Service], tmp_path: Path) -> None:
    words = shlex.split(started["prometheus"].command)
    before, after = words[: words.index("--")], words[words.index("--") + 1 :]
    assert before[:4] == ["exec", sys.executable, "-m", "local.after"]
    assert [word.partition("=")[0] for word in before[4:]] == ["node-1", "node-2", "cluster"]
    assert after[:2] == ["/opt/prometheus", f"--config.file={tmp_path / 'p.yml'}"]
    assert f"--storage.tsdb.path={tmp_path / 'with space' / 'prometheus'}" in after


def test_the_facade_is_told_where_prometheus_is_and_keeps_the_users_settings(started: dict[str, Service]) -> None:
    facade = started["facade"].environment
    assert facade["PROMETHEUS_URL"] == "http://127.0.0.1:9090"
    assert (facade["HOST"], facade["PORT"], facade["DEBUG"]) == ("127.0.0.1", "5001", "false")
    assert facade["SCRAPE_INTERVAL"] == "2.5"


def test_the_summary_names_every_url_and_that_the_numbers_are_made_up() -> None:
    read = settings({}, {})
    text = summary(read)
    assert all(read.url(name) in text for name in ready_urls(read))
    assert 'cluster="sample"' in text


# --- readiness ------------------------------------------------------------------------------------------------------


@contextmanager
def answering(*codes: int) -> Iterator[str]:
    """A server that answers with each of ``codes`` once, then always with the last."""
    left = list(codes)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(left.pop(0) if len(left) > 1 else left[0])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/readyz"
        finally:
            server.shutdown()
            thread.join()


def test_waiting_ends_when_the_last_one_answers() -> None:
    said: list[str] = []
    with answering(200) as quick, answering(503, 503, 200) as slow:
        wait_for({"quick": quick, "slow": slow}, 10, said.append, pause=lambda _: None)
    assert [line.split()[0] for line in said] == ["quick", "slow"]


def test_waiting_names_those_that_did_not_answer() -> None:
    nobody = f"http://127.0.0.1:{free_port()}/readyz"
    times = iter(range(100))
    with answering(200) as fine, answering(503) as unready:
        urls = {"fine": fine, "unready": unready, "absent": nobody}
        with pytest.raises(NotAnswering) as raised:
            wait_for(urls, 5, lambda _: None, clock=lambda: next(times), pause=lambda _: None)
    assert str(raised.value) == (f"after 5 s: unready at {unready} answers 503; absent at {nobody} does not answer")


def test_after_becomes_the_program_once_everything_answers(tmp_path: Path) -> None:
    with answering(503, 200) as url:
        command = [sys.executable, "-m", "local.after", f"one={url}", "--", "/bin/echo", "--", "now"]
        with Process(command, tmp_path / "log", directory=Path.cwd()) as process:
            assert process.wait(20) == 0
            assert process.output() == "-- now\n"


def test_announce_prints_and_stays(tmp_path: Path) -> None:
    with answering(200) as url:
        command = [sys.executable, "-m", "local.announce", "all is well", f"one={url}"]
        with Process(command, tmp_path / "log", directory=Path.cwd()) as process:
            process.wait_until_answers(url)
            with pytest.raises(Exception, match="still runs"):
                process.wait(1.5)
            assert process.output().endswith("all is well\n")


def test_named_urls() -> None:
    assert named_urls(["a=http://x/?b=c"]) == {"a": "http://x/?b=c"}


# --- a real cluster -------------------------------------------------------------------------------------------------


def test_the_kubeconfig_is_the_one_that_clients_would_use(tmp_path: Path) -> None:
    home, given = tmp_path / "home", tmp_path / "given"
    assert kubeconfig_of({}, home) is None
    (home / ".kube").mkdir(parents=True)
    (home / ".kube/config").touch()
    assert kubeconfig_of({}, home) == home / ".kube/config"
    assert kubeconfig_of({"KUBECONFIG": f"{given}"}, home) is None
    given.touch()
    assert kubeconfig_of({"KUBECONFIG": f"/nonexistent:{given}"}, home) == given


def test_someone_with_a_cluster_is_told_how_to_reach_it(tmp_path: Path) -> None:
    text = how_to_reach_a_cluster(tmp_path)
    assert "EXPORTER_SOURCE=kubelet EXPORTER_SCOPE=node" in text
    assert "EXPORTER_SCOPE=cluster" in text
    assert str(tmp_path) in text
