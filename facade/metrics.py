"""The facade's metrics about itself, each app's in a registry of its own.

A server of several processes needs the metrics of all of them in one answer: whichever process is scraped, counters
must not run back. For that prometheus-client keeps each process's values in files of one directory
(https://prometheus.github.io/client_python/multiprocess/), and ``directory`` names it here. Without one, the metrics
are of this process alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from facade.errors import UpstreamError

_SECONDS_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
OTHER: Final = "other"
# The library has no annotations for this one.
_collect_processes: Callable[[CollectorRegistry, str], object] = MultiProcessCollector
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class FacadeMetrics:
    """Counts what the facade is asked and what it asks. Label values come from the code, never from a request."""

    def __init__(self, directory: str | None = None) -> None:
        self._directory = directory
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "cloudmon_facade_requests_total", "Requests answered.", ("route", "method", "status"), registry=registry
        )
        self._request_seconds = Histogram(
            "cloudmon_facade_request_duration_seconds",
            "Time from a request's arrival in the application to its answer.",
            ("route",),
            buckets=_SECONDS_BUCKETS,
            registry=registry,
        )
        self._upstream_seconds = Histogram(
            "cloudmon_facade_upstream_query_duration_seconds",
            "Time from a query to Prometheus's whole answer.",
            buckets=_SECONDS_BUCKETS,
            registry=registry,
        )
        self._upstream_errors = Counter(
            "cloudmon_facade_upstream_errors_total",
            "Queries that Prometheus did not answer.",
            ("kind",),
            registry=registry,
        )
        self._in_part = Counter(
            "cloudmon_facade_partial_answers_total",
            "Answers made while a part of the store did not answer.",
            registry=registry,
        )
        self._in_flight = Gauge(
            "cloudmon_facade_requests_in_flight",
            "Requests being answered.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        for class_ in UpstreamError.__subclasses__():
            self._upstream_errors.labels(class_.kind)

    def request_started(self) -> None:
        """A request has arrived."""
        self._in_flight.inc()

    def request_over(self) -> None:
        """A request has left, whatever became of it."""
        self._in_flight.dec()

    def request_answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request was answered; ``route`` is the rule it matched."""
        self._requests.labels(route, method if method in _METHODS else OTHER, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)

    def answered_in_part(self) -> None:
        """A request was answered from what a part of the store had."""
        self._in_part.inc()

    def query_ended(self, seconds: float, error: UpstreamError | None) -> None:
        """A query to Prometheus has ended: a ``facade.prometheus.QueryObserver``."""
        self._upstream_seconds.observe(seconds)
        if error is not None:
            self._upstream_errors.labels(error.kind).inc()

    def exposition(self) -> bytes:
        """The metrics in Prometheus's text format, of which ``CONTENT_TYPE`` is the media type."""
        registry = self._registry
        if self._directory is not None:
            _forget_dead_processes(Path(self._directory))
            registry = CollectorRegistry()
            _collect_processes(registry, self._directory)
        return generate_latest(registry)


def _forget_dead_processes(directory: Path) -> None:
    """Let what a process that died had in flight be nobody's: its counters stay, its gauges go."""
    for file in directory.glob("gauge_live*_*.db"):
        process = int(file.stem.rpartition("_")[2])
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            mark_process_dead(process, str(directory))
