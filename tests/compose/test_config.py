"""Docker Compose itself reads the file: Debian's package, or whichever `make test` found."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.compose.composed import ROOT, SERVICES, variables

OVERRIDES = {
    "BIND_ADDRESS": "0.0.0.0",
    "FACADE_PORT": "15000",
    "PROMETHEUS_PORT": "19090",
    "GRAFANA_PORT": "13000",
    "GRAFANA_ROLE": "Editor",
    "PROMETHEUS_RETENTION": "90d",
    "PROMETHEUS_RETENTION_SIZE": "20GB",
}


def config(empty: Path, **environment: str) -> dict[str, Any]:
    """What ``docker-compose config`` prints with these variables and no others."""
    empty.touch()
    command = ["docker-compose", "--env-file", str(empty), "--project-directory", str(ROOT), "config"]
    own = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    ended = subprocess.run(command, env=own | environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    document: dict[str, Any] = yaml.safe_load(ended.stdout)
    return document


def published(service: dict[str, Any]) -> tuple[str, int, int]:
    """(address, port on this machine, port in the container). Version 1 prints text, version 2 a mapping."""
    (port,) = service["ports"]
    if isinstance(port, str):
        address, outer, inner = port.removesuffix("/tcp").split(":")
        return address, int(outer), int(inner)
    return port["host_ip"], int(port["published"]), int(port["target"])


def test_it_reads_the_file_without_a_word(tmp_path: Path) -> None:
    services = config(tmp_path / "empty.env")["services"]
    assert set(services) == set(SERVICES)
    assert published(services["facade"]) == ("127.0.0.1", 5000, 5000)
    assert published(services["prometheus"]) == ("127.0.0.1", 9090, 9090)
    assert published(services["grafana"]) == ("127.0.0.1", 3000, 3000)
    assert services["grafana"]["environment"]["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert "--storage.tsdb.retention.time=30d" in services["prometheus"]["command"]
    waits = services["prometheus"]["depends_on"].values()
    assert [wait["condition"] for wait in waits] == ["service_healthy"] * 3


def test_every_variable_reaches_its_place(tmp_path: Path) -> None:
    assert set(OVERRIDES) == set(variables())
    services = config(tmp_path / "empty.env", **OVERRIDES)["services"]
    assert published(services["facade"]) == ("0.0.0.0", 15000, 5000)
    assert published(services["prometheus"]) == ("0.0.0.0", 19090, 9090)
    assert published(services["grafana"]) == ("0.0.0.0", 13000, 3000)
    assert services["grafana"]["environment"]["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Editor"
    assert services["prometheus"]["command"][-2:] == [
        "--storage.tsdb.retention.time=90d",
        "--storage.tsdb.retention.size=20GB",
    ]


@pytest.mark.parametrize("service", ["prometheus", "grafana"])
def test_what_is_mounted_is_found_from_the_projects_folder(tmp_path: Path, service: str) -> None:
    found = config(tmp_path / "empty.env")["services"][service]["volumes"]
    sources = [volume.split(":")[0] if isinstance(volume, str) else volume["source"] for volume in found]
    paths = [Path(source) for source in sources if source.startswith("/")]
    assert paths
    assert all(path.is_relative_to(ROOT) for path in paths)
