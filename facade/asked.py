"""What one request asked of Prometheus: for ``explain=true``, for its log line and for the metrics.

A recorder belongs to a context (contextvars), so that whoever asks need not be handed it: ``with recording() as asked``
and every query of the client inside it, also those it runs in its own threads, is in ``asked``.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

Number = int | float


@dataclass(frozen=True, slots=True)
class Instant:
    """A query at one Unix time in seconds."""

    query: str
    time: Number

    def explained(self) -> dict[str, str | Number]:
        """As an entry of ``explain``."""
        return {"query": self.query, "time": self.time}


@dataclass(frozen=True, slots=True)
class Range:
    """A query at ``start``, ``start + step`` … ``end``: Unix times and a length, in seconds."""

    query: str
    start: Number
    end: Number
    step: Number

    def explained(self) -> dict[str, str | Number]:
        """As an entry of ``explain``."""
        return {"query": self.query, "start": self.start, "end": self.end, "step": self.step}


Question = Instant | Range


@dataclass(slots=True)
class Entry:
    """One question, the seconds its answer took (0 while there is none), and what Prometheus remarked with it.

    ``partial`` says that the answer may lack something.
    """

    question: Question
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()
    partial: bool = False


@dataclass
class Asked:
    """The questions of one request, in the order in which they were put. Safe to add to from several threads."""

    _entries: list[Entry] = field(default_factory=list)
    _other_seconds: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, question: Question) -> Entry:
        """Note the question; the client completes the entry when the answer is there."""
        entry = Entry(question)
        with self._lock:
            self._entries.append(entry)
        return entry

    def spend(self, seconds: float) -> None:
        """Add what an exchange took that is no question of the request: Prometheus's clock, or whether it answers."""
        with self._lock:
            self._other_seconds += seconds

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The questions so far."""
        with self._lock:
            return tuple(self._entries)

    @property
    def seconds(self) -> float:
        """Upstream time: the sum over all exchanges, also of those that ran side by side."""
        with self._lock:
            return self._other_seconds + sum(entry.seconds for entry in self._entries)

    @property
    def partial(self) -> bool:
        """Whether any answer so far may lack something."""
        return any(entry.partial for entry in self.entries)

    def explain(self) -> list[dict[str, str | Number]]:
        """For ``explain=true``: ``{"query", "time"}`` or ``{"query", "start", "end", "step"}`` of each, in order."""
        return [entry.question.explained() for entry in self.entries]


_current: ContextVar[Asked | None] = ContextVar("asked", default=None)


@contextmanager
def recording() -> Iterator[Asked]:
    """Record what is asked within the context; a recorder outside it is left as it was."""
    asked = Asked()
    token = _current.set(asked)
    try:
        yield asked
    finally:
        _current.reset(token)


def spend(seconds: float) -> None:
    """Add upstream time that is no question's to the context's recorder, if there is one."""
    asked = _current.get()
    if asked is not None:
        asked.spend(seconds)


def partial() -> bool:
    """Whether any answer that the context's recorder knows of may lack something; without one, none."""
    asked = _current.get()
    return asked is not None and asked.partial


def note(question: Question) -> Entry:
    """Add the question to the context's recorder; without one, to nobody's."""
    asked = _current.get()
    return Entry(question) if asked is None else asked.add(question)
