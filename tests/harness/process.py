"""A real process under a test: started with its own environment, its output in a file, ended by its own id."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import requests

from tests.harness.waiting import wait_until

# What a child gets of this process's environment. Not the rest: a developer's own settings must not reach a test.
_INHERITED: Final = ("HOME", "LANG", "LC_ALL", "PATH", "PYTHONPATH", "TMPDIR", "VIRTUAL_ENV")


class ProcessError(Exception):
    """A process ended, or did not answer in time. The message ends with the tail of its output."""


class Process:
    """A child process; a context manager that starts it and leaves nothing running.

    ``environment`` is all that the command sees beside PATH, HOME and the like. Output of both kinds goes to
    ``log_file``.
    """

    def __init__(
        self,
        command: Sequence[str],
        log_file: Path,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> None:
        self.command = tuple(command)
        self.log_file = log_file
        self._environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        self._environment |= environment or {}
        self._directory = directory
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, type_: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.terminate()

    @property
    def pid(self) -> int:
        return self._started().pid

    @property
    def returncode(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._started().poll()

    def start(self) -> None:
        """Start it, or start it again after it ended; output is appended."""
        if self._child is not None and self._child.poll() is None:
            raise ProcessError(f"{self.command[0]} is already running")
        with self.log_file.open("ab") as output:
            self._child = subprocess.Popen(
                self.command,
                env=self._environment,
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C at the tests' terminal is theirs to pass on
            )

    def wait_until_answers(self, url: str, deadline_seconds: float = 30.0) -> None:
        """Block until ``url`` answers 200. Raises ``ProcessError`` when the process ends first, or at the deadline."""

        def answers() -> bool:
            if self.returncode is not None:
                raise ProcessError(f"{self._described()} ended with {self.returncode}{self._log_tail()}")
            return _status(url) == 200

        try:
            wait_until(answers, deadline_seconds, f"200 from {url}")
        except TimeoutError as error:
            raise ProcessError(f"{self._described()}: {error}{self._log_tail()}") from error

    def send_signal(self, number: signal.Signals) -> None:
        self._started().send_signal(number)

    def wait(self, deadline_seconds: float = 30.0) -> int:
        """The exit status once it has ended. Raises ``ProcessError`` at the deadline."""
        try:
            return self._started().wait(deadline_seconds)
        except subprocess.TimeoutExpired as error:
            raise ProcessError(
                f"{self._described()} still runs after {deadline_seconds} s{self._log_tail()}"
            ) from error

    def terminate(self, deadline_seconds: float = 10.0) -> int:
        """Ask it to end (SIGTERM), kill it at the deadline; the exit status. Nothing happens if it has ended."""
        child = self._started()
        child.terminate()
        try:
            return child.wait(deadline_seconds)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """End it at once (SIGKILL)."""
        self._started().kill()
        return self._started().wait()

    def output(self) -> str:
        return self.log_file.read_text(errors="replace")

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            raise ProcessError(f"{self.command[0]} was not started")
        return self._child

    def _described(self) -> str:
        return " ".join(self.command[:4])

    def _log_tail(self, lines: int = 40) -> str:
        return "\n--- end of its output:\n" + "\n".join(self.output().splitlines()[-lines:])


def _status(url: str) -> int | None:
    with requests.Session() as session:
        session.trust_env = False  # no proxy on the way to loopback
        try:
            return session.get(url, timeout=2).status_code
        except requests.RequestException:
            return None
