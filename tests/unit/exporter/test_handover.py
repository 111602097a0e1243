"""Who publishes which counters while one exporter takes another's place."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import Metric as Family

from exporter.collectors.exposition import families
from exporter.collectors.rows import labels
from exporter.handover import READ_FOR_EVERY_SCRAPE, Handover, Published
from exporter.kubelet.endpoints import ENDPOINTS, Signal
from exporter.model import Source
from exporter.server import Metrics
from promql import names


@dataclass
class Exporter:
    """A handover on a clock of the test's own, and how often it was told that it is alone."""

    now: float = 100.0
    is_ready: bool = False
    told: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.handover = Handover(
            ready=lambda: self.is_ready,
            alone=lambda: self.told.append(self.now),
            overlap_seconds=10.0,
            clock=lambda: self.now,
        )


@pytest.fixture
def exporter() -> Exporter:
    return Exporter()


def test_the_overlap_begins_with_the_first_ready_answer(exporter: Exporter) -> None:
    assert not exporter.handover.ready()
    assert exporter.handover.published() is Published.ALL
    exporter.is_ready = True
    exporter.now = 130.0
    assert exporter.handover.published() is Published.ALL, "nobody has been told that it is ready"
    assert exporter.handover.ready()
    assert exporter.handover.published() is Published.READ_FOR_EVERY_SCRAPE
    exporter.now = 139.9
    assert exporter.handover.ready(), "asking again does not begin it anew"
    assert exporter.handover.published() is Published.READ_FOR_EVERY_SCRAPE
    assert not exporter.told
    exporter.now = 140.0
    assert exporter.handover.published() is Published.ALL


def test_it_is_told_once_that_it_is_alone_and_before_it_counts(exporter: Exporter) -> None:
    exporter.is_ready = True
    exporter.handover.ready()
    for exporter.now in (105.0, 112.0, 127.0):
        exporter.handover.published()
        exporter.handover.ready()
    assert exporter.told == [112.0]


def test_waiting_until_alone(exporter: Exporter) -> None:
    paused: list[float] = []

    def pause(seconds: float) -> None:
        paused.append(seconds)
        exporter.now += seconds / 2 if len(paused) == 1 else seconds

    exporter.is_ready = True
    waiting = threading.Thread(target=exporter.handover.wait_until_alone, args=(pause,))
    waiting.start()
    assert not paused, "nobody was told that it is ready"
    exporter.handover.ready()
    waiting.join(10)
    assert not waiting.is_alive()
    assert paused == [10.0, 5.0]
    assert exporter.told == [110.0]
    assert exporter.handover.published() is Published.ALL
    assert exporter.told == [110.0]


def test_leaving_is_for_good(exporter: Exporter) -> None:
    exporter.is_ready = True
    assert exporter.handover.ready()
    exporter.handover.leave()
    exporter.now += 1000
    assert not exporter.handover.ready()
    assert exporter.handover.published() is Published.NONE
    assert not exporter.told


def test_without_an_overlap_everything_is_published_at_once() -> None:
    handover = Handover(ready=lambda: True)
    assert handover.ready()
    assert handover.published() is Published.ALL


def test_only_the_cheap_summary_and_restarts_are_read_for_every_scrape() -> None:
    counters = {metric.name for metric in names.METRICS.values() if metric.type == "counter"}
    assert counters > READ_FOR_EVERY_SCRAPE
    served = ENDPOINTS[Source.RESOURCE].serves
    of_signal = {
        Signal.CPU: "cpu_usage_seconds_total",
        Signal.CPU_PRESSURE: "cpu_pressure_some_seconds_total",
        Signal.MEMORY_PRESSURE: "memory_pressure_some_seconds_total",
    }
    counted = [name for signal, name in of_signal.items() if signal in served]
    expected = {f"cloudmon_{of}_{name}" for of in ("node", "pod") for name in counted}
    assert expected | {names.POD_CONTAINER_RESTARTS.name} == READ_FOR_EVERY_SCRAPE


class Scope:
    """One pod's rows; ``handover`` is told to leave while they are collected."""

    def __init__(self) -> None:
        self.handover: Handover | None = None

    def families(self, deadline_seconds: float) -> Iterator[Family]:
        pod = labels(pod="p", uid="u")
        if self.handover is not None:
            self.handover.leave()
        yield from families(
            [
                (names.POD_MEMORY_RSS_BYTES, pod, 1.0),
                (names.POD_CPU_USAGE_SECONDS, pod, 2.0),
                (names.POD_NETWORK_RECEIVE_BYTES, pod, 3.0),
                (names.POD_CONTAINER_RESTARTS, pod, 4.0),
                (names.POD_OOM_KILLS, pod, 5.0),
            ]
        )


def published(metrics: Metrics) -> list[str]:
    return [sample.name for family in metrics.families(1.0) for sample in family.samples]


def test_what_a_scrape_gets(exporter: Exporter) -> None:
    metrics = Metrics(Scope(), (), exporter.handover)
    everything = [
        "cloudmon_pod_cpu_usage_seconds_total",
        "cloudmon_pod_memory_rss_bytes",
        "cloudmon_pod_network_receive_bytes_total",
        "cloudmon_pod_container_restarts_total",
        "cloudmon_pod_oom_kills_total",
    ]
    assert published(metrics) == everything
    exporter.is_ready = True
    exporter.handover.ready()
    assert published(metrics) == [everything[0], everything[1], everything[3]]
    exporter.now += 10
    assert published(metrics) == everything
    exporter.handover.leave()
    assert published(metrics) == [everything[1]]


def test_the_processs_own_counters_wait_too(exporter: Exporter) -> None:
    process = ProcessCollector(registry=CollectorRegistry())
    exporter.is_ready = True
    exporter.handover.ready()
    shown = published(Metrics(Scope(), (process,), exporter.handover))
    assert "process_open_fds" in shown
    assert "process_cpu_seconds_total" not in shown


def test_a_scrape_that_is_being_read_when_the_signal_comes_has_no_counter(exporter: Exporter) -> None:
    scope = Scope()
    scope.handover = exporter.handover
    assert published(Metrics(scope, (), exporter.handover)) == ["cloudmon_pod_memory_rss_bytes"]
