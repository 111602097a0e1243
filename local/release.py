"""A product's official release for this platform, checked against that release's own list of checksums."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

import requests

from local.commands import Say
from local.errors import ProgramUnavailable
from local.products import Product

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Release:
    """The release of ``product`` that it names; ``timeout_seconds`` is the longest silence of its server."""

    product: Product
    timeout_seconds: float = 30.0

    def install(self, system: str, machine: str, directory: Path, say: Say) -> None:
        """Download the file for what ``platform.system()`` and ``platform.machine()`` say, and put the programs of it
        into ``directory``, all or none.

        Raises ProgramUnavailable with the cause; nothing unchecked is ever unpacked.
        """
        published = self.product.published
        try:
            archive = published.file_name(published.archive, system, machine)
            checksums = published.file_name(published.checksums, system, machine)
        except KeyError:
            raise ProgramUnavailable(
                f"there is no official {self.product.name} release for {system} on {machine}"
            ) from None
        expected = self._checksum(archive, checksums)
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory, prefix="download-") as scratch:
            downloaded = Path(scratch) / archive
            actual = self._download(archive, downloaded, say)
            if actual != expected:
                raise ProgramUnavailable(
                    f"{archive} does not match its release's {checksums} ({actual} instead of {expected}): not used"
                )
            self._unpack(downloaded, Path(scratch))
            for program in self.product.programs:
                (Path(scratch) / program).chmod(0o755)
                (Path(scratch) / program).replace(directory / program)

    def _get(self, name: str) -> requests.Response:
        url = f"{self.product.published.url}/v{self.product.published.version}/{name}"
        try:
            response = requests.get(url, stream=True, timeout=self.timeout_seconds)
            response.raise_for_status()
        except requests.HTTPError as error:
            raise ProgramUnavailable(f"{url} answered {error.response.status_code}") from error
        except requests.RequestException as error:
            raise ProgramUnavailable(f"{url} cannot be reached ({type(error).__name__})") from error
        return response

    def _checksum(self, archive: str, checksums: str) -> str:
        with self._get(checksums) as response:
            for line in response.text.splitlines():
                digest, _, name = line.partition(" ")
                if name.strip().lstrip("*") == archive:
                    return digest.lower()
        raise ProgramUnavailable(f"the {checksums} of {self.product.name} does not name {archive}")

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
                raise ProgramUnavailable(f"the download of {archive} broke off ({type(error).__name__})") from error
        return digest.hexdigest()

    def _unpack(self, archive: Path, directory: Path) -> None:
        """Take the programs out of the archive by name; no path in it is ever followed."""
        named = self.product.published.members
        if named is None:
            (program,) = self.product.programs
            archive.rename(directory / program)
            return
        try:
            with tarfile.open(archive) as tar:
                members = {Path(member.name).name: member for member in tar if member.isfile()}
                for program in self.product.programs:
                    source = tar.extractfile(members[named[program]])
                    if source is None:
                        raise KeyError(program)
                    with source, (directory / program).open("wb") as target:
                        shutil.copyfileobj(source, target)
        except (KeyError, tarfile.TarError, OSError) as error:
            raise ProgramUnavailable(f"{archive.name} is not a {self.product.name} release ({error})") from error
