"""docker-compose.yml as the tests read it: its services, and what each of them would be run with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
TEXT: Final = (ROOT / "docker-compose.yml").read_text("utf-8")
DOCUMENT: Final[dict[str, Any]] = yaml.safe_load(TEXT)
SERVICES: Final[dict[str, dict[str, Any]]] = DOCUMENT["services"]
EXPORTERS: Final = ("exporter-node-1", "exporter-node-2", "exporter-cluster")
# ${NAME:-default}, the only form that the file uses.
VARIABLE: Final = re.compile(r"\$\{([A-Z_]+):-([^}]*)\}")


def variables() -> dict[str, str]:
    """Every variable of the file with its default."""
    return dict(VARIABLE.findall(TEXT))


def with_defaults(text: str) -> str:
    """``text`` as Compose reads it where no variable is set."""
    return VARIABLE.sub(lambda match: match[2], text)


def mounts() -> Iterator[tuple[str, Path, str, str]]:
    """(service, path below the root, path in the container, mode) of everything mounted from this machine."""
    for name, service in SERVICES.items():
        for volume in service.get("volumes", ()):
            source, target, *mode = volume.split(":")
            if source not in DOCUMENT["volumes"]:
                yield name, Path(source), target, ":".join(mode)


def mounted(service: str, target: str) -> Path:
    """What a service finds at ``target``, on this machine."""
    (found,) = [ROOT / path for name, path, at, _ in mounts() if (name, at) == (service, target)]
    return found


def health_command(service: str) -> list[str]:
    """What is run in the service's container: its own test, else the HEALTHCHECK of the image that is built here."""
    test = SERVICES[service]["healthcheck"].get("test")
    if test is not None:
        assert test[0] == "CMD"
        return [str(word) for word in test[1:]]
    return image_health_commands()[SERVICES[service]["image"]]


def image_health_commands() -> Mapping[str, list[str]]:
    """The HEALTHCHECK of every image that the file builds, by the image's name."""
    stages = re.split(r"^FROM .* AS (\S+)$", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    texts = dict(zip(stages[1::2], stages[2::2], strict=True))
    found = {}
    for service in SERVICES.values():
        if "build" in service:
            (command,) = re.findall(r"^HEALTHCHECK .*\\\n\s+CMD (.+)$", texts[service["build"]["target"]], re.MULTILINE)
            found[service["image"]] = json.loads(command)
    return found
