"""How far a stress test is: one line that is written anew on a terminal, a line now and then in a log."""

from __future__ import annotations

from typing import Final, TextIO

from tests.stress.record import Record

_LOG_EVERY_SECONDS: Final = 5.0
_BAR_CELLS: Final = 24


class Progress:
    """Told the seconds since the beginning, as often as one likes."""

    def __init__(self, seconds: float, record: Record, output: TextIO) -> None:
        self._seconds = seconds
        self._record = record
        self._output = output
        self._terminal = output.isatty()
        self._next = 0.0 if self._terminal else _LOG_EVERY_SECONDS

    def __call__(self, passed: float) -> None:
        if passed < self._next:
            return
        if self._terminal:
            print(f"\r{self.line(passed)}\x1b[K", end="", file=self._output, flush=True)
        else:
            self._next += _LOG_EVERY_SECONDS
            print(self.line(passed), file=self._output, flush=True)

    def end(self) -> None:
        """What follows begins on a line of its own."""
        if self._terminal:
            print("\r\x1b[K", end="", file=self._output, flush=True)

    def line(self, passed: float) -> str:
        full = round(_BAR_CELLS * min(1.0, passed / self._seconds))
        bar = "█" * full + "░" * (_BAR_CELLS - full)
        requests, errors = self._record.requests, self._record.errors
        return f"{bar} {passed:.0f} of {self._seconds:g} s, {requests} requests, {errors} errors"
