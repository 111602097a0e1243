"""A product from the system's package manager: apt on Debian and its relatives, brew on macOS.

Debian's packages bring a service each, which would take a port and collect on its own account. While the
package is installed a ``policy-rc.d`` forbids starting it (invoke-rc.d(8), deb-systemd-invoke(1p)), and before that is
taken away the service is disabled, and where systemd runs stopped, so that the next boot does not start it either.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.commands import Completed, Runner, Say, last_line
from local.errors import ProgramUnavailable
from local.products import Product, Version

_DENY_ALL = "#!/bin/sh\n# Installing a package starts no service. Removed again at once.\nexit 101\n"


@dataclass(frozen=True, slots=True)
class SystemPackages:
    """The package manager of one machine.

    ``which`` finds a program, ``run`` runs a command, ``is_root`` is whether commands run as root; ``root`` is the file
    system's root. All are arguments so that each branch can be tested without root and without a network.
    """

    system: str
    is_root: bool
    which: Callable[[str], str | None]
    run: Runner
    say: Say
    root: Path = Path("/")

    def install(self, product: Product) -> None:
        """Install the product.

        Raises ProgramUnavailable where no package manager has it, none may be used, or what it has is older.
        """
        if self.system == "Darwin":
            self._install_with_brew(product)
        elif self.which("apt-get"):
            self._install_with_apt(product)
        else:
            raise ProgramUnavailable(f"this system has no package manager that is known to carry {product.name}")

    def _install_with_brew(self, product: Product) -> None:
        if not self.which("brew"):
            raise ProgramUnavailable("Homebrew is not installed")
        self.say(f"installing {product.name} with Homebrew")
        self._must(["brew", "install", "--quiet", product.brew_formula])

    def _install_with_apt(self, product: Product) -> None:
        sudo = self._become_root()
        package = product.apt_package
        candidate = self._apt_candidate(package)
        if candidate is None:
            self.say("reading the package lists (apt-get update)")
            self._must([*sudo, "apt-get", "update", "-qq"])
            candidate = self._apt_candidate(package)
        if candidate is None:
            raise ProgramUnavailable(f"apt knows no package {package}")
        if candidate < product.oldest:
            raise ProgramUnavailable(
                f"apt has {product.name} {_dotted(candidate)}, older than {_dotted(product.oldest)}"
            )
        self.say(f"installing {product.name} {_dotted(candidate)} with apt-get")
        with self._no_service_starts(sudo):
            install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
            self._must([*sudo, "env", "DEBIAN_FRONTEND=noninteractive", *install])
            self.run([*sudo, "update-rc.d", package, "disable"])
            if (self.root / "run/systemd/system").is_dir():
                # Only under a policy-rc.d of someone else's could it have been started: failing here ends nothing.
                self.run([*sudo, "systemctl", "disable", "--now", f"{package}.service"])

    def _become_root(self) -> list[str]:
        """The words before a command that needs root: none, or sudo's if it asks for no password."""
        if self.is_root:
            return []
        if self.which("sudo") and self.run(["sudo", "-n", "true"]).returncode == 0:
            return ["sudo", "-n"]
        raise ProgramUnavailable("apt-get needs root, and sudo is missing or asks for a password")

    def _apt_candidate(self, package: str) -> Version | None:
        """The version apt would install, of output like ``  Candidate: 2.42.0+ds-5``."""
        match = re.search(r"Candidate:\s*(?:\d+:)?(\d+)\.(\d+)", self.run(["apt-cache", "policy", package]).stdout)
        return (int(match[1]), int(match[2])) if match else None

    @contextmanager
    def _no_service_starts(self, sudo: Sequence[str]) -> Iterator[None]:
        policy = self.root / "usr/sbin/policy-rc.d"
        if policy.exists():  # someone else's, to whom it may matter: it stays
            yield
            return
        with tempfile.NamedTemporaryFile("w", suffix=".policy-rc.d") as file:
            file.write(_DENY_ALL)
            file.flush()
            self._must([*sudo, "install", "-m", "755", file.name, str(policy)])
        try:
            yield
        finally:
            self.run([*sudo, "rm", "-f", str(policy)])

    def _must(self, command: Sequence[str]) -> Completed:
        completed = self.run(command)
        if completed.returncode != 0:
            words = [word for word in command if "=" not in word and word not in ("sudo", "-n", "env")]
            raise ProgramUnavailable(f"{' '.join(words[:2])} failed: {last_line(completed)}")
        return completed


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))
