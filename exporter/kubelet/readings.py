"""Reads a kubelet on the rhythm of ``endpoints`` and serves what is current.

A scrape starts what is due, waits for it as long as it may, and is served from the store. A read that takes longer
goes on in the background, and serves the next scrape; there is never more than one of an endpoint. Scrapes that come at
once, or within the sharing time, share the reads.
"""

from __future__ import annotations

import logging
import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from exporter.errors import SourceError
from exporter.kubelet.cadvisor import scan_cadvisor
from exporter.kubelet.convert import ReadAt, detail_reading, interface_names, resource_reading, storage_reading
from exporter.kubelet.endpoints import ASKED_AGAIN, ENDPOINTS, EXPENSIVE, PRIMING_READINGS, Rhythm
from exporter.kubelet.rows import InterfaceNames, Reading
from exporter.kubelet.snapshot import node_usage, pods_usage
from exporter.kubelet.store import Store
from exporter.kubelet.summary import decode_summary
from exporter.model import NodeSnapshot, Source, SourceState

T = TypeVar("T")

_log = logging.getLogger(__name__)

# Source, stage and reason of cloudmon_source_errors_total.
ErrorSink = Callable[[Source, str, str], None]


class Fetcher(Protocol):
    def fetch(self, path: str, timeout_seconds: float) -> bytes: ...

    def read(self, path: str, timeout_seconds: float, consume: Callable[[Iterator[bytes]], T]) -> T: ...


@dataclass(slots=True)
class _Slot:
    """One endpoint: when it is due (monotonic seconds), the read on its way, and how the last one went."""

    due: float
    started: float = 0.0
    on_its_way: Future[None] | None = None
    up: bool | None = None
    duration_seconds: float | None = None
    readings: int = 0
    # How many answers in a row came too early.
    early: int = 0


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one read gave: the readings it is good for, and the entries that were left out.

    ``early``: the kubelet has not measured any pod's storage yet, as in the minute after its start.
    """

    readings: tuple[Reading, ...]
    rejected: int
    names: InterfaceNames | None = None
    early: bool = False


class KubeletReader:
    """``clock`` gives Unix seconds, ``monotonic`` seconds for intervals. ``errors`` hears of every loss, in any thread.

    ``node_interfaces`` admits the node's interfaces where the summary names none; it is matched against whole names.
    """

    def __init__(
        self,
        client: Fetcher,
        clock: Callable[[], float],
        scrape_interval: float,
        detail_interval: float,
        storage_interval: float,
        node_interfaces: re.Pattern[str],
        errors: ErrorSink,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._clock = clock
        self._monotonic = monotonic
        self._rhythm = Rhythm(scrape_interval, detail_interval, storage_interval)
        self._admitted = node_interfaces
        self._errors = errors
        self._lock = threading.Lock()
        self._store = Store(self._rhythm)
        # The full summary first: it names the interfaces that the other endpoints' figures are of.
        self._slots = {
            source: _Slot(due=-math.inf if source is Source.STORAGE else monotonic()) for source in ENDPOINTS
        }
        # When the last expensive read began (monotonic).
        self._expensive_started = -math.inf
        # When this exporter last began to serve in another's place: its counters are of readings since (monotonic).
        self._serving_since: float | None = None
        # What was left out of the last answer, so that the log says it once; a source has one read at a time.
        self._left_out: dict[Source, tuple[str, ...]] = {}
        self._closed = False

    def snapshot(self, deadline_seconds: float) -> NodeSnapshot:
        """What is current, after reading what is due; returns within ``deadline_seconds`` whatever the kubelet does."""
        deadline = time.monotonic() + deadline_seconds
        begun: set[Source] = set()
        with self._lock:
            self._renew()
            self._start_expensive(begun)
        while True:
            with self._lock:
                self._start_resource(begun)
                reads = self._awaited()
            remaining = deadline - time.monotonic()
            if not reads or remaining <= 0:
                break
            wait(reads, remaining, FIRST_COMPLETED)
        with self._lock:
            now = self._clock()
            sources = tuple(self._state(source, now) for source in ENDPOINTS)
            return NodeSnapshot(node_usage(self._store, now), pods_usage(self._store, now), sources)

    def primed(self) -> bool:
        """Whether throughput is known: until then an exporter that is to replace another should not call itself ready,
        or the node's throughput would be missing for a while. Snapshots bring it about, in some three sharing times.
        """
        with self._lock:
            detail = self._slots[Source.DETAIL]
            return detail.readings >= PRIMING_READINGS or self._store.has_rates(self._clock())

    def begin_serving(self) -> None:
        """From now on a scraper may come, which may have read another exporter of this node until now.

        That one may have read the kubelet later than this one did, and a counter must not run backwards where this one
        continues its series. So no counter is served of what was read before, and the next scrape reads all of them
        anew. Once is enough: while both may be scraped, ``exporter.handover`` lets only those through that are read
        for every scrape, and this is called again when that is over. (To read the costly endpoint more often for a
        while would show in the totals: counts that are suddenly a minute younger are a rate too high by two per cent
        over five minutes.)
        """
        with self._lock:
            self._serving_since = self._store.counters_since = self._monotonic()

    def close(self) -> None:
        """Starts no further read, and drops what those on their way bring."""
        with self._lock:
            self._closed = True

    def _renew(self) -> None:
        """Makes the counters' endpoints due, before all else, where they were not read since this exporter serves."""
        if self._serving_since is None:
            return
        for source in (Source.RESOURCE, Source.DETAIL):
            slot = self._slots[source]
            if slot.started <= self._serving_since:
                slot.due = -math.inf
        if self._expensive_started <= self._serving_since:
            self._expensive_started = -math.inf

    def _start_expensive(self, begun: set[Source]) -> None:
        """Starts the one expensive read that a scrape may start, if one is due; ``begun`` are this scrape's reads."""
        now = self._monotonic()
        source = self._due_expensive(now)
        if source is None or self._closed:
            return
        self._expensive_started = now
        self._start(source, now)
        begun.add(source)
        if source is Source.STORAGE:
            # It has CPU and memory too. Should it fail, the cheap form is due again at once.
            resource = self._slots[Source.RESOURCE]
            resource.due = max(resource.due, now + self._rhythm.interval(Source.RESOURCE))

    def _start_resource(self, begun: set[Source]) -> None:
        """Starts the cheap read if it is due, once for a scrape, and not beside a full summary that is as good."""
        now = self._monotonic()
        resource, storage = self._slots[Source.RESOURCE], self._slots[Source.STORAGE]
        if self._closed or resource.on_its_way is not None or resource.due > now or Source.RESOURCE in begun:
            return
        if Source.STORAGE in begun and (storage.on_its_way is not None or storage.up):
            return
        self._start(Source.RESOURCE, now)
        begun.add(Source.RESOURCE)

    def _awaited(self) -> list[Future[None]]:
        """The reads that this scrape should wait for, which are those that began for it or just before it. One that has
        been on its way for longer serves whichever scrape comes after it.
        """
        if self._closed:
            return []
        now = self._monotonic()
        return [
            slot.on_its_way
            for slot in self._slots.values()
            if slot.on_its_way is not None and now - slot.started < self._rhythm.shared
        ]

    def _due_expensive(self, now: float) -> Source | None:
        """Of the endpoints of which a scrape reads one, that which is most overdue by its own interval."""
        if now - self._expensive_started < self._rhythm.shared:
            return None
        if any(self._slots[source].on_its_way for source in EXPENSIVE):
            return None
        due = [source for source in EXPENSIVE if self._slots[source].due <= now]
        return max(
            due, key=lambda source: (now - self._slots[source].due) / self._rhythm.interval(source), default=None
        )

    def _start(self, source: Source, now: float) -> None:
        slot = self._slots[source]
        future: Future[None] = Future()
        priming = source is Source.DETAIL and slot.readings < PRIMING_READINGS - 1
        interval = self._rhythm.priming if priming else self._rhythm.interval(source)
        slot.on_its_way, slot.started, slot.due = future, now, now + interval
        threading.Thread(target=self._read, args=(source, now, future), name=f"kubelet-{source}", daemon=True).start()

    def _read(self, source: Source, started: float, future: Future[None]) -> None:
        try:
            answer = self._ask(source, ReadAt(self._clock(), started))
        except SourceError as error:
            self._failed(source, error.stage, error.reason, str(error))
        else:
            self._succeeded(source, answer)
        finally:
            # Still on its way only after a defect, which the thread reports; the endpoint must not be lost by it.
            if self._slots[source].on_its_way is future:
                self._failed(source, "decode", "internal", "a defect of this exporter")
            future.set_result(None)

    def _ask(self, source: Source, at: ReadAt) -> _Answer:
        endpoint = ENDPOINTS[source]
        if source is Source.DETAIL:
            scan = partial(scan_cadvisor, read_at=at.wall)
            detail = self._client.read(endpoint.path, endpoint.timeout_seconds, scan)
            with self._lock:
                names = self._store.interface_names
            return _Answer((detail_reading(detail, at, names, self._admitted),), detail.rejected)
        summary = decode_summary(self._client.fetch(endpoint.path, endpoint.timeout_seconds))
        if summary.rejected != self._left_out.get(source, ()):
            _log.warning("left out of %s: %s", endpoint.path, "; ".join(summary.rejected) or "nothing any more")
        self._left_out[source] = summary.rejected
        resource = resource_reading(summary, at)
        if source is Source.RESOURCE:
            return _Answer((resource,), len(summary.rejected))
        storage = storage_reading(summary, at, self._admitted)
        early = bool(summary.pods) and not any(pod.ephemeral_storage for pod in summary.pods.values())
        return _Answer((resource, storage), len(summary.rejected), interface_names(summary), early)

    def _succeeded(self, source: Source, answer: _Answer) -> None:
        with self._lock:
            if self._closed:
                return
            self._finish(source)
            duration = self._slots[source].duration_seconds
            if answer.names is not None:
                self._store.interface_names = answer.names
            self._ask_again_soon(self._slots[source], source, answer.early)
            for reading in answer.readings:
                if self._store.absorb(reading, self._clock()):
                    slot = self._slots[reading.source]
                    slot.up, slot.duration_seconds = True, duration
                    slot.readings += 1
        for _ in range(answer.rejected):
            self._errors(source, "decode", "entry")

    def _ask_again_soon(self, slot: _Slot, source: Source, early: bool) -> None:
        """An answer that came too early is asked for again before its turn; not for ever: some never measure."""
        slot.early = slot.early + 1 if early else 0
        if 0 < slot.early <= ASKED_AGAIN:
            slot.due = slot.started + self._rhythm.retry(source)

    def _failed(self, source: Source, stage: str, reason: str, message: str) -> None:
        with self._lock:
            if self._closed:
                return
            self._finish(source)
            slot = self._slots[source]
            first = slot.up is not False
            slot.up = False
            slot.due = slot.started + self._rhythm.retry(source)
            if source is Source.STORAGE and self._slots[Source.RESOURCE].on_its_way is None:
                self._slots[Source.RESOURCE].due = self._monotonic()
        _log.log(logging.WARNING if first else logging.DEBUG, "no reading of %s: %s", source, message)
        self._errors(source, stage, reason)

    def _finish(self, source: Source) -> None:
        slot = self._slots[source]
        slot.on_its_way = None
        slot.duration_seconds = max(0.0, self._monotonic() - slot.started)

    def _state(self, source: Source, now: float) -> SourceState:
        slot = self._slots[source]
        return SourceState(source, slot.up, slot.duration_seconds, self._store.sample_age_seconds(source, now))
