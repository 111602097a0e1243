"""Where this machine's Prometheus is: on PATH, else from its packages, else an official release in ``.data/bin``."""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from local.commands import Runner, Say, run_quietly
from local.errors import PrometheusUnavailable
from local.release import Release, archive_name
from local.system_packages import SystemPackages, Version

# What the queries are written for, and tested with.
OLDEST: Version = (2, 42)


@dataclass(frozen=True, slots=True)
class Binaries:
    """Paths of the two programs of one Prometheus."""

    prometheus: Path
    promtool: Path

    @property
    def directories(self) -> list[str]:
        """The directories that hold them, for PATH."""
        return list(dict.fromkeys([str(self.prometheus.parent), str(self.promtool.parent)]))


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds or installs Prometheus. ``directory`` is where an official release is kept."""

    directory: Path
    say: Say
    which: Callable[[str], str | None] = shutil.which
    run: Runner = run_quietly
    system: str = field(default_factory=platform.system)
    machine: str = field(default_factory=platform.machine)
    is_root: bool = field(default_factory=lambda: os.geteuid() == 0)
    root: Path = Path("/")
    release: Release = field(default_factory=Release)

    def find(self) -> Binaries:
        """The Prometheus to use. Raises PrometheusUnavailable with every way that was tried, in one line."""
        present = self._on_path() or self._downloaded()
        if present:
            return present
        tried: list[str] = []
        for install in (self._install_package, self._install_release):
            try:
                return install()
            except PrometheusUnavailable as error:
                self.say(str(error))
                tried.append(str(error))
        raise PrometheusUnavailable(
            "no Prometheus: put `prometheus` and `promtool` "
            f"{_dotted(OLDEST)} or newer on PATH and try again (tried: {'; '.join(tried)})"
        )

    def _on_path(self) -> Binaries | None:
        paths = [self.which(program) for program in ("prometheus", "promtool")]
        if paths[0] is None or paths[1] is None:
            return None
        return self._new_enough(Binaries(Path(paths[0]), Path(paths[1])))

    def _downloaded(self) -> Binaries | None:
        binaries = Binaries(self.directory / "prometheus", self.directory / "promtool")
        present = binaries.prometheus.is_file() and binaries.promtool.is_file()
        return self._new_enough(binaries) if present else None

    def _new_enough(self, binaries: Binaries) -> Binaries | None:
        completed = self.run([str(binaries.prometheus), "--version"])
        # Version 2 prints it to one stream, some older ones to the other.
        match = re.search(r"prometheus, version (\d+)\.(\d+)", completed.stdout + completed.stderr)
        if match is None:
            self.say(f"{binaries.prometheus} does not say its version: not used")
            return None
        version = (int(match[1]), int(match[2]))
        if version < OLDEST:
            self.say(f"{binaries.prometheus} is version {_dotted(version)}, older than {_dotted(OLDEST)}: not used")
            return None
        return binaries

    def _install_package(self) -> Binaries:
        packages = SystemPackages(self.system, self.is_root, self.which, self.run, self.say, self.root)
        packages.install_prometheus(OLDEST)
        found = self._on_path()
        if found is None:
            raise PrometheusUnavailable("the package manager installed a Prometheus that is not on PATH or is too old")
        return found

    def _install_release(self) -> Binaries:
        self.release.install(archive_name(self.system, self.machine, self.release.version), self.directory, self.say)
        found = self._downloaded()
        if found is None:
            raise PrometheusUnavailable(f"the official release in {self.directory} does not run on this machine")
        return found


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))
