from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from exporter.handover import Handover
from exporter.server import ExporterServer, Metrics, accepts_gzip, deadline_seconds
from tests.harness import wait_until


@dataclass
class Scope:
    """Publishes two gauges and a counter, or fails."""

    error: Exception | None = None
    deadlines: list[float] = field(default_factory=list)

    def families(self, deadline_seconds: float) -> Iterator[Family]:
        self.deadlines.append(deadline_seconds)
        yield GaugeMetricFamily("level", "A level.", value=1)
        if self.error is not None:
            raise self.error
        yield CounterMetricFamily("kills", "Kills.", value=2)


class Process(Collector):
    def collect(self) -> Iterator[Family]:
        yield CounterMetricFamily("process_cpu_seconds", "CPU.", value=3)
        yield GaugeMetricFamily("process_open_fds", "Files.", value=4)


class Broken(Collector):
    def collect(self) -> Iterator[Family]:
        raise RuntimeError("a bug")


@dataclass
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]


@dataclass
class Served:
    port: int
    handover: Handover
    ready: threading.Event

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            return Answer(response.status, response.read(), dict(response.getheaders()))
        finally:
            connection.close()


@contextmanager
def served(scope: Scope, *process: Collector, address: str = "127.0.0.1") -> Iterator[Served]:
    ready = threading.Event()
    handover = Handover(ready.is_set)
    with ExporterServer(address, 0, Metrics(scope, process, handover), handover.ready) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield Served(server.server_port, handover, ready)
        finally:
            server.shutdown()
            thread.join(10)


TEXT = """\
# HELP level A level.
# TYPE level gauge
level 1.0
# HELP kills_total Kills.
# TYPE kills_total counter
kills_total 2.0
"""


def test_metrics_as_text() -> None:
    with served(Scope()) as at:
        answer = at.get("/metrics")
    assert (answer.status, answer.body.decode()) == (200, TEXT)
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["Content-Length"] == str(len(TEXT))


def test_metrics_as_openmetrics_have_no_created_series() -> None:
    with served(Scope()) as at:
        answer = at.get("/metrics", Accept="application/openmetrics-text;version=1.0.0")
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.body.decode().splitlines()[-3:] == ["# TYPE kills counter", "kills_total 2.0", "# EOF"]


def test_a_failing_collector_costs_its_own_families() -> None:
    with served(Scope(RuntimeError("a bug")), Broken(), Process()) as at:
        answer = at.get("/metrics")
    assert answer.status == 200
    assert b"level" not in answer.body
    assert b"process_open_fds 4.0" in answer.body


def test_withheld_counters_are_those_of_the_process_too() -> None:
    with served(Scope(), Process()) as at:
        assert at.get("/metrics").body.count(b"_total ") == 3 + 1 + 2
        at.handover.leave()
        after = at.get("/metrics").body
    assert b"_total" not in after
    assert b"level 1.0" in after
    assert b"process_open_fds 4.0" in after


@pytest.mark.parametrize(
    ("sent", "deadline"),
    [
        ("10", 9.5),
        ("2.5", 2.0),
        ("0.3", 0.1),
        (None, 9.5),
        ("", 9.5),
        ("soon", 9.5),
        ("-1", 9.5),
        ("nan", 9.5),
        ("1e9", 9.5),
    ],
)
def test_the_deadline_is_the_scrape_timeout_less_a_margin(sent: str | None, deadline: float) -> None:
    assert deadline_seconds(sent) == deadline


def test_the_deadline_reaches_the_collector() -> None:
    scope = Scope()
    with served(scope) as at:
        at.get("/metrics", X_Prometheus_Scrape_Timeout_Seconds="4")
    assert scope.deadlines == [3.5]


def test_gzip_where_it_is_accepted_and_worth_it() -> None:
    class Large(Collector):
        def collect(self) -> Iterator[Family]:
            yield GaugeMetricFamily("large", "x" * 2000, value=1)

    with served(Scope(), Large()) as at:
        plain, packed = at.get("/metrics"), at.get("/metrics", Accept_Encoding="br, gzip;q=0.5")
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.body) < len(plain.body) / 4
    with served(Scope()) as at:
        assert "Content-Encoding" not in at.get("/metrics", Accept_Encoding="gzip").headers


@pytest.mark.parametrize(
    ("header", "accepted"),
    [("gzip", True), ("deflate, GZIP", True), ("gzip;q=0", False), ("gzip; q=0.0", False), ("br", False), ("", False)],
)
def test_accepting_gzip(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


def test_health_and_readiness() -> None:
    with served(Scope()) as at:
        assert at.get("/healthz").status == 200
        assert (at.get("/readyz").status, at.get("/readyz").body) == (503, b"not ready\n")
        at.ready.set()
        assert (at.get("/readyz/").status, at.get("/readyz?verbose").body) == (200, b"ready\n")


def test_other_paths_and_methods() -> None:
    with served(Scope()) as at:
        assert at.get("/").status == 200
        assert at.get("/metrics2").status == 404
        assert at.get("/metrics", "POST").status == 501
        head = at.get("/metrics", "HEAD")
        assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(TEXT)))


def test_one_connection_serves_many_scrapes() -> None:
    with served(Scope()) as at:
        connection = http.client.HTTPConnection("127.0.0.1", at.port, timeout=10)
        for _ in range(3):
            connection.request("GET", "/metrics")
            assert connection.getresponse().read().decode() == TEXT
        connection.close()


def test_scrapes_do_not_wait_for_each_other() -> None:
    both = threading.Barrier(2, timeout=10)

    class Meeting(Scope):
        def families(self, deadline_seconds: float) -> Iterator[Family]:
            both.wait()
            return super().families(deadline_seconds)

    with served(Meeting()) as at:
        found: list[Answer] = []
        threads = [threading.Thread(target=lambda: found.append(at.get("/metrics"))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert [answer.body.decode() for answer in found] == [TEXT, TEXT]


@pytest.mark.parametrize("address", ["", "localhost", "0.0.0.0"])
def test_addresses(address: str) -> None:
    with served(Scope(), address=address) as at:
        assert at.get("/healthz").status == 200


def test_a_port_in_use_is_an_error() -> None:
    with served(Scope()) as at, pytest.raises(OSError, match="in use"):
        ExporterServer("127.0.0.1", at.port, Metrics(Scope(), (), at.handover), at.handover.ready)


def test_a_client_that_goes_away_costs_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    gone, went = threading.Event(), threading.Event()

    class Waiting(Scope):
        def families(self, deadline_seconds: float) -> Iterator[Family]:
            gone.wait(10)
            yield GaugeMetricFamily("large", "x" * 10_000_000, value=1)
            went.set()

    caplog.set_level("INFO")
    with served(Waiting()) as at:
        connection = socket.create_connection(("127.0.0.1", at.port), timeout=10)
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        gone.set()
        assert went.wait(10)
        wait_until(lambda: "went away" in caplog.text, 10, "a line about it")
        assert at.get("/healthz").status == 200
    assert "Traceback" not in caplog.text
