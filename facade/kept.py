"""Answers that are made once, however many ask for them, and kept until the scrape interval they are of is over.

Prometheus's time is cut into intervals as long as a scrape's, from multiples of it. What was made in one of them is
given to whoever asks the same in it, and to nobody after: no answer is given that is older than one scrape interval.
While it is being made, those who ask the same wait for it, and share what it ends in; an error is kept for nobody else.
"""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final, Protocol

MOST_BYTES: Final = 24 * 1024 * 1024
# A compressed body is kept beside the other; of JSON and CSV it is an eighth and less.
_WITH_COMPRESSED: Final = 1.2
_FASTEST: Final = 1

# What tells one request's answer from another's.
Key = tuple[str, ...]


@dataclass(slots=True)
class Written:
    """An answer in the form in which it is sent. ``made_at`` is Prometheus's time, in Unix seconds, when it was begun;
    ``headers`` are those of its content.
    """

    body: bytes
    content_type: str
    tag: str
    headers: tuple[tuple[str, str], ...] = ()
    made_at: float = 0.0
    _compressed: bytes | None = field(default=None, repr=False, compare=False)

    def compressed(self) -> bytes:
        """The body, gzipped, which is done once."""
        if self._compressed is None:
            self._compressed = gzip.compress(self.body, _FASTEST, mtime=0)
        return self._compressed


Make = Callable[[], Written]


class Shared(Protocol):
    """What lets several processes make an answer once between them: ``facade.shared`` has the real one."""

    def once(self, key: Key, interval: int, make: Make) -> Written:
        """What another process made of ``key`` in ``interval``, which is waited for; else what ``make`` returns."""
        ...


class KeptAnswers:
    """The answers of one process, at most ``most_bytes`` of them; of ``interval_seconds`` each, or less.

    Safe to use from any number of threads. ``now`` is always Prometheus's time in Unix seconds.
    """

    def __init__(self, interval_seconds: float, shared: Shared | None = None, most_bytes: int = MOST_BYTES) -> None:
        self._interval_seconds = interval_seconds
        self._shared = shared
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        # All entries are of one interval; the first in is the first out.
        self._interval = 0
        self._entries: dict[Key, Written] = {}
        self._bytes = 0
        self._making: dict[tuple[Key, int], Future[Written]] = {}

    def get(self, key: Key, now: float) -> Written | None:
        """What is kept of ``key``."""
        with self._lock:
            return self._entries.get(key) if self._interval == self._number(now) else None

    def join(self, key: Key, now: float) -> Future[Written] | None:
        """What is being made of ``key``, to be waited for, or was made since the caller looked.

        None where the caller is the first, who must call ``make``, whatever happens.
        """
        interval = self._number(now)
        with self._lock:
            making = self._making.get((key, interval))
            if making is None and interval == self._interval and key in self._entries:
                making = Future()
                making.set_result(self._entries[key])
            elif making is None:
                self._making[key, interval] = Future()
            return making

    def make(self, key: Key, now: float, make: Make) -> Written:
        """Make and keep what ``join`` was told to be the first of; whoever joined gets it, or the error raised here."""
        interval = self._number(now)

        def begun() -> Written:
            written = make()
            written.made_at = now
            return written

        try:
            written = begun() if self._shared is None else self._shared.once(key, interval, begun)
        except BaseException as error:
            self._end(key, interval).set_exception(error)
            raise
        self._keep(key, interval, written)
        self._end(key, interval).set_result(written)
        return written

    def make_anew(self, key: Key, now: float, make: Make) -> Written:
        """Make it whatever is kept, and keep it in its place."""
        written = make()
        written.made_at = now
        self._keep(key, self._number(now), written)
        return written

    def _number(self, now: float) -> int:
        return int(now // self._interval_seconds)

    def _end(self, key: Key, interval: int) -> Future[Written]:
        with self._lock:
            return self._making.pop((key, interval))

    def _keep(self, key: Key, interval: int, written: Written) -> None:
        with self._lock:
            if interval != self._interval:
                self._entries.clear()
                self._interval, self._bytes = interval, 0
            self._forget(key)
            self._entries[key] = written
            self._bytes += _size(key, written)
            while self._bytes > self._most_bytes:
                self._forget(next(iter(self._entries)))

    def _forget(self, key: Key) -> None:
        if (written := self._entries.pop(key, None)) is not None:
            self._bytes -= _size(key, written)


def _size(key: Key, written: Written) -> int:
    return round(len(written.body) * _WITH_COMPRESSED) + sum(map(len, key))
