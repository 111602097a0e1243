"""Where a product's programs are on this machine: on PATH, else from its packages, else its official release."""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local.commands import Runner, Say, run_quietly
from local.errors import ProgramUnavailable
from local.products import Product, Version
from local.release import Release
from local.system_packages import SystemPackages

# The path of each program, by its name.
Programs = Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds or installs a product. ``directory`` is where an official release is kept."""

    product: Product
    directory: Path
    say: Say
    which: Callable[[str], str | None] = shutil.which
    run: Runner = run_quietly
    system: str = field(default_factory=platform.system)
    machine: str = field(default_factory=platform.machine)
    is_root: bool = field(default_factory=lambda: os.geteuid() == 0)
    root: Path = Path("/")

    def find(self) -> Programs:
        """The programs to use. Raises ProgramUnavailable with every way that was tried, in one line."""
        present = self._on_path() or self._downloaded()
        if present:
            return present
        tried: list[str] = []
        for install in (self._install_package, self._install_release):
            try:
                return install()
            except ProgramUnavailable as error:
                self.say(str(error))
                tried.append(str(error))
        wanted = " and ".join(f"`{program}`" for program in self.product.programs)
        raise ProgramUnavailable(
            f"no {self.product.name}: put {wanted} {_dotted(self.product.oldest)} or newer on PATH and try again "
            f"(tried: {'; '.join(tried)})"
        )

    def _on_path(self) -> Programs | None:
        paths = {program: self.which(program) for program in self.product.programs}
        found = {program: Path(path) for program, path in paths.items() if path is not None}
        return self._new_enough(found)

    def _downloaded(self) -> Programs | None:
        paths = {program: self.directory / program for program in self.product.programs}
        return self._new_enough({program: path for program, path in paths.items() if path.is_file()})

    def _new_enough(self, found: Programs) -> Programs | None:
        """``found`` if it has every program and a version that will do."""
        if len(found) < len(self.product.programs):
            return None
        first = found[self.product.programs[0]]
        version = self._version(first)
        if version is None:
            self.say(f"{first} does not say its version: not used")
            return None
        if version < self.product.oldest:
            self.say(f"{first} is version {_dotted(version)}, older than {_dotted(self.product.oldest)}: not used")
            return None
        return found

    def _version(self, program: Path) -> Version | None:
        for command, pattern in self.product.versions:
            completed = self.run([word.format(program=program) for word in command])
            # Some print it to one stream, some to the other.
            if match := re.search(pattern, completed.stdout + completed.stderr):
                return int(match[1]), int(match[2])
        return None

    def _install_package(self) -> Programs:
        SystemPackages(self.system, self.is_root, self.which, self.run, self.say, self.root).install(self.product)
        found = self._on_path()
        if found is None:
            raise ProgramUnavailable(
                f"the package manager installed a {self.product.name} that is not on PATH or is too old"
            )
        return found

    def _install_release(self) -> Programs:
        Release(self.product).install(self.system, self.machine, self.directory, self.say)
        found = self._downloaded()
        if found is None:
            raise ProgramUnavailable(
                f"the official {self.product.name} in {self.directory} does not run on this machine"
            )
        return found


def directories(programs: Programs) -> list[str]:
    """The directories that hold the programs, for PATH."""
    return list(dict.fromkeys(str(path.parent) for path in programs.values()))


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))
