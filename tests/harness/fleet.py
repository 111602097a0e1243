"""A made fleet for tests of answers: pods with plain numbers, on nodes whose exporters may be silent.

``Fleet.samples`` is what ``tests.harness.store`` stores. A pod's gauges have its ``value``, its counters grow by as
much a second, its request is as large and its limit twice that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from promql import names
from promql.catalogue import Catalogue

Sample = tuple[str, tuple[tuple[str, str], ...], float]
DAY = 86400.0
NODE_SOURCES = ("resource", "detail", "storage", "node_pods")
CLUSTER_SOURCES = ("pods", "nodes", "namespaces", "deployments")
# The source of every metric of a pod that a signal is made of.
POD_METRICS = {
    metric: signal.source
    for signal in Catalogue.load().signals.values()
    if not signal.optional
    for metric in (signal.pod.now, signal.pod.level, *signal.pod.counters)
    if metric is not None
}


def row(metric: names.Metric | str, labels: Mapping[str, str], value: float) -> Sample:
    name = metric if isinstance(metric, str) else metric.name
    return name, tuple(sorted(labels.items())), value


@dataclass(frozen=True)
class FleetPod:
    """``until`` is the last moment at which it is there, ``created`` the first; times are Unix seconds. ``memory`` says
    that it asks for memory too.
    """

    namespace: str
    name: str
    uid: str
    workload: tuple[str, str]
    created: float
    node: str = "n1"
    phase: str = "Running"
    value: float = 1.0
    host_network: bool = False
    limits: bool = True
    memory: bool = False
    disk: bool = True
    until: float = float("inf")
    restarts: int = 2
    oom_kills: Callable[[float], float] = lambda _: 0.0
    last_oom_kill: Callable[[float], float | None] = lambda _: None

    def labels(self) -> dict[str, str]:
        own = {"namespace": self.namespace, "pod": self.name, "uid": self.uid}
        own |= {"workload_kind": self.workload[0], "workload": self.workload[1]}
        return own | ({"node": self.node} if self.node else {})

    def there(self, time: float) -> bool:
        return self.created <= time <= self.until

    def node_scope(self, time: float, sources: set[str]) -> Iterator[Sample]:
        """What its node's exporter says, of the ``sources`` that give a reading."""
        if "node_pods" not in sources:
            return
        labels = self.labels()
        yield row(names.POD_READY, labels, float(self.phase == "Running"))
        yield row(names.POD_START_TIME_SECONDS, labels, self.created + 1)
        yield row(names.POD_CONTAINER_RESTARTS, labels, self.restarts)
        yield row(names.POD_OOM_KILLS, labels, self.oom_kills(time))
        if (killed := self.last_oom_kill(time)) is not None:
            yield row(names.POD_LAST_OOM_KILL_TIMESTAMP_SECONDS, labels, killed)
        if self.phase != "Running":
            return
        yield row(names.POD_CPU_REQUEST_CORES, labels, self.value)
        if self.limits:
            yield row(names.POD_CPU_LIMIT_CORES, labels, 2 * self.value)
        if self.memory:
            yield row(names.POD_MEMORY_REQUEST_BYTES, labels, self.value)
            if self.limits:
                yield row(names.POD_MEMORY_LIMIT_BYTES, labels, 2 * self.value)
        for metric, source in POD_METRICS.items():
            if source in sources and self._has(metric):
                yield row(metric, labels, self.value * (time - self.created if metric.endswith("_total") else 1))

    def cluster_scope(self) -> Iterator[Sample]:
        info = {"host_network": str(self.host_network).lower(), "qos_class": "Burstable"}
        yield row(names.POD_INFO, {**self.labels(), **info}, 1)
        yield row(names.POD_PHASE, {**self.labels(), "phase": self.phase}, 1)
        yield row(names.POD_CREATED_TIMESTAMP_SECONDS, self.labels(), self.created)

    def _has(self, metric: str) -> bool:
        if "periods" in metric:
            return self.limits
        return not ((self.host_network and "network" in metric) or (not self.disk and "disk" in metric))


@dataclass(frozen=True)
class Fleet:
    """``silent(node, source, time)`` says that a source gives no reading then; the node "" is scope cluster.

    ``deployments`` are (namespace, name, desired); ``labels`` are added to every series.
    """

    pods: tuple[FleetPod, ...]
    nodes: tuple[str, ...] = ("n1",)
    namespaces: tuple[str, ...] = ()
    deployments: tuple[tuple[str, str, int], ...] = ()
    silent: Callable[[str, str, float], bool] = lambda _node, _source, _time: False
    ready: Callable[[str], bool] = lambda _node: True
    labels: Mapping[str, str] = field(default_factory=dict)

    def samples(self, scope: str, node: str, time: float) -> Iterator[Sample]:
        """As ``local.history`` asks for them."""
        rows = self._cluster(time) if scope == "cluster" else self._node(node, time)
        for name, labels, value in rows:
            yield row(name, {**dict(labels), **self.labels}, value)

    def _node(self, node: str, time: float) -> Iterator[Sample]:
        sources = {source for source in NODE_SOURCES if node in self.nodes and not self.silent(node, source, time)}
        for source in sources:
            yield row(names.SOURCE_SAMPLE_AGE_SECONDS, {"node": node, "source": source}, 4.5)
        if "resource" in sources:
            yield row(names.NODE_CPU_USAGE_CORES, {"node": node}, 0.5)
            yield row(names.NODE_CPU_USAGE_SECONDS, {"node": node}, 0.5 * (time - 1e9))
        for pod in self.pods:
            if pod.node == node and pod.there(time):
                yield from pod.node_scope(time, sources)

    def _cluster(self, time: float) -> Iterator[Sample]:
        sources = {source for source in CLUSTER_SOURCES if not self.silent("", source, time)}
        for source in sources:
            yield row(names.SOURCE_SAMPLE_AGE_SECONDS, {"source": source}, 1)
        if "nodes" in sources:
            yield from self._nodes()
        if "namespaces" in sources:
            for namespace in self.namespaces:
                yield row(names.NAMESPACE_INFO, {"namespace": namespace}, 1)
        if "deployments" in sources:
            yield from self._replicas()
        if "pods" in sources:
            for pod in self.pods:
                if pod.there(time):
                    yield from pod.cluster_scope()

    def _nodes(self) -> Iterator[Sample]:
        for node in self.nodes:
            yield row(names.NODE_INFO, {"node": node}, 1)
            yield row(names.NODE_READY, {"node": node}, float(self.ready(node)))
            yield row(names.NODE_CPU_ALLOCATABLE_CORES, {"node": node}, 4)

    def _replicas(self) -> Iterator[Sample]:
        for namespace, name, desired in self.deployments:
            for state in ("desired", "ready", "available", "updated"):
                labels = {"namespace": namespace, "workload_kind": "Deployment", "workload": name, "state": state}
                yield row(names.WORKLOAD_REPLICAS, labels, desired if state == "desired" else min(desired, 1))
