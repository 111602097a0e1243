"""Serves ``/metrics``, ``/healthz`` and ``/readyz``, one thread a connection: no scraper waits for another."""

from __future__ import annotations

import gzip
import logging
import socket
import sys
from collections.abc import Callable, Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, Protocol

from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from exporter.collectors.exposition import Writer
from exporter.collectors.node import DEFAULT_DEADLINE_SECONDS
from exporter.handover import READ_FOR_EVERY_SCRAPE, Handover, Published

log = logging.getLogger(__name__)

# Time that rendering and the way back take, of what Prometheus allows for a scrape.
_DEADLINE_MARGIN_SECONDS: Final = 0.5
# Answers shorter than this are not worth compressing.
_GZIP_FROM_BYTES: Final = 1024
# A connection that says nothing for so long is closed; Prometheus opens another.
_IDLE_SECONDS: Final = 300.0


class ScopeCollector(Protocol):
    """What the scope publishes, within a deadline."""

    def families(self, deadline_seconds: float) -> Iterable[Family]: ...


class Metrics:
    """What ``/metrics`` answers: the scope's families, then the process's.

    A collector that fails costs its own families. ``handover`` says which counters are published.
    """

    def __init__(self, scope: ScopeCollector, process: Iterable[Collector], handover: Handover) -> None:
        self._scope = scope
        self._process = tuple(process)
        self._handover = handover

    def families(self, deadline_seconds: float) -> list[Family]:
        published = self._handover.published()
        found = _all_or_none(lambda: self._scope.families(deadline_seconds))
        for collector in self._process:
            found += _all_or_none(collector.collect)
        if self._handover.published() is Published.NONE:
            published = Published.NONE  # told to leave while this scrape was being read
        return [family for family in found if family.type != "counter" or _admits(published, family)]


def _admits(published: Published, counter: Family) -> bool:
    if published is Published.READ_FOR_EVERY_SCRAPE:
        return f"{counter.name}_total" in READ_FOR_EVERY_SCRAPE
    return published is Published.ALL


def _all_or_none(collect: Callable[[], Iterable[Family]]) -> list[Family]:
    try:
        return list(collect())
    except Exception:
        log.exception("a collector failed; the rest of the scrape is served")
        return []


class ExporterServer(ThreadingHTTPServer):
    """The listening server. ``ready`` is asked at every ``/readyz``. OSError when the address cannot be had."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    # Linux only lets a second listener in where both ask for SO_REUSEPORT, which this does not.
    allow_reuse_address = True

    def __init__(self, address: str, port: int, metrics: Metrics, ready: Callable[[], bool]) -> None:
        self.metrics = metrics
        self.writer = Writer()
        self.ready = ready
        host, self.address_family = _host_and_family(address)
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            # "All addresses" means those of both families.
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def handle_error(self, request: object, client_address: object) -> None:
        where = {"client": str(client_address)}
        if isinstance(sys.exception(), OSError):
            log.info("a client went away before its answer", extra=where)
        else:
            log.error("a request failed", extra=where, exc_info=True)


def _host_and_family(address: str) -> tuple[str, socket.AddressFamily]:
    if address:
        family, *_, bound = socket.getaddrinfo(address, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return str(bound[0]), family
    return ("::", socket.AF_INET6) if socket.has_dualstack_ipv6() else ("0.0.0.0", socket.AF_INET)


class _Handler(BaseHTTPRequestHandler):
    server: ExporterServer
    protocol_version = "HTTP/1.1"
    server_version = "cloudmon-exporter"
    sys_version = ""
    timeout = _IDLE_SECONDS

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].rstrip("/") or "/"
        match path:
            case "/metrics":
                self._metrics()
            case "/healthz":
                self._answer(HTTPStatus.OK, b"ok\n")
            case "/readyz":
                ready = self.server.ready()
                self._answer(
                    HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE, b"ready\n" if ready else b"not ready\n"
                )
            case "/":
                self._answer(HTTPStatus.OK, b"Cloud Monitoring exporter: /metrics /healthz /readyz\n")
            case _:
                self._answer(HTTPStatus.NOT_FOUND, b"not found: /metrics, /healthz and /readyz are served\n")

    do_HEAD = do_GET

    def _metrics(self) -> None:
        deadline = deadline_seconds(self.headers.get("X-Prometheus-Scrape-Timeout-Seconds"))
        body, content_type = self.server.writer.write(
            self.server.metrics.families(deadline), self.headers.get("Accept", "")
        )
        self._answer(HTTPStatus.OK, body, content_type)

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str = "text/plain; charset=utf-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        if len(body) >= _GZIP_FROM_BYTES and accepts_gzip(self.headers.get("Accept-Encoding", "")):
            body = gzip.compress(body, compresslevel=1)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Vary", "Accept, Accept-Encoding")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Scrapes come every few seconds: they are not logged."""


def deadline_seconds(scrape_timeout: str | None) -> float:
    """How long a scrape may wait for the kubelet: Prometheus's timeout less a margin, at least 0.1 s.

    Prometheus sends its timeout with every scrape; what is no positive number is as good as none.
    """
    try:
        timeout = float(scrape_timeout or DEFAULT_DEADLINE_SECONDS)
    except ValueError:
        timeout = DEFAULT_DEADLINE_SECONDS
    if not 0 < timeout <= 3600:
        timeout = DEFAULT_DEADLINE_SECONDS
    return max(0.1, timeout - _DEADLINE_MARGIN_SECONDS)


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether the header admits gzip (RFC 9110, 12.5.3): named, and not with q=0."""
    for part in accept_encoding.split(","):
        coding, _, weight = part.partition(";")
        if coding.strip().lower() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
