"""Answers that the processes of one server share: files of a directory in memory, each locked by who makes it.

A file is named for its key and interval. Whoever asks first locks it and makes the answer; another process that asks
the same waits for the lock and reads. A process that dies lets go of its locks, and what it left half written is not
believed. Where the directory cannot be used, every process makes its own.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
from pathlib import Path
from typing import IO, Final

from facade.kept import Key, Make, Written

# The memory file system of a container is often no larger than 64 MiB, and two intervals' files may be there at once.
MOST_BYTES: Final = 12 * 1024 * 1024
MOST_FILES: Final = 1000


class SharedAnswers:
    """``facade.kept.Shared`` in ``directory``, into which this process writes at most so much in each interval."""

    def __init__(self, directory: Path, most_bytes: int = MOST_BYTES, most_files: int = MOST_FILES) -> None:
        self._directory = directory
        self._most_bytes = most_bytes
        self._most_files = most_files
        self._interval = 0
        self._bytes = 0
        self._files = 0

    def once(self, key: Key, interval: int, make: Make) -> Written:
        file = self._opened(key, interval)
        if file is None:
            return make()
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            written = _read(file)
            if written is None:
                written = make()
                self._write(file, written)
        return written

    def _opened(self, key: Key, interval: int) -> IO[bytes] | None:
        """The file for the answer; None where there is no place for it."""
        digest = hashlib.blake2b(json.dumps(key).encode(), digest_size=16).hexdigest()
        try:
            if interval != self._interval:
                self._begin(interval)
            self._files += 1
            if self._files > self._most_files:
                return None
            self._directory.mkdir(exist_ok=True)
            return (self._directory / f"{digest}.{interval}").open("a+b")
        except OSError:
            return None

    def _begin(self, interval: int) -> None:
        """A new interval: what is older than the one before it, whose last answers may still be made, is deleted."""
        self._interval, self._bytes, self._files = interval, 0, 0
        if self._directory.is_dir():
            for path in self._directory.iterdir():
                if int(path.suffix[1:]) not in (interval, interval - 1):
                    path.unlink(missing_ok=True)

    def _write(self, file: IO[bytes], written: Written) -> None:
        if self._bytes + len(written.body) > self._most_bytes:
            return
        self._bytes += len(written.body)
        head = [len(written.body), written.content_type, written.tag, written.headers, written.made_at]
        try:
            file.truncate(0)
            file.write(json.dumps(head).encode() + b"\n" + written.body)
            file.flush()
        except OSError:
            # No room: what is there is too short to be believed.
            return


def _read(file: IO[bytes]) -> Written | None:
    """What was written whole; None where nothing was."""
    file.seek(0)
    try:
        length, content_type, tag, headers, made_at = json.loads(file.readline())
    except ValueError:
        return None
    body = file.read()
    if len(body) != length:
        return None
    return Written(body, content_type, tag, tuple((name, text) for name, text in headers), made_at)
