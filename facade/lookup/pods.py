"""Pods: all, those of a node, a namespace or a Deployment, and one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from facade.entities.facts import Facts, Gathered, Sources
from facade.entities.pods import latest_of_each_name, pod_entity, pod_key
from facade.instants import rfc3339
from facade.lookup.base import COLLECTED, Lookup, known_places, list_answer, only_one, place, several_clusters
from facade.prometheus import Sample
from promql.catalogue import Kind
from promql.queries import DEPLOYMENT
from promql.selectors import Selector, equal


class Pods:
    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._signals = lookup.catalogue.of_kind("pod")

    def all(self, cluster: str | None) -> dict[str, Any]:
        """Every pod: one small query a fact, since one for all of thousands costs Prometheus far more."""
        time = self._lookup.now()
        queries = self._lookup.queries.pods_in_parts(equal(cluster=cluster), self._signals)
        return self._list(self._lookup.gather(queries, time, pod_key), time, cluster)

    def one(self, name: str, namespace: str | None, cluster: str | None) -> dict[str, Any]:
        """One pod, its OOM kills of the last 24 hours included. Without a namespace the name must be unique."""
        time = self._lookup.now()
        selector = equal(cluster=cluster, namespace=namespace, pod=name)
        query = self._lookup.queries.pods(selector, self._signals, oom_kills=True)
        gathered = self._lookup.gather([query], time, pod_key)
        pods = latest_of_each_name(gathered)
        if not pods:
            raise self._lookup.not_found("pod", name, selector, time, namespace)
        only_one("pod", name, map(place, pods))
        return {**self._entity(pods[0], gathered.sources, alone=True), "time": rfc3339(time)}

    def of_node(self, node: str, cluster: str | None) -> dict[str, Any]:
        return self._of("node", node, None, equal(cluster=cluster, node=node))

    def of_namespace(self, namespace: str, cluster: str | None) -> dict[str, Any]:
        return self._of("namespace", namespace, None, equal(cluster=cluster, namespace=namespace))

    def of_deployment(self, deployment: str, namespace: str | None, cluster: str | None) -> dict[str, Any]:
        selector = (*equal(cluster=cluster, namespace=namespace, workload=deployment), DEPLOYMENT)
        return self._of("deployment", deployment, namespace, selector)

    def _of(self, kind: Kind, name: str, namespace: str | None, selector: Selector) -> dict[str, Any]:
        """The pods that ``selector`` finds. Their owner may have none, but must be there itself."""
        time = self._lookup.now()
        queries = [self._lookup.queries.pods(selector, self._signals), self._lookup.queries.exists(kind, selector)]
        rows, owners = self._lookup.client.gather(queries, time)
        gathered = self._lookup.gathered()
        gathered.add(rows, pod_key)
        places = self._owners(kind, owners, latest_of_each_name(gathered), gathered.sources)
        if not places:
            raise self._lookup.not_found(kind, name, selector, time, namespace)
        cluster, _ = only_one(kind, name, places)
        return self._list(gathered, time, cluster)

    def _owners(
        self, kind: Kind, owners: Iterable[Sample], pods: Iterable[Facts], sources: Sources
    ) -> set[tuple[str, str]]:
        """Where there is an owner; while scope cluster does not say, its pods do."""
        places = known_places(owners, sources, kind)
        places |= {place(pod) for pod in pods if not sources.collected(place(pod)[0], COLLECTED[kind])}
        return {(cluster, "") for cluster, _ in places} if kind == "node" else places

    def _list(self, gathered: Gathered, time: int, cluster: str | None) -> dict[str, Any]:
        items = [self._entity(pod, gathered.sources) for pod in latest_of_each_name(gathered)]
        return list_answer(items, time, gathered.sources, "pod", cluster)

    def _entity(self, pod: Facts, sources: Sources, *, alone: bool = False) -> dict[str, Any]:
        return pod_entity(pod, sources, self._signals, alone=alone, with_cluster=several_clusters(sources))
