"""What has been read, and what of it may still be served.

A signal of an entity has one series, fed by the endpoint that is the first choice for it, or by one that stands in
while the first choice has nothing current. A reading that no longer lists something ends it at once; a row that stops
moving ends when it is too old for its source; a reading that failed ends nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from exporter.kubelet.endpoints import ENDPOINTS, Rhythm, Signal
from exporter.kubelet.rows import Counter, Entity, InterfaceNames, PodName, Reading, Row
from exporter.kubelet.series import CounterSeries, LevelSeries, Origin
from exporter.model import Source

# A pod in back-off is not listed for up to 5 minutes and then counts on: what its counters need is kept longer.
_RETENTION_SECONDS: Final = 900.0


@dataclass(slots=True)
class Track:
    """A series, the source that fed it last, when that was last read (monotonic), and whether it was listed then."""

    series: CounterSeries | LevelSeries
    source: Source
    read: float
    listed: bool = True


class Store:
    """Not safe for use by several threads at once: the reader has the lock. Times are Unix seconds."""

    def __init__(self, rhythm: Rhythm) -> None:
        self._rhythm = rhythm
        self._newest: dict[Source, Reading] = {}
        self.tracks: dict[Entity, dict[Signal, Track]] = {}
        self.interface_names = InterfaceNames()
        # Counters are served of readings that began after this (monotonic).
        self.counters_since = -math.inf

    def absorb(self, reading: Reading, now: float) -> bool:
        """Takes a reading in. False if a newer one of its source has been taken already: then it says nothing."""
        source = reading.source
        known = self._newest.get(source)
        if known is not None and known.started > reading.started:
            return False
        # Of its rows the tracks have what is needed.
        self._newest[source] = replace(reading, rows={})
        for entity, rows in reading.rows.items():
            for signal, row in rows.items():
                self._feed(entity, signal, row, reading, now)
        self._unlist(reading)
        self._forget(now)
        return True

    def current(self, track: Track, now: float) -> bool:
        """Whether a series may be served."""
        return track.listed and now - track.series.time <= self._rhythm.lifetime(track.source)

    def counts(self, track: Track) -> bool:
        """Whether the total of a series that may be served may be served too."""
        return track.read > self.counters_since

    def has_rates(self, now: float) -> bool:
        """Whether the network counters of the node and of every pod that are current have a rate, there being some."""
        counters = [
            track.series
            for signals in self.tracks.values()
            if (track := signals.get(Signal.NETWORK_RECEIVE)) is not None and self.current(track, now)
        ]
        return bool(counters) and all(isinstance(one, CounterSeries) and one.rate is not None for one in counters)

    def sample_age_seconds(self, source: Source, now: float) -> float | None:
        """Age of the reading of ``source`` that is being served; None when none is."""
        newest = self._newest.get(source)
        if newest is None:
            return None
        age = max(0.0, now - newest.time)
        return age if age <= self._rhythm.lifetime(source) else None

    def pod_names(self) -> Mapping[str, PodName]:
        """By uid, as the newest readings have them; cadvisor's may be empty, so the summary's go before."""
        names: dict[str, PodName] = {}
        for source in (Source.DETAIL, Source.STORAGE, Source.RESOURCE):
            if source in self._newest:
                names |= self._newest[source].pods
        return names

    def _feed(self, entity: Entity, signal: Signal, row: Row, reading: Reading, now: float) -> None:
        source = reading.source
        track = self.tracks.get(entity, {}).get(signal)
        if signal not in ENDPOINTS[source].serves and not self._may_stand_in(entity, signal, source, track, now):
            return
        if track is None:
            series = CounterSeries.start(row) if isinstance(row, Counter) else LevelSeries.start(row)
            self.tracks.setdefault(entity, {})[signal] = Track(series, source, reading.started)
        elif _observe(track.series, row, now, _origin(track, signal, source)):
            track.source, track.read, track.listed = source, reading.started, True
        else:
            # It has not moved, whichever endpoint says so: what is known is still the newest.
            track.read = reading.started
            track.listed = track.listed or track.source is source

    def _may_stand_in(self, entity: Entity, signal: Signal, source: Source, track: Track | None, now: float) -> bool:
        if signal not in ENDPOINTS[source].stands_in:
            return False
        if track is not None and track.source is not source and self.current(track, now):
            return False
        # The summary lists every pod in which something runs: one that it does not list has nothing to stand in for.
        return self._listed_by_summary(entity, signal, now)

    def _listed_by_summary(self, entity: Entity, signal: Signal, now: float) -> bool:
        if entity.kind == "node" or signal not in ENDPOINTS[Source.RESOURCE].serves:
            return True
        summary = self._newest.get(Source.RESOURCE)
        if summary is None or self.sample_age_seconds(Source.RESOURCE, now) is None:
            return True
        return entity.uid in summary.pods

    def _unlist(self, reading: Reading) -> None:
        source = reading.source
        for entity, signals in self.tracks.items():
            rows = reading.rows.get(entity, {})
            gone = source is Source.RESOURCE and entity.kind != "node" and entity.uid not in reading.pods
            for signal, track in signals.items():
                if track.source is source:
                    track.listed = signal in rows
                elif gone and signal in ENDPOINTS[source].serves:
                    track.listed = False

    def _forget(self, now: float) -> None:
        for entity, signals in list(self.tracks.items()):
            newest = max(track.series.time for track in signals.values())
            listed = any(track.listed for track in signals.values())
            if not listed and now - newest > _RETENTION_SECONDS:
                del self.tracks[entity]


def _origin(track: Track, signal: Signal, source: Source) -> Origin:
    if track.source is source:
        return Origin.SAME
    stood_in = signal not in ENDPOINTS[track.source].serves
    return Origin.FIRST_CHOICE if stood_in and signal in ENDPOINTS[source].serves else Origin.OTHER


def _observe(series: CounterSeries | LevelSeries, row: Row, now: float, origin: Origin) -> bool:
    if isinstance(series, CounterSeries):
        return isinstance(row, Counter) and series.observe(row, now, origin)
    return not isinstance(row, Counter) and series.observe(row, now, origin)
