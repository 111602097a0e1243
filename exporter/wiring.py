"""Puts a scope together from the configuration: which sources it reads, what it publishes, when it is ready.

What only a real cluster needs is imported here where it is used: the sample fleet starts without it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from exporter import sample
from exporter.collectors import ClusterCollector, ErrorCounts, NodeCollector
from exporter.config import Config
from exporter.handover import OVERLAP_SECONDS, Handover
from exporter.server import ScopeCollector

if TYPE_CHECKING:
    from exporter.kubelet.readings import KubeletReader

log = logging.getLogger(__name__)

# A scrape interval apart: two readings of each endpoint fit in twice over.
PRIMING_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class Scope:
    """What a process serves. ``start`` begins to read in threads of its own and returns at once."""

    collector: ScopeCollector
    handover: Handover
    start: Callable[[], None]


def build_scope(config: Config, errors: ErrorCounts) -> Scope:
    """The scope that the configuration asks for. Raises ConfigError where the API server cannot be found by it."""
    if config.source == "sample":
        return _sample_scope(config, errors)
    if config.scope == "cluster":
        return _cluster_scope(config, errors)
    return _node_scope(config, errors)


def _sample_scope(config: Config, errors: ErrorCounts) -> Scope:
    collector: ScopeCollector
    if config.scope == "cluster":
        collector = ClusterCollector(sample.SampleCluster(time.time, config.shard), errors, config.shard.count)
    else:
        node = sample.node_readings(config.node_name, time.time)
        collector = NodeCollector(config.node_name, node, node, errors, containers=config.containers)
    return Scope(collector, Handover(ready=lambda: True), start=lambda: None)


def _node_scope(config: Config, errors: ErrorCounts) -> Scope:
    from exporter.cluster.api import KubernetesApi
    from exporter.cluster.readers import NodePodsReader
    from exporter.kubelet.client import KubeletClient
    from exporter.kubelet.readings import KubeletReader

    if config.kubelet_insecure_tls:
        log.warning("KUBELET_INSECURE_TLS is true: the kubelet's certificate is not verified")
    client = KubeletClient(
        config.kubelet_url,
        config.kubelet_ca_file,
        config.kubelet_token_file,
        config.kubelet_server_name,
        config.kubelet_insecure_tls,
    )
    readings = KubeletReader(
        client,
        time.time,
        config.scrape_interval,
        config.detail_interval,
        config.storage_interval,
        config.node_interfaces,
        errors.count,
    )
    pods = NodePodsReader(KubernetesApi.connect(config.kubeconfig).node_pods(config.node_name), errors.count)

    def serving() -> None:
        readings.begin_serving()
        pods.begin_serving()

    primer = _Primer(readings, config.scrape_interval, serving)

    handover = Handover(
        ready=lambda: pods.listed and primer.done.is_set(),
        alone=readings.begin_serving,
        overlap_seconds=OVERLAP_SECONDS,
    )

    def first_readings() -> None:
        primer.run()
        # The sooner the counters are read that were left out, the less is missing from the rates over the gap.
        handover.wait_until_alone()
        readings.snapshot(config.scrape_interval)

    def start() -> None:
        pods.start()
        threading.Thread(target=first_readings, name="first-readings", daemon=True).start()

    collector = NodeCollector(
        config.node_name,
        readings,
        pods,
        errors,
        containers=config.containers,
        insecure_tls=config.kubelet_insecure_tls,
    )
    return Scope(collector, handover, start)


class _Primer:
    """Reads the kubelet until throughput is known, which takes two readings: only then may this exporter be scraped in
    another's place without a hole in the node's throughput. Nobody scrapes one that is not ready, so it reads by
    itself.
    """

    def __init__(self, readings: KubeletReader, scrape_interval: float, then: Callable[[], None]) -> None:
        self.done = threading.Event()
        self._readings = readings
        self._interval = scrape_interval
        self._then = then

    def run(self) -> None:
        # A kubelet that is down must become visible too: after a while the attempts count, not their success.
        for _ in range(PRIMING_ATTEMPTS):
            try:
                self._readings.snapshot(self._interval)
            except Exception:
                log.exception("a first reading of the kubelet failed")
            if self._readings.primed():
                break
            self.done.wait(self._interval)
        self._then()
        self.done.set()


def _cluster_scope(config: Config, errors: ErrorCounts) -> Scope:
    from exporter.cluster.api import KubernetesApi
    from exporter.cluster.readers import ClusterReader

    api = KubernetesApi.connect(config.kubeconfig)
    cluster = ClusterReader(partial(api.kind, shard=config.shard), errors.count)
    collector = ClusterCollector(cluster, errors, config.shard.count)
    return Scope(collector, Handover(ready=lambda: cluster.ready), start=cluster.start)
