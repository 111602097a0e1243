"""A fleet that grows and whose entities do not: whatever its size, the first node, namespace and Deployment are the
same, of 30, 100 and 10 pods.

Its series are those that ``promql.names`` declares. They are there as entities for an ``Index``, and as samples for a
real store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from promql import names
from promql.catalogue import Catalogue, Totals, record
from promql.rules import COARSE_AGGREGATES
from tests.harness.fleet import CLUSTER_SOURCES, NODE_SOURCES, Sample
from tests.harness.plans import Labels, Members

CLUSTER: Final = "plans"
NODE_PODS: Final = 30
NAMESPACE_PODS: Final = 100
DEPLOYMENT_PODS: Final = 10
# Pods that are like each other in these numbers are like each other in their metrics.
_PERIOD: Final = 60
_CONTAINERS: Final = ("app", "sidecar")
_INFO: Final = (("host_network", "false"), ("qos_class", "Burstable"), ("replicaset", "rs"))
_CLAIM: Final = (("persistentvolumeclaim", "data"), ("volume", "data"))
_LIMITED: Final = ("throttled", "periods", "limit")


@dataclass(frozen=True)
class PlanFleet:
    """So many pods; all are older than a day."""

    pods: int

    @property
    def nodes(self) -> list[str]:
        return [_node(number) for number in range(-(-self.pods // NODE_PODS))]

    @property
    def namespaces(self) -> list[str]:
        return [_namespace(number) for number in range(-(-self.pods // NAMESPACE_PODS))]

    def pod(self, number: int) -> dict[str, str]:
        """The labels of a pod."""
        place = _namespace(number // NAMESPACE_PODS)
        workload = self.deployment(number)
        return {
            "cluster": CLUSTER,
            "node": _node(number // NODE_PODS),
            "namespace": place,
            "pod": f"{workload}-{number:06}",
            "uid": f"00000000-0000-4000-8000-{number:012}",
            "workload_kind": "Deployment",
            "workload": workload,
        }

    def deployment(self, number: int) -> str:
        """The name of the Deployment that a pod is of."""
        return f"app-{number // NAMESPACE_PODS:04}-{number % (NAMESPACE_PODS // DEPLOYMENT_PODS)}"

    def entities(self) -> Iterator[tuple[Labels, Members]]:
        """Everything that a Prometheus which scrapes all of it and evaluates the rules has stored."""
        for number in range(self.pods):
            yield self.pod(number), self._of_kind[number % _PERIOD]
        for labels, members in self._others():
            yield {"cluster": CLUSTER, **labels}, members
        yield from self._recorded()

    def samples(self, scope: str, node: str, time: float) -> Iterator[Sample]:
        """As ``tests.harness.store`` asks for them."""
        for number in range(self.pods):
            labels = self.pod(number)
            if scope == "cluster" or labels["node"] == node:
                for metric, own in sorted(self._of_kind[number % _PERIOD]):
                    if (metric in _OF_CLUSTER) == (scope == "cluster"):
                        yield _sample(metric, {**labels, **dict(own)}, number, time)
        for other, members in self._others():
            if (scope, node) == (("node", other["node"]) if "node" in other else ("cluster", "")):
                for metric, own in sorted(members):
                    yield _sample(metric, {**other, **dict(own)}, 1, time)

    @cached_property
    def _of_kind(self) -> list[Members]:
        return [_pod_members(number) for number in range(_PERIOD)]

    def _others(self) -> Iterator[tuple[Labels, Members]]:
        ages = (names.SOURCE_SAMPLE_AGE_SECONDS, names.SOURCE_UP, names.SOURCE_SCRAPE_DURATION_SECONDS)
        for node in self.nodes:
            yield {"node": node}, _NODE
            for source in NODE_SOURCES:
                yield {"node": node, "source": source}, frozenset((age.name, ()) for age in ages)
        for source in CLUSTER_SOURCES:
            yield {"source": source}, frozenset((age.name, ()) for age in ages)
        for namespace in self.namespaces:
            yield {"namespace": namespace}, frozenset({(names.NAMESPACE_INFO.name, ())})
        states = (("state", state) for state in ("available", "desired", "ready", "updated"))
        replicas: Members = frozenset((names.WORKLOAD_REPLICAS.name, (state,)) for state in states)
        for number in self._first_of_each_deployment():
            pod = self.pod(number)
            yield {label: pod[label] for label in ("namespace", "workload_kind", "workload")}, replicas

    def _first_of_each_deployment(self) -> list[int]:
        each = NAMESPACE_PODS // DEPLOYMENT_PODS
        return [number for number in range(self.pods) if number % NAMESPACE_PODS < each]

    def _recorded(self) -> Iterator[tuple[Labels, Members]]:
        totals = Catalogue.load().totals
        of_node: Members = frozenset({(record("node", totals.pods, "count"), ())})
        for node in self.nodes:
            yield {"cluster": CLUSTER, "node": node}, of_node
        spoken: dict[str, dict[tuple[tuple[str, str], ...], set[str]]] = {level.name: {} for level in totals.levels}
        for number in range(self.pods):
            metrics = {metric for metric, _ in self._of_kind[number % _PERIOD]}
            labels = self.pod(number)
            for total in totals.levels:
                key = tuple((label, labels[label]) for label in total.by)
                spoken[total.name].setdefault(key, set()).update(metrics)
        known: dict[tuple[str, frozenset[str]], Members] = {}
        for level, entities in spoken.items():
            for key, metrics in entities.items():
                kind = level, frozenset(metrics)
                yield dict(key), known.setdefault(kind, _totals_of(totals, *kind))
        moments = [totals.evaluation, totals.collection]
        moments += [f"{moment}:count_5m" for moment in moments]
        yield {"cluster": CLUSTER}, frozenset((moment, ()) for moment in moments)


def _pod_members(number: int) -> Members:
    """The series of a pod: every third has limits, every second uses disks and has two containers, every twentieth is
    on the host's network, some have a volume, or were killed.
    """
    found: set[tuple[str, tuple[tuple[str, str], ...]]] = set()
    for name, metric in names.METRICS.items():
        if "uid" not in metric.labels or not _has(number, name):
            continue
        if "container" in metric.labels:
            found.update((name, (("container", container),)) for container in _CONTAINERS)
        elif "volume" in metric.labels:
            found.add((name, _CLAIM))
        elif metric is names.POD_PHASE:
            found.add((name, (("phase", "Running"),)))
        elif metric is names.POD_INFO:
            found.add((name, tuple((key, "true" if _on_host(number, key) else value) for key, value in _INFO)))
        else:
            found.add((name, ()))
    return frozenset(found)


def _has(number: int, name: str) -> bool:
    there = {
        "limits": number % 3 == 0 or not any(word in name for word in _LIMITED),
        "disk": number % 2 == 0 or "_disk_" not in name,
        "containers": number % 2 == 0 or ("container_cpu" not in name and "container_memory" not in name),
        "network": number % 20 > 0 or "_network_" not in name,
        "volume": number % 15 == 0 or "_volume_" not in name,
        "killed": number % 30 == 0 or "last_oom_kill" not in name,
    }
    return all(there.values())


def _on_host(number: int, key: str) -> bool:
    return key == "host_network" and number % 20 == 0


def _totals_of(totals: Totals, level: str, metrics: frozenset[str]) -> Members:
    """What is recorded of pods that have these metrics between them, at both resolutions."""
    found = {(totals.pods, "count"), *((expected, "count") for expected in totals.expected)}
    found |= {(total.metric, what) for total in totals.sums if total.metric in metrics for what in ("sum", "count")}
    found |= {(counter, "sum_rate") for counter, _ in totals.rates if counter in metrics}
    for ratio in totals.utilizations:
        if {ratio.of, ratio.to} <= metrics:
            found |= {(ratio.of, ratio.of_what), (ratio.to, ratio.to_what)}
    fine = [record(level, metric, what) for metric, what in found]
    coarse = [f"{name}:{aggregate}_5m" for name in fine for aggregate in COARSE_AGGREGATES]
    return frozenset((name, ()) for name in (*fine, *coarse))


def _sample(metric: str, labels: Mapping[str, str], number: int, time: float) -> Sample:
    value = float(number + 1)
    if metric.endswith("timestamp_seconds") or "start_time" in metric:
        value = time - time % 86400 - 86400
    elif metric.endswith("_total"):
        value *= time % 86400
    elif metric in (names.POD_READY.name, names.NODE_READY.name, names.POD_PHASE.name, names.POD_INFO.name):
        value = 1.0
    return metric, tuple(sorted(labels.items())), value


def _node(number: int) -> str:
    return f"node-{number:04}"


def _namespace(number: int) -> str:
    return f"ns-{number:04}"


_OF_CLUSTER: Final = frozenset(
    metric.name for metric in names.METRICS.values() if "uid" in metric.labels and metric.scope == "cluster"
)
_NODE: Final[Members] = frozenset(
    (metric.name, tuple((label, "x") for label in metric.labels if label != "node"))
    for metric in names.METRICS.values()
    if metric.labels[:1] == ("node",) and not {"uid", "source"} & set(metric.labels)
)
