"""Keeps one kind of object up to date: list, then watch, and list again every so often.

The pattern is that of Kubernetes' own clients
(https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes). The list again (resync)
repairs what a watch may have lost; a watch that has expired (410 Gone) leads to a list, a lost connection to a pause
that doubles. A silent watch is not necessarily alive: bookmarks, and its end every two minutes, show that it is.
"""

from __future__ import annotations

import logging
import math
import random
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from exporter.cluster.api import CONNECTED, NEWEST, Item, ObjectApi, ResourceExpired, event_error
from exporter.errors import DecodeError, SourceError
from exporter.model import Source, SourceState

log = logging.getLogger(__name__)

T = TypeVar("T")
Decoded_co = TypeVar("Decoded_co", covariant=True)
ErrorCount = Callable[[Source, str, str], None]

_LEAST_QUOTED_SECONDS: Final = 60.0
# About 10 s with the pauses between them.
_FAILURES_NOT_WAITED_FOR: Final = 4


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds between lists, of a watch, and of the pauses after failures."""

    resync: float = 300.0
    watch: float = 120.0
    first_pause: float = 1.0
    longest_pause: float = 30.0

    @property
    def quoted(self) -> float:
        """How long the objects are quoted after the last sign of the API server, as for the kubelet's slow sources."""
        return max(_LEAST_QUOTED_SECONDS, 2.5 * self.resync)


DEFAULT_RHYTHM: Final = Rhythm()


class Decoder(Protocol[Decoded_co]):
    """From an object's JSON to its record; told of every object that is gone."""

    def decode(self, item: Item) -> Decoded_co: ...

    def forget(self, uid: str) -> None: ...


class Watch(Generic[T]):
    """The objects of one kind. ``run`` feeds it in a thread of its own; ``items`` and ``state`` answer any thread.

    ``clock`` is monotonic, in seconds. An object that cannot be decoded is left out and counted.
    """

    def __init__(
        self,
        source: Source,
        api: ObjectApi,
        decoder: Decoder[T],
        errors: ErrorCount,
        clock: Callable[[], float],
        rhythm: Rhythm = DEFAULT_RHYTHM,
    ) -> None:
        self._source = source
        self._api = api
        self._decoder = decoder
        self._errors = errors
        self._clock = clock
        self._rhythm = rhythm
        self._lock = threading.Lock()
        self._items: dict[str, T] = {}
        # The resource version of every object that the server has and the decoder was shown, decodable or not.
        self._versions: dict[str, str | None] = {}
        # Where the watch continues; None or NEWEST when such a list must come first.
        self._version: str | None = None
        self._list_due = -math.inf
        self._listed = False
        self._up: bool | None = None
        # Steps in a row that brought nothing.
        self._failures = 0
        self._list_seconds: float | None = None
        self._contact = -math.inf

    @property
    def listed(self) -> bool:
        """Whether the first list is in."""
        return self._listed

    @property
    def settled(self) -> bool:
        """Whether the first list is in, or has failed so often that waiting for it would only hold up the rest."""
        return self._listed or self._failures >= _FAILURES_NOT_WAITED_FOR

    def items(self) -> tuple[T, ...] | None:
        """The objects; None before the first list and after too long a silence."""
        with self._lock:
            return tuple(self._items.values()) if self._age() is not None else None

    def state(self) -> SourceState:
        """The age is the time since the API server was last heard of; the duration is that of the last list."""
        with self._lock:
            return SourceState(self._source, self._up, self._list_seconds, self._age())

    def _age(self) -> float | None:
        age = self._clock() - self._contact
        return age if self._listed and age <= self._rhythm.quoted else None

    def run(self, stop: threading.Event) -> None:
        """Follow the API server until ``stop`` is set, whatever happens."""
        while not stop.is_set():
            try:
                # A server that ends every watch at once is not asked again at once.
                self._failures = 0 if self._step(stop) else self._failures + 1
            except ResourceExpired as error:
                log.info("listing again", extra={"source": self._source, "cause": str(error)})
                self._list_newest()
                # The list that follows repairs it; only one that expires at once is worth a pause.
                self._failures += 1
                if self._failures == 1:
                    continue
            except SourceError as error:
                self._failed(error.stage, error.reason, str(error), first=self._failures == 0)
                self._failures += 1
            except Exception as error:
                log.exception("a watch failed in a way that was not foreseen", extra={"source": self._source})
                self._failed("read", "unexpected", repr(error), first=False)
                self._list_newest()
                self._failures += 1
            if self._failures:
                stop.wait(self._pause())

    def _step(self, stop: threading.Event) -> bool:
        """A list if one is due, and a watch to its end; whether the watch lasted or brought anything."""
        if not self._version or self._clock() >= self._list_due:
            self._version = self._list(self._version)
            # Exporters that started together must not list together.
            self._list_due = self._clock() + self._rhythm.resync * random.uniform(0.9, 1.1)
        return self._follow(stop, self._version)

    def _list_newest(self) -> None:
        """Nothing is known any more of how new the next list must be, and it must not be older than what was seen."""
        self._version = NEWEST if self._listed else None

    def _pause(self) -> float:
        longest = min(self._rhythm.longest_pause, self._rhythm.first_pause * 2.0 ** min(self._failures - 1, 16))
        return longest * random.uniform(0.5, 1.0)

    def _list(self, not_older_than: str | None) -> str:
        """Take over the list and return its version."""
        start = self._clock()
        listing = self._api.list(not_older_than)
        items: dict[str, T] = {}
        versions: dict[str, str | None] = {}
        for item in listing.items:
            if (uid := self._uid(item)) is not None:
                versions[uid] = _version(item)
                if (decoded := self._known(uid, versions[uid]) or self._decode(item)) is not None:
                    items[uid] = decoded
        for gone in self._versions.keys() - versions.keys():
            self._decoder.forget(gone)
        with self._lock:
            self._items, self._versions = items, versions
            self._list_seconds = self._clock() - start
            self._listed = True
        self._heard()
        return listing.resource_version

    def _follow(self, stop: threading.Event, version: str) -> bool:
        start = self._clock()
        seconds = max(1, round(min(self._rhythm.watch, self._list_due - start)))
        eventful = False
        with closing(self._api.watch(version, seconds)) as events:
            for event in events:
                self._heard()
                if event.get("type") != CONNECTED:
                    self._apply(event)
                    eventful = True
                if stop.is_set() or self._clock() >= self._list_due:
                    break
        self._heard()
        return eventful or self._clock() - start >= min(1.0, self._rhythm.first_pause)

    def _apply(self, event: Item) -> None:
        kind, item = event.get("type"), event.get("object")
        if not isinstance(item, Mapping):
            raise DecodeError("an event of the watch has no object")
        if kind == "ERROR":
            raise event_error(item)
        if kind != "BOOKMARK" and (uid := self._uid(item)) is not None:
            if kind == "DELETED":
                self._remove(uid)
            else:
                self._put(uid, _version(item), self._decode(item))
        if version := _version(item):
            self._version = version

    def _known(self, uid: str, version: str | None) -> T | None:
        """The record of an object that is the same as it was: nothing of it need be decoded again."""
        return self._items.get(uid) if version is not None and self._versions.get(uid) == version else None

    def _put(self, uid: str, version: str | None, decoded: T | None) -> None:
        with self._lock:
            self._versions[uid] = version
            if decoded is not None:
                self._items[uid] = decoded
            else:
                # What it was before is no longer true, and what it is now is not known.
                self._items.pop(uid, None)

    def _remove(self, uid: str) -> None:
        with self._lock:
            self._versions.pop(uid, None)
            self._items.pop(uid, None)
        self._decoder.forget(uid)

    def _uid(self, item: Item) -> str | None:
        uid = (item.get("metadata") or {}).get("uid")
        if not isinstance(uid, str):
            self._errors(self._source, "decode", "malformed")
            return None
        return uid

    def _decode(self, item: Item) -> T | None:
        """The record; None, counted and logged, for an object that is not as it should be: it costs only itself."""
        try:
            return self._decoder.decode(item)
        except (DecodeError, KeyError, TypeError, AttributeError, ValueError) as error:
            reason = error.reason if isinstance(error, DecodeError) else "malformed"
            self._errors(self._source, "decode", reason)
            name = (item.get("metadata") or {}).get("name")
            log.warning(
                "an object could not be read",
                extra={"source": self._source, "object": name, "cause": repr(error)},
            )
            return None

    def _heard(self) -> None:
        with self._lock:
            self._contact = self._clock()
            self._up = True

    def _failed(self, stage: str, reason: str, message: str, *, first: bool) -> None:
        self._errors(self._source, stage, reason)
        with self._lock:
            self._up = False
        # An outage is logged when it begins; after that it shows in source_up and source_errors_total.
        level = logging.WARNING if first else logging.DEBUG
        log.log(level, "the API server could not be followed", extra={"source": self._source, "cause": message})


def _version(item: Item) -> str | None:
    version = (item.get("metadata") or {}).get("resourceVersion")
    return str(version) if version else None
