"""Running another program to its end and looking at what it said."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence

Completed = subprocess.CompletedProcess[str]
Runner = Callable[[Sequence[str]], Completed]
Say = Callable[[str], None]


def run_quietly(command: Sequence[str]) -> Completed:
    """Run ``command`` without standard input and keep its output; one that cannot be started ends with code 127."""
    try:
        return subprocess.run(
            list(command), stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
        )
    except OSError as error:
        return Completed(list(command), 127, "", str(error))


def last_line(completed: Completed) -> str:
    """What a failed command most likely died of: the last line of its errors, else of its output."""
    for text in (completed.stderr, completed.stdout):
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if lines:
            return lines[-1]
    return f"exit code {completed.returncode} without a word"
