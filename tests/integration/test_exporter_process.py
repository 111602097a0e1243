"""Scope node as a real process against a replayed kubelet: what it costs the kubelet, and what of it may fail."""

from __future__ import annotations

import json
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import requests
import trustme

from tests.harness import Process, free_port, wait_until
from tests.harness.measured import measured
from tests.replay import Endpoint, Fault, Recording, ReplayedCluster, parse_rfc3339
from tests.replay.recording import RFC3339_STRING, SAMPLE_MILLISECONDS
from tests.unit.exporter.golden import check_metrics
from tests.unit.exporter.kubelet.bodies import rfc3339

ROOT: Final = Path(__file__).parents[2]
SOURCES: Final = {Endpoint.CHEAP_SUMMARY: "resource", Endpoint.CADVISOR: "detail", Endpoint.SUMMARY: "storage"}
GARBAGE: Final = b'<html>\x00"{'


@dataclass
class Exporter:
    """A running exporter, and the recorded cluster that it reads."""

    cluster: ReplayedCluster
    process: Process
    port: int

    def get(self, path: str, timeout_header: str = "10") -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            headers = {"X-Prometheus-Scrape-Timeout-Seconds": timeout_header}
            return session.get(f"http://127.0.0.1:{self.port}{path}", headers=headers, timeout=30)

    def scrape(self, timeout_header: str = "10") -> str:
        response = self.get("/metrics", timeout_header)
        assert response.status_code == 200
        return response.text

    def asked(self) -> dict[str, int]:
        return {endpoint.name: self.cluster.kubelet.log.count(endpoint) for endpoint in Endpoint}

    def wait_until_scraped(self, holds: Callable[[str], bool], what: str, seconds: float = 20) -> str:
        """Scrapes until something holds of the exposition, and returns that."""

        def scrape() -> str | None:
            text = self.scrape()
            return text if holds(text) else None

        return wait_until(scrape, seconds, what)

    def wait_until_source(self, source: str, state: float) -> str:
        """The exposition in which a source is up (1) or down (0)."""
        return self.wait_until_scraped(lambda text: up(text).get(source) == state, f"{source} at {state}", 40)


@contextmanager
def running(
    tmp_path: Path,
    recording: str = "lab-3",
    prepare: Callable[[ReplayedCluster], None] = lambda cluster: None,
    **settings: str,
) -> Iterator[Exporter]:
    """An exporter on one moment of a recording; its scrapes are meant to be a second apart unless set otherwise.

    It is not asked whether it is ready: no other is to be taken over from, and all counters are there at once.
    """
    port = free_port()
    with ReplayedCluster(Recording.named(recording, 20, 20)) as cluster:
        prepare(cluster)
        environment = measured() | cluster.environment("node")
        environment |= {"EXPORTER_PORT": str(port), "EXPORTER_SHUTDOWN_GRACE": "0"}
        environment |= {"SCRAPE_INTERVAL": "1", "DETAIL_INTERVAL": "4", "STORAGE_INTERVAL": "20"} | settings
        command = (sys.executable, "-W", "error", "-m", "exporter")
        with Process(command, tmp_path / "exporter.log", environment, ROOT) as process:
            process.wait_until_answers(f"http://127.0.0.1:{port}/healthz")
            yield Exporter(cluster, process, port)
            assert "Traceback" not in process.output()


def values(text: str, name: str) -> dict[str, float]:
    """A metric's samples by their labels, as written."""
    return {
        labels: float(value) for labels, value in re.findall(rf"^cloudmon_{name}{{(.*)}} (\S+)$", text, re.MULTILINE)
    }


def errors(text: str) -> set[tuple[str, str, str]]:
    """(source, stage, reason) of every error so far."""
    pattern = r'reason="(.*?)",source="(.*?)",stage="(.*?)"'
    found = (re.search(pattern, labels) for labels in values(text, "source_errors_total"))
    return {(match[2], match[3], match[1]) for match in found if match}


def up(text: str) -> dict[str, float]:
    return {labels.split('source="')[1].rstrip('"'): value for labels, value in values(text, "source_up").items()}


def test_scrapes_at_once_and_within_the_sharing_time_cost_the_kubelet_one_read(tmp_path: Path) -> None:
    with running(tmp_path, SCRAPE_INTERVAL="15", DETAIL_INTERVAL="60", STORAGE_INTERVAL="300") as exporter:
        exporter.wait_until_scraped(lambda text: "pod_cpu_usage_cores" in text, "first readings")
        before, began = exporter.asked(), time.monotonic()
        scrapes = [threading.Thread(target=exporter.scrape) for _ in range(8)]
        for scrape in scrapes:
            scrape.start()
        for scrape in scrapes:
            scrape.join(20)
        for _ in range(10):
            exporter.scrape()
        assert time.monotonic() - began < 9, "too slow to tell"
        made = {name: count - before[name] for name, count in exporter.asked().items()}
        assert made["CHEAP_SUMMARY"] + made["SUMMARY"] <= 1
        assert made["CADVISOR"] + made["SUMMARY"] <= 1
        assert check_metrics(exporter.scrape().encode()) == ""


def test_a_slow_kubelet_holds_no_scrape_beyond_its_deadline(tmp_path: Path) -> None:
    with running(tmp_path) as exporter:
        exporter.wait_until_scraped(lambda text: "pod_network_receive_bytes_total" in text, "first readings")
        for endpoint in Endpoint:
            exporter.cluster.kubelet.faults.set(endpoint, Fault(delay_seconds=20))
        for _ in range(3):
            began = time.monotonic()
            text = exporter.scrape(timeout_header="1.5")
            assert time.monotonic() - began < 1.5
            assert values(text, "pod_cpu_usage_cores")
            assert values(text, "pod_ready")
        # However many scrapes wait, each endpoint is asked once: no thread more reads the kubelet.
        threads = Path(f"/proc/{exporter.process.pid}/task")
        reading = len(list(threads.iterdir()))
        for _ in range(5):
            exporter.scrape(timeout_header="0.6")
        wait_until(lambda: len(list(threads.iterdir())) <= reading, 5, f"{reading} threads")
        exporter.cluster.kubelet.faults.clear()


FAULTS: Final = {
    "garbage": (Fault(edit=lambda body: GARBAGE), "decode", "malformed"),
    "truncated": (Fault(truncate_to_bytes=1000), "read", "body_cut_off"),
    "403": (Fault(status=403), "read", "http_403"),
    "500": (Fault(status=500), "read", "http_500"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_endpoint_that_fails_costs_what_it_carries(tmp_path: Path, fault: str) -> None:
    """Each endpoint in turn, in one process: what was read is quoted on, and what others give is there."""
    with running(tmp_path, SCRAPE_INTERVAL="0.3", DETAIL_INTERVAL="1", STORAGE_INTERVAL="2") as exporter:
        faults = exporter.cluster.kubelet.faults
        made, stage, reason = FAULTS[fault]
        for endpoint, source in SOURCES.items():
            with faults.during(endpoint, made):
                text = exporter.wait_until_source(source, 0)
                assert (source, stage, reason) in errors(text)
                assert [other for other, value in up(text).items() if value == 0] == [source]
                assert values(text, "pod_ready")
                assert values(text, "pod_cpu_usage_cores")
            exporter.wait_until_source(source, 1)


def test_everything_failing_leaves_what_the_api_server_says(tmp_path: Path) -> None:
    def refuse(cluster: ReplayedCluster) -> None:
        cluster.token_file("node").write_text("nobody's")

    with running(tmp_path, prepare=refuse) as exporter:
        text = exporter.wait_until_scraped(lambda text: len(up(text)) == 4, "every source tried")
        assert ("resource", "read", "http_401") in errors(text)
        assert not values(text, "node_cpu_usage_cores")
        assert not values(text, "pod_cpu_usage_cores")
        assert not values(text, "source_sample_age_seconds").keys() & {
            f'node="lab-3",source="{source}"' for source in SOURCES.values()
        }
        assert len(values(text, "pod_ready")) > 10
        assert "KUBELET_TOKEN_FILE" in exporter.process.output()
        # A rotated token is in force at the next read.
        exporter.cluster.rotate_kubelet_token()
        exporter.wait_until_source("resource", 1)


def test_an_untrusted_certificate_is_one_log_line_that_names_the_settings(tmp_path: Path) -> None:
    other = tmp_path / "other.crt"
    trustme.CA().cert_pem.write_to_path(other)
    with running(tmp_path, KUBELET_CA_FILE=str(other)) as exporter:
        text = exporter.wait_until_source("resource", 0)
        assert ("resource", "connect", "tls_verification") in errors(text)
        lines = [json.loads(line) for line in exporter.process.output().splitlines()]
        told = [line for line in lines if "no reading of resource" in line["message"]]
        assert len(told) == 1
        for setting in ("KUBELET_CA_FILE", "KUBELET_SERVER_NAME", "KUBELET_INSECURE_TLS"):
            assert setting in told[0]["message"]


def test_insecure_tls_is_loud(tmp_path: Path) -> None:
    with running(tmp_path, KUBELET_CA_FILE=str(tmp_path / "none"), KUBELET_INSECURE_TLS="true") as exporter:
        text = exporter.wait_until_scraped(lambda text: "pod_cpu_usage_cores" in text, "readings")
        assert values(text, "kubelet_tls_insecure") == {'node="lab-3"': 1}
        assert exporter.process.output().count("certificate is not verified") == 1


def older(seconds: float) -> Callable[[bytes], bytes]:
    """Moves every time in an answer back."""

    def edit(body: bytes) -> bytes:
        body = SAMPLE_MILLISECONDS.sub(lambda match: b" %d" % (int(match[1]) - 1000 * seconds), body)
        return RFC3339_STRING.sub(
            lambda match: b'"%s"' % rfc3339(parse_rfc3339(match[1].decode()) - seconds).encode(), body
        )

    return edit


def test_a_silent_kubelets_last_reading_ends_when_it_is_a_minute_old(tmp_path: Path) -> None:
    """In wall time. The answers are old when they come, so that the test need not wait for all of the minute."""

    def age(cluster: ReplayedCluster) -> None:
        for endpoint in Endpoint:
            cluster.kubelet.faults.set(endpoint, Fault(edit=older(35)))

    with running(
        tmp_path, prepare=age, SCRAPE_INTERVAL="0.5", DETAIL_INTERVAL="25", STORAGE_INTERVAL="300"
    ) as exporter:
        text = exporter.wait_until_scraped(
            lambda text: "pod_network_receive_bytes_total" in text and "pod_cpu_usage_cores" in text, "readings"
        )
        exporter.cluster.kubelet.outage(True)
        resource, detail = 'node="lab-3",source="resource"', 'node="lab-3",source="detail"'
        served: list[float] = []

        def ended(text: str, source: str, metric: str) -> bool:
            age = values(text, "source_sample_age_seconds").get(source)
            if age is not None:
                served.append(age)
            return age is None and not values(text, metric)

        text = exporter.wait_until_scraped(
            lambda text: ended(text, resource, "pod_cpu_usage_cores"), "the end of CPU", 40
        )
        assert 57 < max(served) <= 60
        assert not values(text, "pod_memory_working_set_bytes")
        assert not values(text, "node_memory_available_bytes")
        assert not values(text, "pod_cpu_usage_seconds_total")
        assert up(text)["resource"] == 0
        # The slower sources go on for two and a half of their intervals.
        assert values(text, "node_filesystem_used_bytes")
        exporter.wait_until_scraped(
            lambda text: ended(text, detail, "pod_network_receive_bytes_total"), "the end of the network", 40
        )
        assert exporter.get("/readyz").status_code == 200
        assert values(exporter.scrape(), "pod_ready")
        exporter.cluster.kubelet.faults.clear()
        exporter.cluster.kubelet.outage(False)
        exporter.wait_until_scraped(lambda text: bool(values(text, "pod_cpu_usage_cores")), "readings again")


def test_sigterm_is_unready_at_once_without_counters_for_two_scrape_intervals_and_ends_well(tmp_path: Path) -> None:
    with running(tmp_path, EXPORTER_SHUTDOWN_GRACE="", SCRAPE_INTERVAL="1.5") as exporter:
        before = exporter.wait_until_scraped(
            lambda text: bool(values(text, "pod_cpu_usage_cores") and values(text, "pod_cpu_usage_seconds_total")),
            "readings",
        )
        exporter.process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        wait_until(lambda: exporter.get("/readyz").status_code == 503, 1, "an exporter that is not ready")
        scrapes = 0
        while time.monotonic() - began < 2.5:
            text = exporter.scrape()
            assert "_total" not in text
            assert values(text, "pod_cpu_usage_cores")
            assert (
                values(text, "pod_memory_working_set_bytes").keys()
                == values(before, "pod_memory_working_set_bytes").keys()
            )
            scrapes += 1
        assert scrapes > 2
        assert exporter.process.wait(10) == 0
        assert 2.9 < time.monotonic() - began < 6


def test_many_reads_leave_no_thread_and_no_socket_behind(tmp_path: Path) -> None:
    with running(tmp_path, SCRAPE_INTERVAL="0.1", DETAIL_INTERVAL="0.2", STORAGE_INTERVAL="0.5") as exporter:
        process = Path(f"/proc/{exporter.process.pid}")

        def held() -> tuple[int, int]:
            return len(list((process / "fd").iterdir())), len(list((process / "task").iterdir()))

        def read(times: int) -> None:
            """Scrapes until the kubelet was asked so many times; now and then it is down."""
            until, scrapes = sum(exporter.asked().values()) + times, 0
            while sum(exporter.asked().values()) < until:
                exporter.cluster.kubelet.outage(scrapes % 5 == 4)
                exporter.scrape()
                scrapes += 1
                assert scrapes < 2000
            exporter.cluster.kubelet.outage(False)

        read(20)
        before = held()
        read(40)
        # A read may be on its way just now.
        wait_until(
            lambda: all(now <= then + 1 for now, then in zip(held(), before, strict=True)), 10, f"{before} again"
        )
