"""The programs of others that this project runs, and where each comes from: data, read by ``local.programs``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

Version = tuple[int, int]

# What ``platform.system()`` and ``platform.machine()`` say, as Go's GOOS and GOARCH, which name release files.
_SYSTEMS: Final = {
    "Linux": "linux",
    "Darwin": "darwin",
    "FreeBSD": "freebsd",
    "OpenBSD": "openbsd",
    "NetBSD": "netbsd",
}
_ARCHITECTURES: Final = {
    "x86_64": "amd64",
    "amd64": "amd64",
    "aarch64": "arm64",
    "arm64": "arm64",
    "armv7l": "armv7",
    "armv6l": "armv6",
    "i386": "386",
    "i686": "386",
    "ppc64le": "ppc64le",
    "riscv64": "riscv64",
    "s390x": "s390x",
}


@dataclass(frozen=True, slots=True)
class Published:
    """How a product's official release is published: a directory ``v<version>`` below ``url``, with these files.

    ``archive`` and ``checksums`` are file names in which ``{version}``, ``{system}`` and ``{architecture}`` are
    replaced; the second has lines ``<sha256>  <file name>``. ``members`` gives the name in the archive of each program;
    None where there is no archive, and the file is the product's one program.
    """

    url: str
    version: str
    archive: str
    checksums: str
    members: Mapping[str, str] | None
    architectures: Mapping[str, str] = field(default_factory=dict)

    def file_name(self, template: str, system: str, machine: str) -> str:
        """A file name for what ``platform`` says of a machine. Raises KeyError where there is none."""
        architectures = {**_ARCHITECTURES, **self.architectures}
        return template.format(
            version=self.version, system=_SYSTEMS[system], architecture=architectures[machine.lower()]
        )


@dataclass(frozen=True, slots=True)
class Product:
    """A product: its programs, the oldest version that will do, and the packages that have it.

    ``versions`` are ways to ask a version, tried in turn: a command, in which ``{program}`` is the path of the first
    program, and a regular expression with two groups for its output.
    """

    name: str
    programs: tuple[str, ...]
    oldest: Version
    versions: Sequence[tuple[tuple[str, ...], str]]
    apt_package: str
    brew_formula: str
    published: Published


PROMETHEUS: Final = Product(
    name="Prometheus",
    programs=("prometheus", "promtool"),
    # What the queries are written for, and tested with.
    oldest=(2, 42),
    versions=((("{program}", "--version"), r"prometheus, version (\d+)\.(\d+)"),),
    apt_package="prometheus",
    brew_formula="prometheus",
    # https://github.com/prometheus/prometheus/releases
    published=Published(
        url="https://github.com/prometheus/prometheus/releases/download",
        version="3.5.0",  # a long-term-support release
        archive="prometheus-{version}.{system}-{architecture}.tar.gz",
        checksums="sha256sums.txt",
        members={"prometheus": "prometheus", "promtool": "promtool"},
    ),
)

VICTORIA_METRICS: Final = Product(
    name="VictoriaMetrics",
    programs=("victoria-metrics",),
    oldest=(1, 79),
    versions=(
        # victoria-metrics-20230719-…-tags-v1.79.14-0-g…
        (("{program}", "-version"), r"-v(\d+)\.(\d+)"),
        # Debian's build does not know its own version, but its package has one.
        (("dpkg-query", "--show", "--showformat=${{Version}}", "victoria-metrics"), r"^(\d+)\.(\d+)"),
    ),
    apt_package="victoria-metrics",
    brew_formula="victoriametrics",
    # https://github.com/VictoriaMetrics/VictoriaMetrics/releases
    published=Published(
        url="https://github.com/VictoriaMetrics/VictoriaMetrics/releases/download",
        version="1.79.14",  # the last of the line that Debian has and the tests were written with
        archive="victoria-metrics-{system}-{architecture}-v{version}.tar.gz",
        checksums="victoria-metrics-{system}-{architecture}-v{version}_checksums.txt",
        members={"victoria-metrics": "victoria-metrics-prod"},
        architectures={"armv7l": "arm", "armv6l": "arm"},
    ),
)

DOCKER_COMPOSE: Final = Product(
    name="Docker Compose",
    programs=("docker-compose",),
    # The first of those that know the Compose Specification and that Debian has.
    oldest=(1, 29),
    # docker-compose version 1.29.2, build unknown; Docker Compose version v2.40.3
    versions=((("{program}", "version"), r"[Cc]ompose version v?(\d+)\.(\d+)"),),
    apt_package="docker-compose",
    brew_formula="docker-compose",
    # https://github.com/docker/compose/releases
    published=Published(
        url="https://github.com/docker/compose/releases/download",
        version="2.40.3",
        archive="docker-compose-{system}-{architecture}",
        checksums="checksums.txt",
        members=None,
        architectures={"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"},
    ),
)
