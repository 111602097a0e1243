"""All processes of one run under one supervisor: started together, stopped together, each line of output with its name.

The supervisor is honcho's manager. Added here: a signal that comes before every child has its process id is not lost, a
hang-up of the terminal stops everything like SIGTERM, and the child that ended first is known, with its last lines.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections import deque
from collections.abc import Iterable
from typing import TextIO

from honcho.manager import SYSTEM_PRINTER_NAME, Manager
from honcho.printer import Message, Printer

from local.services import Service

_LAST_LINES = 15
_STOPPED = re.compile(r"(?P<name>\S+) stopped \(rc=(?P<code>-?\d+)\)")
_STOPPED_BY_USER = (128 + signal.SIGINT, 128 + signal.SIGTERM)


class _Output(Printer):
    """Prints children's lines with their names, the lines of ``plain`` without, and remembers the last of each."""

    def __init__(self, output: TextIO, plain: str) -> None:
        super().__init__(output)
        self.plain = plain
        self.last: dict[str, deque[str]] = {}
        self.first_to_stop: tuple[str, int] | None = None

    def write(self, message: Message) -> None:
        text = message.data.decode("utf-8", "replace") if isinstance(message.data, bytes) else message.data
        if message.name == SYSTEM_PRINTER_NAME:
            self._note(text)
            return
        self.last.setdefault(message.name, deque(maxlen=_LAST_LINES)).append(text.rstrip("\n"))
        if message.name == self.plain:
            print(text.rstrip("\n"), file=self.output, flush=True)
        else:
            super().write(message)

    def _note(self, text: str) -> None:
        """A line of the supervisor's own: only how children end is of interest."""
        stopped = _STOPPED.match(text)
        if stopped and self.first_to_stop is None:
            self.first_to_stop = (stopped["name"], int(stopped["code"]))


class EarlyStopManager(Manager):
    """honcho's manager, which fails on a signal that comes before every child has reported its process id."""

    _stop_when_started = False

    def terminate(self) -> None:
        if super()._all_started():
            super().terminate()
        else:
            self._stop_when_started = True

    def _all_started(self) -> bool:
        started = super()._all_started()
        if started and self._stop_when_started:
            self._stop_when_started = False
            super().terminate()
        return started


def supervise(services: Iterable[Service], plain: str, output: TextIO = sys.stdout) -> int:
    """Run ``services`` until one ends or a signal comes, then end all of them, and return an exit code.

    0 when the user stopped it (SIGINT, SIGTERM, SIGHUP); 1 when a child ended by itself: its name, its exit code and
    its last lines are then printed. Lines of the service ``plain`` are printed without its name before them.
    """
    printer = _Output(output, plain)
    manager = EarlyStopManager(printer)
    for service in services:
        manager.add_process(service.name, service.command, env=dict(service.environment))
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    manager.loop()
    if manager.returncode in _STOPPED_BY_USER or printer.first_to_stop is None:
        print("Everything has stopped.", file=output, flush=True)
        return 0
    name, code = printer.first_to_stop
    print(f"{name} ended with exit code {code}, so everything else was stopped. Its last lines:", file=output)
    for line in printer.last.get(name, ()):
        print(f"  {line}", file=output)
    output.flush()
    return 1
