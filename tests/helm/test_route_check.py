"""The script that `helm test` runs knows every route, and its exit code tells the truth."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from facade.app import create_app
from facade.config import Settings
from facade.prometheus import PrometheusClient
from local.chart import CHART, objects, render
from promql.config import prometheus_config
from promql.rules import rules_file
from tests.harness import Process, Prometheus, free_port, free_ports
from tests.helm.cases import one

SCRIPT = CHART / "files" / "check_routes.py"
FAST = {"SCRAPE_INTERVAL": "1", "DETAIL_INTERVAL": "2", "STORAGE_INTERVAL": "2"}


def checked(url: str, wait_seconds: float, log: Path) -> tuple[int, list[str]]:
    with Process((sys.executable, str(SCRIPT), url, str(wait_seconds)), log) as process:
        return process.wait(90), process.output().splitlines()


def facade(port: int, prometheus: str, log: Path) -> Process:
    environment = {"PORT": str(port), "HOST": "127.0.0.1", "PROMETHEUS_URL": prometheus, "FACADE_WORKERS": "1", **FAST}
    return Process((sys.executable, "-m", "facade"), log, environment)


@pytest.fixture
def sample_fleet(tmp_path: Path) -> Iterator[str]:
    """The URL of a facade over the sample fleet, which has only begun to be scraped."""
    node, cluster, port = free_ports(3)
    config = prometheus_config({"node-1": f"127.0.0.1:{node}"}, f"127.0.0.1:{cluster}", "sample", 1, ["rules.yml"])
    with ExitStack() as started:
        for exporter, scope in ((node, "node"), (cluster, "cluster")):
            environment = {
                "EXPORTER_SOURCE": "sample",
                "EXPORTER_SCOPE": scope,
                "EXPORTER_PORT": str(exporter),
                "NODE_NAME": "node-1",
                "EXPORTER_SHUTDOWN_GRACE": "0",
            }
            command = (sys.executable, "-m", "exporter")
            started.enter_context(Process(command, tmp_path / f"{scope}.log", environment))
        prometheus = started.enter_context(Prometheus(config, {"rules.yml": rules_file(1, 2)}))
        process = started.enter_context(facade(port, prometheus.url, tmp_path / "facade.log"))
        process.wait_until_answers(f"http://127.0.0.1:{port}/healthz")
        yield f"http://127.0.0.1:{port}"


def routes() -> tuple[str, ...]:
    source = SCRIPT.read_text("utf-8")
    found: dict[str, tuple[str, ...]] = {}
    exec(compile(source.replace("__main__", "not run"), str(SCRIPT), "exec"), found)
    return found["ROUTES"]


def test_it_calls_every_route_there_is() -> None:
    settings = Settings.from_environment({})
    rules = create_app(settings, PrometheusClient(settings)).url_map.iter_rules()
    called = {route.partition("?")[0] for route in routes()}
    assert called == {rule.rule for rule in rules if rule.endpoint != "static"}


def test_all_routes_of_the_sample_fleet_answer(sample_fleet: str, tmp_path: Path) -> None:
    code, lines = checked(sample_fleet, 60, tmp_path / "check.log")
    assert code == 0, lines
    assert lines[-1] == f"{len(routes())} of {len(routes())} routes answered 200"


def test_a_facade_without_prometheus_fails(tmp_path: Path) -> None:
    port = free_port()
    with facade(port, f"http://127.0.0.1:{free_port()}", tmp_path / "facade.log") as process:
        process.wait_until_answers(f"http://127.0.0.1:{port}/healthz")
        code, lines = checked(f"http://127.0.0.1:{port}", 0, tmp_path / "check.log")
    assert code == 1
    assert any(line.startswith("FAILED /api/nodes: 503") for line in lines)
    assert "200 /healthz" in lines


def test_the_pod_asks_the_service() -> None:
    found = objects(render({"facade": {"service": {"port": 8080}}}))
    (container,) = one(found, "Pod", "-test")["spec"]["containers"]
    assert container["command"][:2] == ["python", "-c"]
    assert container["command"][2].strip() == SCRIPT.read_text("utf-8").strip()
    assert container["command"][3] == "http://cloud-monitoring-facade.cloud-monitoring.svc:8080"
    # Kubernetes would replace what looks like a variable.
    assert "$(" not in container["command"][2]
