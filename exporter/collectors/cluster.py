"""Scope cluster: what exists."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from exporter.collectors.counts import ErrorCounts, source_rows
from exporter.collectors.exposition import families
from exporter.collectors.pods import existence_rows, pod_labels, resource_rows
from exporter.collectors.rows import Row, describe, labels, with_labels
from exporter.model import ClusterSnapshot, Node, Pod, Resources, Source, WorkloadReplicas
from promql import names

log = logging.getLogger(__name__)

T = TypeVar("T")


class ClusterReadings(Protocol):
    """What the API server says of the cluster."""

    def snapshot(self) -> ClusterSnapshot: ...


class ClusterCollector(Collector):
    """A cluster's series, or those of one of its ``shards``. An object that cannot be published costs itself and is
    counted.
    """

    def __init__(self, readings: ClusterReadings, errors: ErrorCounts, shards: int = 1) -> None:
        self._readings = readings
        self._errors = errors
        self._shards = shards
        # By uid, every pod of the last scrape and its rows, which are the same as long as the pod is.
        self._pods: dict[str, tuple[Pod, list[Row]]] = {}

    def describe(self) -> Iterable[Family]:
        return describe("cluster")

    def collect(self) -> Iterable[Family]:
        return families(self.rows())

    def families(self, deadline_seconds: float) -> Iterable[Family]:
        """All families of one scrape; nothing is waited for, so the deadline is always met."""
        return self.collect()

    def rows(self) -> Iterator[Row]:
        snapshot = self._readings.snapshot()
        for node in sorted(snapshot.nodes, key=lambda node: node.name):
            yield from self._guarded(Source.NODES, node_rows, node)
        for rows in self._rows_of_pods(snapshot.pods):
            yield from rows
        for workload in sorted(snapshot.workloads, key=_workload_order):
            yield from self._guarded(Source(f"{workload.workload.kind.lower()}s"), workload_rows, workload)
        for namespace in sorted(snapshot.namespaces):
            yield names.NAMESPACE_INFO, labels(namespace=namespace), 1
        if any(state.source is Source.PODS and state.sample_age_seconds is not None for state in snapshot.sources):
            yield names.PODS_SEEN, (), len(snapshot.pods)
        yield from source_rows((), snapshot.sources)
        yield from self._shard_rows(snapshot)
        yield from self._errors.rows(())

    def _shard_rows(self, snapshot: ClusterSnapshot) -> Iterator[Row]:
        """Of what is served, in how many parts it comes: who has fewer parts does not have everything."""
        for state in snapshot.sources if self._shards > 1 else ():
            if state.sample_age_seconds is not None:
                yield names.SOURCE_SHARDS, labels(source=state.source), self._shards

    def _rows_of_pods(self, pods: Iterable[Pod]) -> Iterator[list[Row]]:
        last, now = self._pods, {}
        for pod in sorted(pods, key=lambda pod: (pod.namespace, pod.name, pod.uid)):
            known, rows = last.get(pod.uid, (None, []))
            now[pod.uid] = pod, rows if known is pod and rows else self._guarded(Source.PODS, pod_rows, pod)
            yield now[pod.uid][1]
        self._pods = now

    def _guarded(self, source: Source, publish: Callable[[T], Iterator[Row]], item: T) -> list[Row]:
        try:
            return list(publish(item))
        except Exception:
            log.exception("an object could not be published", extra={"source": source})
            self._errors.count(source, "join", "unexpected")
            return []


def node_rows(node: Node) -> Iterator[Row]:
    base = labels(node=node.name)
    pairs = with_labels(
        base,
        kubelet_version=node.kubelet_version,
        container_runtime_version=node.container_runtime_version,
        os_image=node.os_image,
        kernel_version=node.kernel_version,
        architecture=node.architecture,
        internal_ip=node.internal_ip,
    )
    yield names.NODE_INFO, pairs, 1
    # A node whose condition is Unknown or absent has not been heard of: it is not ready.
    yield names.NODE_READY, base, float(node.ready is True)
    yield from _amounts(
        node.name,
        node.capacity,
        node.capacity_pods,
        (names.NODE_CPU_CAPACITY_CORES, names.NODE_MEMORY_CAPACITY_BYTES, names.NODE_PODS_CAPACITY),
    )
    yield from _amounts(
        node.name,
        node.allocatable,
        node.allocatable_pods,
        (names.NODE_CPU_ALLOCATABLE_CORES, names.NODE_MEMORY_ALLOCATABLE_BYTES, names.NODE_PODS_ALLOCATABLE),
    )


def pod_rows(pod: Pod) -> Iterator[Row]:
    """A pod's existence; its requests and limits too while no node, and so no other exporter, has it."""
    base = pod_labels(pod)
    yield from existence_rows(pod, base)
    if pod.node is None:
        yield from resource_rows(pod, base)


def workload_rows(workload: WorkloadReplicas) -> Iterator[Row]:
    base = labels(namespace=workload.namespace, workload_kind=workload.workload.kind, workload=workload.workload.name)
    for state in ("desired", "ready", "available", "updated"):
        replicas: int = getattr(workload, state)
        yield names.WORKLOAD_REPLICAS, with_labels(base, state=state), replicas


def _workload_order(of: WorkloadReplicas) -> tuple[str, str, str]:
    return of.namespace, of.workload.kind, of.workload.name


def _amounts(
    node: str, amounts: Resources, pods: float | None, metrics: tuple[names.Metric, names.Metric, names.Metric]
) -> Iterator[Row]:
    base = labels(node=node)
    for metric, value in zip(metrics, (amounts.cpu_cores, amounts.memory_bytes, pods), strict=True):
        if value is not None:
            yield metric, base, value
