"""The official Prometheus release for this platform, checked against that release's own list of checksums.

A release is a directory of ``prometheus-VERSION.SYSTEM-ARCHITECTURE.tar.gz`` files and one ``sha256sums.txt`` that has
a line ``<sha256>  <file name>`` for each (https://github.com/prometheus/prometheus/releases).
"""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

import requests

from local.commands import Say
from local.errors import PrometheusUnavailable

VERSION = "3.5.0"  # a long-term-support release
RELEASES_URL = "https://github.com/prometheus/prometheus/releases/download"
PROGRAMS = ("prometheus", "promtool")

_SYSTEMS = {"Linux": "linux", "Darwin": "darwin", "FreeBSD": "freebsd", "OpenBSD": "openbsd", "NetBSD": "netbsd"}
_ARCHITECTURES = {
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
_CHUNK_BYTES = 1 << 20


def archive_name(system: str, machine: str, version: str = VERSION) -> str:
    """The file of a release for what ``platform.system()`` and ``platform.machine()`` say.

    Raises PrometheusUnavailable where there is none.
    """
    try:
        return f"prometheus-{version}.{_SYSTEMS[system]}-{_ARCHITECTURES[machine.lower()]}.tar.gz"
    except KeyError:
        raise PrometheusUnavailable(f"there is no official Prometheus release for {system} on {machine}") from None


@dataclass(frozen=True, slots=True)
class Release:
    """One release on a server: ``url`` has a directory for each, ``timeout_seconds`` is the longest silence."""

    url: str = RELEASES_URL
    version: str = VERSION
    timeout_seconds: float = 30.0

    def install(self, archive: str, directory: Path, say: Say) -> None:
        """Download ``archive`` and put ``prometheus`` and ``promtool`` of it into ``directory``, both or neither.

        Raises PrometheusUnavailable with the cause; nothing unchecked is ever unpacked.
        """
        expected = self._checksum(archive)
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory, prefix="download-") as scratch:
            downloaded = Path(scratch) / archive
            actual = self._download(archive, downloaded, say)
            if actual != expected:
                raise PrometheusUnavailable(
                    f"{archive} does not match its release's sha256sums.txt ({actual} instead of {expected}): not used"
                )
            _unpack(downloaded, Path(scratch))
            for program in PROGRAMS:
                (Path(scratch) / program).replace(directory / program)

    def _get(self, name: str) -> requests.Response:
        url = f"{self.url}/v{self.version}/{name}"
        try:
            response = requests.get(url, stream=True, timeout=self.timeout_seconds)
            response.raise_for_status()
        except requests.HTTPError as error:
            raise PrometheusUnavailable(f"{url} answered {error.response.status_code}") from error
        except requests.RequestException as error:
            raise PrometheusUnavailable(f"{url} cannot be reached ({type(error).__name__})") from error
        return response

    def _checksum(self, archive: str) -> str:
        with self._get("sha256sums.txt") as response:
            for line in response.text.splitlines():
                digest, _, name = line.partition(" ")
                if name.strip().lstrip("*") == archive:
                    return digest.lower()
        raise PrometheusUnavailable(f"the sha256sums.txt of Prometheus {self.version} does not name {archive}")

    def _download(self, archive: str, into: Path, say: Say) -> str:
        """Write the archive to ``into``; returns its SHA-256 in hexadecimal."""
        digest, received, tenths = hashlib.sha256(), 0, 0
        with self._get(archive) as response, into.open("wb") as file:
            total = int(response.headers.get("Content-Length", "0"))
            say(f"downloading {archive}" + (f" ({total / 1e6:.0f} MB)" if total else ""))
            try:
                for chunk in response.iter_content(_CHUNK_BYTES):
                    file.write(chunk)
                    digest.update(chunk)
                    received += len(chunk)
                    if total and received * 10 // total > tenths:
                        tenths = received * 10 // total
                        say(f"downloading {archive}: {tenths * 10} %")
            except requests.RequestException as error:
                raise PrometheusUnavailable(f"the download of {archive} broke off ({type(error).__name__})") from error
        return digest.hexdigest()


def _unpack(archive: Path, directory: Path) -> None:
    """Take the two programs out of the archive by name; no path in it is ever followed."""
    try:
        with tarfile.open(archive) as tar:
            members = {Path(member.name).name: member for member in tar if member.isfile()}
            for program in PROGRAMS:
                source = tar.extractfile(members[program])
                if source is None:
                    raise KeyError(program)
                with source, (directory / program).open("wb") as target:
                    shutil.copyfileobj(source, target)
                (directory / program).chmod(0o755)
    except (KeyError, tarfile.TarError, OSError) as error:
        raise PrometheusUnavailable(f"{archive.name} is not a Prometheus release ({error})") from error
