"""docker-compose.yml by itself: pinned, unprivileged, bounded, in order, and complete."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter

import pytest
import yaml

from exporter.config import SETTINGS
from facade import __version__
from facade.config import VARIABLES
from tests.compose.composed import (
    DOCUMENT,
    EXPORTERS,
    ROOT,
    SERVICES,
    health_command,
    mounts,
    variables,
    with_defaults,
)

OURS = (*EXPORTERS, "facade")
VALUES = yaml.safe_load((ROOT / "helm/cloud-monitoring/values.yaml").read_text("utf-8"))


def test_it_follows_the_compose_specification() -> None:
    assert {key for key in DOCUMENT if not key.startswith("x-")} == {"services", "volumes"}
    assert set(SERVICES) == {*OURS, "prometheus", "grafana"}


@pytest.mark.parametrize("service", SERVICES)
def test_images_are_pinned(service: str) -> None:
    assert re.fullmatch(r"[a-z-]+/[a-z-]+:v?\d+\.\d+\.\d+", SERVICES[service]["image"])


def test_versions_agree() -> None:
    assert {SERVICES[name]["image"].partition(":")[2] for name in OURS} == {__version__}
    chart = VALUES["prometheus"]["image"]
    assert SERVICES["prometheus"]["image"] == f"{chart['repository']}:{chart['tag']}"


def test_one_service_builds_each_image_and_nothing_pulls_it() -> None:
    """Several builds that write one name at a time fail; an image of that name somewhere else is not ours."""
    for image, users in {"exporter": EXPORTERS, "facade": ("facade",)}.items():
        building = [name for name in users if "build" in SERVICES[name]]
        assert len(building) == 1
        assert SERVICES[building[0]]["build"] == {"context": ".", "target": image}
        assert all(SERVICES[name]["pull_policy"] == "never" for name in users if name not in building)
        assert {SERVICES[name]["image"] for name in users} == {f"cloud-monitoring/{image}:{__version__}"}


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_has_a_privilege(service: str) -> None:
    settings = SERVICES[service]
    assert settings["read_only"] is True
    assert settings["cap_drop"] == ["ALL"]
    assert settings["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"[1-9]\d*:\d+", settings["user"])
    assert not {"privileged", "cap_add", "devices", "network_mode", "pid", "ipc", "group_add"} & set(settings)


@pytest.mark.parametrize("service", SERVICES)
def test_everything_is_bounded(service: str) -> None:
    settings = SERVICES[service]
    assert re.fullmatch(r"\d+[mg]", settings["mem_limit"])
    assert 0 < settings["cpus"] <= 1, "more than a machine has is refused"
    assert settings["pids_limit"] > 0
    assert settings["restart"] == "unless-stopped"
    assert set(settings["logging"]["options"]) == {"max-size", "max-file"}
    assert all(re.fullmatch(r"/tmp:size=\d+m", mount) for mount in settings.get("tmpfs", ()))


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_a_healthcheck(service: str) -> None:
    command = health_command(service)
    assert command[0] == ("python" if service in OURS else {"prometheus": "promtool", "grafana": "wget"}[service])
    check = SERVICES[service]["healthcheck"]
    assert set(check) - {"test"} == {"interval", "timeout", "start_period", "retries"}


def test_each_starts_after_what_it_asks() -> None:
    order = {name: service.get("depends_on", {}) for name, service in SERVICES.items()}
    assert {name: set(after) for name, after in order.items() if after} == {
        "prometheus": set(EXPORTERS),
        "facade": {"prometheus"},
        "grafana": {"prometheus"},
    }
    assert all(wait == {"condition": "service_healthy"} for after in order.values() for wait in after.values())
    assert set(TopologicalSorter(order).static_order()) == set(SERVICES)


def test_ports_are_published_on_this_machine_alone_and_can_be_chosen() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {
        name: [f"${{BIND_ADDRESS:-127.0.0.1}}:${{{name.upper()}_PORT:-{port}}}:{port}"]
        for name, port in {"prometheus": 9090, "facade": 5000, "grafana": 3000}.items()
    }


def test_what_is_mounted_is_part_of_the_project() -> None:
    found = list(mounts())
    assert len(found) == 4
    for service, path, _, mode in found:
        assert not path.is_absolute()
        assert ".." not in path.parts
        assert mode == "ro", service
        assert (ROOT / path).is_dir(), f"{path}: Docker would make it, empty and root's"
        assert any((ROOT / path).iterdir()), path


def test_every_volume_is_used_once() -> None:
    sources = [volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())]
    assert sorted(source for source in sources if not source.startswith(".")) == sorted(DOCUMENT["volumes"])


@pytest.mark.parametrize("service", OURS)
def test_every_setting_is_one(service: str) -> None:
    known = {variable.name for variable in VARIABLES} if service == "facade" else {item.name for item in SETTINGS}
    assert set(SERVICES[service]["environment"]) <= known


def test_every_variable_is_documented_with_its_default() -> None:
    text = (ROOT / "docs/docker-compose.md").read_text("utf-8")
    missing = [name for name, default in variables().items() if f"`{name}` | `{default}` |" not in text]
    assert missing == []
    assert "$" not in with_defaults("".join(SERVICES["prometheus"]["command"]))
