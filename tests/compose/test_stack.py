"""The services of docker-compose.yml as processes of this machine: its settings, configuration and healthchecks work.

Only addresses are others: loopback ports take the place of the services' names. Prometheus scrapes every second, so
that nobody waits for a quarter of a minute; everything else is as the file has it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.compose.composed import EXPORTERS, SERVICES, health_command, mounted, with_defaults
from tests.harness import Process, Prometheus, free_ports
from tests.harness.facade_process import facade, get
from tests.harness.measured import measured
from tests.harness.waiting import wait_until

NAMES = (*EXPORTERS, "facade", "prometheus")


@dataclass(frozen=True)
class Stack:
    ports: Mapping[str, int]
    prometheus: Prometheus

    def api(self, path: str) -> Any:
        answer = get(f"http://127.0.0.1:{self.ports['facade']}{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def health(self, service: str) -> subprocess.CompletedProcess[str]:
        """The healthcheck, run beside the process as it is run in the container."""
        command = [sys.executable if word == "python" else word for word in health_command(service)]
        command = [word.replace(":9090", f":{self.ports['prometheus']}") for word in command]
        port = {"PORT" if service == "facade" else "EXPORTER_PORT": str(self.ports[service])}
        # A proxy that nobody can reach: what asks its own container must not ask through one.
        environment = {"PATH": os.environ["PATH"], "http_proxy": "http://127.0.0.1:1", **port}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def prometheus_yaml(addresses: Mapping[str, str]) -> str:
    """prometheus.yml with these addresses, which scrapes every second and has its rules beside it."""
    config = yaml.safe_load((mounted("prometheus", "/etc/prometheus") / "prometheus.yml").read_text("utf-8"))
    config["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s"}
    config["rule_files"] = [Path(pattern).name for pattern in config["rule_files"]]
    for job in config["scrape_configs"]:
        for group in job["static_configs"]:
            group["targets"] = [addresses[target] for target in group["targets"]]
    return yaml.safe_dump(config)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("compose")
    ports = dict(zip(NAMES, free_ports(len(NAMES)), strict=True))
    inside = {**dict.fromkeys(EXPORTERS, 9477), "facade": 5000}
    addresses = {f"{name}:{port}": f"127.0.0.1:{ports[name]}" for name, port in inside.items()}
    addresses["localhost:9090"] = f"127.0.0.1:{ports['prometheus']}"
    rules = {path.name: path.read_text("utf-8") for path in mounted("prometheus", "/etc/prometheus").glob("rules/*")}
    flags = [with_defaults(flag) for flag in SERVICES["prometheus"]["command"]]
    own = ("--config.file=", "--storage.tsdb.path=")
    assert [flag for flag in flags if flag.startswith(own)] == [
        f"{own[0]}/etc/prometheus/prometheus.yml",
        f"{own[1]}/prometheus",
    ]
    with ExitStack() as running:
        for name in EXPORTERS:
            environment = SERVICES[name]["environment"] | {"EXPORTER_PORT": str(ports[name])}
            command = (sys.executable, "-m", "exporter")
            running.enter_context(Process(command, folder / f"{name}.log", {**measured(), **environment}))
        prometheus = running.enter_context(
            Prometheus(
                prometheus_yaml(addresses),
                rules,
                port=ports["prometheus"],
                extra_flags=tuple(flag for flag in flags if not flag.startswith(own)),
            )
        )
        settings = SERVICES["facade"]["environment"]
        url = settings["PROMETHEUS_URL"].replace("prometheus:9090", addresses["localhost:9090"])
        running.enter_context(facade(folder, **{**settings, "PROMETHEUS_URL": url, "PORT": str(ports["facade"])}))
        yield Stack(ports, prometheus)


@pytest.mark.parametrize("service", NAMES)
def test_healthchecks_succeed(stack: Stack, service: str) -> None:
    wait_until(lambda: stack.health(service).returncode == 0, 20, f"{service} to be healthy")


@pytest.mark.parametrize("service", NAMES)
def test_healthchecks_can_fail(service: str, stack: Stack) -> None:
    nobody = Stack(dict.fromkeys(NAMES, 1), stack.prometheus)
    assert nobody.health(service).returncode != 0


def test_every_target_is_up(stack: Stack) -> None:
    found = stack.prometheus.wait_for("up == 1", condition=lambda samples: len(samples) == len(NAMES))
    labels = {(sample.labels["job"], sample.labels["instance"]) for sample in found}
    assert labels == {
        ("cloudmon", "node-1"),
        ("cloudmon", "node-2"),
        ("cloudmon", "cluster"),
        ("cloudmon-facade", "facade"),
        ("cloudmon-prometheus", "prometheus"),
    }
    assert {sample.labels["cluster"] for sample in found} == {"sample"}


def test_the_api_has_the_whole_fleet(stack: Stack) -> None:
    def known(path: str, names: set[str], *keys: tuple[str, str]) -> list[dict[str, Any]]:
        """The list's items, once it has these names and values: each process of the API has a clock of its own, and
        what it answers from may be a second before the first scrape."""
        items: list[dict[str, Any]] = stack.api(path)["items"]
        complete = all(item[group][key] is not None for item in items for group, key in keys)
        return items if complete and {item["name"] for item in items} == names else []

    usage = ("usage", "cpu_cores"), ("usage", "memory_working_set_bytes")
    nodes = wait_until(
        lambda: known("/api/nodes", {"node-1", "node-2"}, *usage, ("capacity", "cpu_cores")), 20, "the fleet's nodes"
    )
    assert all(node["capacity"]["cpu_cores"] > node["usage"]["cpu_cores"] > 0 for node in nodes)
    pods = {"web-server-1", "app-backend-1", "prometheus-1"}
    assert wait_until(lambda: known("/api/pods", pods, *usage, ("requests", "cpu_cores")), 20, "the fleet's pods")
    assert stack.api("/healthz")
    assert stack.api("/readyz")
