"""The exporter as a real process, on the sample fleet."""

from __future__ import annotations

import json
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.harness import Process, free_port, wait_until
from tests.harness.measured import measured
from tests.unit.exporter.golden import check_metrics


def exporter(tmp_path: Path, port: int, *arguments: str, **environment: str) -> Process:
    settings = {"EXPORTER_SOURCE": "sample", "NODE_NAME": "node-1", "EXPORTER_PORT": str(port)}
    settings = measured() | settings | environment
    log_file = tmp_path / f"exporter-{port}.log"
    return Process((sys.executable, "-m", "exporter", *arguments), log_file, settings, Path(__file__).parents[3])


def get(port: int, path: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"http://127.0.0.1:{port}{path}", timeout=5)


def log_lines(process: Process) -> list[dict[str, Any]]:
    return [json.loads(line) for line in process.output().splitlines()]


def test_sigterm_is_followed_by_the_grace_and_a_second_one_ends_it(tmp_path: Path) -> None:
    port = free_port()
    with exporter(tmp_path, port, EXPORTER_SHUTDOWN_GRACE="60") as process:
        process.wait_until_answers(f"http://127.0.0.1:{port}/readyz")
        before = get(port, "/metrics").text
        assert 'cloudmon_node_cpu_usage_seconds_total{node="node-1"}' in before
        assert "process_cpu_seconds_total" in before
        assert check_metrics(before.encode()) == ""

        process.send_signal(signal.SIGTERM)
        wait_until(lambda: get(port, "/readyz").status_code == 503, 5, "an exporter that is not ready")
        assert get(port, "/healthz").status_code == 200
        after = get(port, "/metrics").text
        assert "_total" not in after
        gauges = set(re.findall(r"^# TYPE (\w+) gauge", before, re.MULTILINE))
        assert gauges == set(re.findall(r"^# TYPE (\w+) gauge", after, re.MULTILINE))

        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


@pytest.mark.parametrize(("number", "grace"), [(signal.SIGTERM, "0.2"), (signal.SIGTERM, "0"), (signal.SIGINT, "60")])
def test_it_ends_in_good_order(tmp_path: Path, number: signal.Signals, grace: str) -> None:
    port = free_port()
    with exporter(tmp_path, port, EXPORTER_SHUTDOWN_GRACE=grace) as process:
        process.wait_until_answers(f"http://127.0.0.1:{port}/readyz")
        process.send_signal(number)
        assert process.wait(10) == 0
        assert log_lines(process)[-1]["message"] == "ended"


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "second").mkdir()
    with exporter(tmp_path, port, EXPORTER_SHUTDOWN_GRACE="0") as first:
        first.wait_until_answers(f"http://127.0.0.1:{port}/healthz")
        with exporter(tmp_path / "second", port) as second:
            assert second.wait(20) == 1
            (line,) = log_lines(second)
    assert line["message"] == f"port {port} is in use: stop what listens there, or set EXPORTER_PORT"


def test_every_mistake_of_the_configuration_is_a_line(tmp_path: Path) -> None:
    with exporter(tmp_path, 0, NODE_NAME="", SCRAPE_INTERVAL="x", EXPORTER_SCOPES="node") as process:
        assert process.wait(20) == 2
        assert [(line["level"], line["message"].split()[0]) for line in log_lines(process)] == [
            ("warning", "EXPORTER_SCOPES"),
            ("error", "SCRAPE_INTERVAL"),
            ("error", "NODE_NAME"),
        ]


@pytest.mark.parametrize("kubeconfig", ["", "/nowhere/kubeconfig"])
def test_an_api_server_that_cannot_be_found(tmp_path: Path, kubeconfig: str) -> None:
    settings = {"EXPORTER_SOURCE": "kubelet", "EXPORTER_SCOPE": "cluster", "KUBECONFIG": kubeconfig}
    with exporter(tmp_path, 0, **settings) as process:
        assert process.wait(20) == 2
        (line,) = log_lines(process)
    assert line["message"].startswith("KUBECONFIG must name a kubeconfig")
    assert kubeconfig in line["message"]


@pytest.mark.parametrize(("argument", "status"), [("--help", 0), ("--port=1", 2)])
def test_help(tmp_path: Path, argument: str, status: int) -> None:
    with exporter(tmp_path, 0, argument) as process:
        assert process.wait(20) == status
        assert "EXPORTER_SHUTDOWN_GRACE" in process.output()
