"""The Dockerfile without an engine: what each image holds, and that its lock is the project's."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from facade import __version__

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ("exporter", "facade")
_PIN = re.compile(r"^([a-z0-9._-]+)==([^ ;]+)")


def instructions(stage: str) -> list[tuple[str, str]]:
    """The instructions of a stage of the Dockerfile, each on one line."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text("utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    starts = [number for number, line in enumerate(lines) if line.startswith("FROM ")]
    (start,) = [number for number in starts if lines[number].endswith(f" AS {stage}")]
    end = min((number for number in starts if number > start), default=len(lines))
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines[start:end])]


def of(stage: str, name: str) -> list[str]:
    return [rest for instruction, rest in instructions(stage) if instruction == name]


def pins(lock: str) -> dict[str, str]:
    lines = (ROOT / lock).read_text("utf-8").splitlines()
    return {match[1]: match[2] for line in lines if (match := _PIN.match(line))}


@pytest.mark.parametrize("image", IMAGES)
def test_each_image_holds_its_own_package(image: str) -> None:
    copied = [word for rest in of(image, "COPY") for word in shlex.split(rest)[:-1] if not word.startswith("--")]
    names = ["promql/__init__.py", "promql/names.py"] if image == "exporter" else ["promql"]
    assert copied == ["/opt/venv", "LICENSE", *names, image]
    (dependencies,) = [rest for rest in of(image, "COPY") if rest.startswith("--from=")]
    assert dependencies.startswith(f"--from={image}-dependencies ")
    assert of(f"{image}-dependencies", "COPY") == [f"requirements-{image}.lock /tmp/requirements.lock"]


@pytest.mark.parametrize("image", IMAGES)
def test_each_image_is_as_it_should_be(image: str) -> None:
    assert of(image, "USER") == ["65532:65532"]
    assert of(image, "ENTRYPOINT") == [f'["python", "-m", "{image}"]']
    (health,) = of(image, "HEALTHCHECK")
    assert "/healthz" in health
    (labels,) = of(image, "LABEL")
    for label in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{label}=" in labels
    assert f"VERSION={__version__}" in of(image, "ARG")
    (install,) = of(f"{image}-dependencies", "RUN")
    for option in ("--no-cache-dir", "--require-hashes", "--only-binary :all:"):
        assert option in install


def test_the_base_is_pinned() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    assert re.search(r"^ARG PYTHON_VERSION=3\.\d+\.\d+$", text, re.MULTILINE)
    bases = [line.split()[1] for line in text.splitlines() if line.startswith("FROM ")]
    assert bases == ["python:${PYTHON_VERSION}-slim${PYTHON_DIGEST}"] + ["base"] * 4
    assert not re.search(r"gcc|build-essential|apt-get", text)


@pytest.mark.parametrize("image", IMAGES)
def test_each_lock_is_a_part_of_the_projects(image: str) -> None:
    found, all_ = pins(f"requirements-{image}.lock"), pins("requirements.lock")
    assert len(found) > 10
    assert found.items() <= all_.items(), "run `make lock`"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = {re.split(r"[<>=; ]", line)[0] for line in project["optional-dependencies"][image]}
    assert asked <= set(found), "run `make lock`"
    text = (ROOT / f"requirements-{image}.lock").read_text("utf-8")
    assert text.count("==") <= text.count("--hash=sha256:")
    other = "flask" if image == "exporter" else "kubernetes"
    assert other not in found


def test_the_build_context_is_what_is_copied() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line and line[0] != "#"]
    assert lines[0] == "*"
    admitted = {line[1:] for line in lines if line.startswith("!")}
    assert admitted == {
        "LICENSE",
        "requirements-exporter.lock",
        "requirements-facade.lock",
        "exporter",
        "facade",
        "promql",
    }
