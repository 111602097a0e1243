"""What went wrong since the start, and how each source does: the exporter's account of itself."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator

from exporter.collectors.rows import Labels, Row, with_labels
from exporter.model import Source, SourceState
from promql import names


class ErrorCounts:
    """Errors by source, stage (connect, read, decode, join) and reason; safe to count from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[Source, str, str], int] = {}

    def count(self, source: Source, stage: str, reason: str) -> None:
        key = (source, stage, reason)
        with self._lock:
            self._counts[key] = self._counts.get(key, 0) + 1

    def rows(self, base: Labels) -> Iterator[Row]:
        with self._lock:
            counts = sorted(self._counts.items())
        for (source, stage, reason), errors in counts:
            yield names.SOURCE_ERRORS, with_labels(base, source=source, stage=stage, reason=reason), errors


def source_rows(base: Labels, states: Iterable[SourceState]) -> Iterator[Row]:
    """``source_up`` and its companions; a source that was never tried says nothing."""
    for state in states:
        pairs = with_labels(base, source=state.source)
        if state.up is not None:
            yield names.SOURCE_UP, pairs, float(state.up)
        if state.scrape_duration_seconds is not None:
            yield names.SOURCE_SCRAPE_DURATION_SECONDS, pairs, state.scrape_duration_seconds
        if state.sample_age_seconds is not None:
            yield names.SOURCE_SAMPLE_AGE_SECONDS, pairs, state.sample_age_seconds
