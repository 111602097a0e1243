"""Scope node: one node's readings joined with its pods."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Final, Protocol

from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from exporter.collectors.counts import ErrorCounts, source_rows
from exporter.collectors.exposition import families
from exporter.collectors.pods import ContainerSeries, container_rows, life_rows, pod_labels, resource_rows, usage_rows
from exporter.collectors.rows import Row, describe, labels, with_labels
from exporter.model import NodeSnapshot, NodeUsage, Pod, PodUsage, Source, SourceState
from promql import names

log = logging.getLogger(__name__)

# How long a collection that nobody gave a deadline may wait for the kubelet: Prometheus's default scrape timeout.
DEFAULT_DEADLINE_SECONDS: Final = 10.0

_NODE_USAGE: Final = tuple(
    (metric, field.name)
    for field in fields(NodeUsage)
    if (metric := names.METRICS.get(f"{names.PREFIX}node_{field.name}")) is not None
)


class NodeReadings(Protocol):
    """What the kubelet measured."""

    def snapshot(self, deadline_seconds: float) -> NodeSnapshot: ...


class NodePods(Protocol):
    """What the API server says of the node's pods; None before the first list and after too long a silence."""

    def items(self) -> Sequence[Pod] | None: ...

    def state(self) -> SourceState: ...


class NodeCollector(Collector):
    """A node's series. Whatever fails costs its own part of the scrape and is counted."""

    def __init__(
        self,
        node: str,
        readings: NodeReadings,
        pods: NodePods,
        errors: ErrorCounts,
        *,
        containers: ContainerSeries = "several",
        insecure_tls: bool = False,
    ) -> None:
        self._node = node
        self._readings = readings
        self._pods = pods
        self._errors = errors
        self._containers = containers
        self._insecure_tls = insecure_tls
        # Uids of usage that is accounted for: known once, or counted once as unknown.
        self._accounted: frozenset[str] = frozenset()
        self._accounting = threading.Lock()

    def describe(self) -> Iterable[Family]:
        return describe("node")

    def collect(self) -> Iterable[Family]:
        return self.families(DEFAULT_DEADLINE_SECONDS)

    def families(self, deadline_seconds: float) -> Iterable[Family]:
        """All families of one scrape; the kubelet is waited for at most ``deadline_seconds``."""
        return families(self.rows(deadline_seconds))

    def rows(self, deadline_seconds: float) -> Iterator[Row]:
        base = labels(node=self._node)
        snapshot = self._read(deadline_seconds)
        pods = self._pods.items()
        yield from self._node_rows(snapshot.node)
        if pods is not None:
            running = [pod for pod in pods if pod.phase == "Running"]
            without_stats = sum(not _measured(snapshot.pods.get(pod.stats_uid)) for pod in running)
            self._count_unknown(snapshot.pods, pods)
            for pod in sorted(pods, key=lambda pod: (pod.namespace, pod.name, pod.uid)):
                yield from self._pod_rows(pod, snapshot.pods.get(pod.stats_uid))
            yield names.PODS_SEEN, base, len(pods)
            yield names.PODS_WITHOUT_STATS, base, without_stats
        yield names.INSECURE_TLS, base, float(self._insecure_tls)
        yield from source_rows(base, (*snapshot.sources, self._pods.state()))
        yield from self._errors.rows(base)

    def _read(self, deadline_seconds: float) -> NodeSnapshot:
        try:
            return self._readings.snapshot(deadline_seconds)
        except Exception:
            # The reader answers for its own failures; one it did not foresee still costs only its readings.
            log.exception("the kubelet's readings could not be taken")
            self._errors.count(Source.RESOURCE, "read", "unexpected")
            return NodeSnapshot(NodeUsage(), {}, ())

    def _node_rows(self, usage: NodeUsage) -> Iterator[Row]:
        base = labels(node=self._node)
        for metric, name in _NODE_USAGE:
            value: float | None = getattr(usage, name)
            if value is not None:
                yield metric, base, value
        for interface in usage.network_interfaces:
            yield names.NODE_NETWORK_INTERFACE_INFO, with_labels(base, interface=interface), 1

    def _pod_rows(self, pod: Pod, usage: PodUsage | None) -> list[Row]:
        try:
            base = pod_labels(pod)
            rows = [*resource_rows(pod, base), *life_rows(pod, base)]
            if usage is not None:
                rows += usage_rows(pod, base, usage)
            rows += container_rows(pod, base, usage, self._containers)
        except Exception:
            log.exception("a pod could not be published", extra={"namespace": pod.namespace, "pod": pod.name})
            self._errors.count(Source.NODE_PODS, "join", "unexpected")
            return []
        return rows

    def _count_unknown(self, usage: Mapping[str, PodUsage], pods: Iterable[Pod]) -> None:
        """Count, once each, the uids that the kubelet lists and the API server never told of.

        The kubelet goes on listing a deleted pod for a while; that one was known, and nothing of it is lost.
        """
        with self._accounting:
            unknown = usage.keys() - self._accounted - {pod.stats_uid for pod in pods}
            self._accounted = frozenset(usage)
        for _ in unknown:
            self._errors.count(Source.RESOURCE, "join", "unknown_pod")


def _measured(usage: PodUsage | None) -> bool:
    """Whether the source of CPU and memory gave anything of the pod."""
    return usage is not None and (
        usage.cpu_usage_cores is not None
        or usage.cpu_usage_seconds_total is not None
        or usage.memory_working_set_bytes is not None
    )
