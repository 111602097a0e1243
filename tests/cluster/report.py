"""What the checks found: a line when one begins and ends, and a summary for all."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Result = Literal["passed", "failed", "not run"]

_FIGURES_CHARACTERS: Final = 96


class Failed(Exception):
    """The cluster is not as a check demands; says in what."""


class NotRun(Exception):
    """The check has nothing to look at in this cluster; says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    check: str
    result: Result
    figures: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Progress:
    """Lines to follow, each with the seconds since the beginning."""

    write: Callable[[str], None]
    started: float

    @classmethod
    def begin(cls, write: Callable[[str], None]) -> Progress:
        return cls(write, time.monotonic())

    def say(self, text: str) -> None:
        self.write(f"[{time.monotonic() - self.started:5.0f} s] {text}")


def require(truth: object, otherwise: str) -> None:
    """Raises Failed."""
    if not truth:
        raise Failed(otherwise)


def require_none(problems: Sequence[str], most: int = 5) -> None:
    """Raises Failed with the first of the problems and the number of all."""
    if problems:
        more = f"; and {len(problems) - most} more" if len(problems) > most else ""
        raise Failed("; ".join(problems[:most]) + more)


def summary(title: str, outcomes: Sequence[Outcome]) -> str:
    """A table: check, result, seconds, and the figures, folded below one another."""
    width = max(len(outcome.check) for outcome in outcomes)
    lines = [title, "", f"{'check':{width}}  result   seconds  figures"]
    for outcome in outcomes:
        first, *rest = textwrap.wrap(outcome.figures, _FIGURES_CHARACTERS) or [""]
        lines.append(f"{outcome.check:{width}}  {outcome.result:7}  {outcome.seconds:7.0f}  {first}".rstrip())
        lines += [" " * (width + 20) + line for line in rest]
    counts = [
        (result, sum(outcome.result == result for outcome in outcomes)) for result in ("passed", "failed", "not run")
    ]
    lines += ["", ", ".join(f"{count} {result}" for result, count in counts if count)]
    return "\n".join(lines)


def succeeded(outcomes: Sequence[Outcome]) -> bool:
    """Whether something passed and nothing failed."""
    results = {outcome.result for outcome in outcomes}
    return "passed" in results and "failed" not in results
