"""Namespaces and Deployments: all, those of a namespace, and one. All from recorded totals of one evaluation."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from facade.entities.facts import Gathered, Key, Sources
from facade.entities.totals import Silent, TotalsView, deployment_key, namespace_key
from facade.instants import rfc3339
from facade.lookup.base import (
    KeyOf,
    Lookup,
    clusters_asked,
    known_places,
    list_answer,
    only_one,
    several_clusters,
    without_the_gone,
)
from promql.catalogue import Kind
from promql.queries import DEPLOYMENT, NAMESPACE_KEYS, WORKLOAD_KEYS
from promql.selectors import Selector, equal


class _Totals:
    """What both kinds share: the view of a level, the key of an entity, and where its pods are."""

    def __init__(self, kind: Kind, lookup: Lookup, view: TotalsView, key: KeyOf, keys: tuple[str, ...]) -> None:
        self._kind = kind
        self._lookup = lookup
        self._view = view
        self._key = key
        self._keys = keys

    def _gather(self, query: str, time: int) -> Gathered:
        return without_the_gone(self._lookup.gather([query], time, self._key), self._kind)

    def _entities(self, gathered: Gathered, pods: Selector, time: int) -> list[dict[str, Any]]:
        silent = self._silent(gathered.sources, pods, time)
        several = several_clusters(gathered.sources)
        return [
            self._view.entity(key, facts, gathered.sources, silent, with_cluster=several)
            for key, facts in gathered.entities.items()
        ]

    def _time(self, sources: Sources, time: int, cluster: str | None) -> float:
        """The moment of the totals: that of their evaluation, the oldest where clusters differ."""
        evaluated = [sources.evaluated(name) for name in clusters_asked(sources, cluster)]
        return min((moment for moment in evaluated if moment is not None), default=time)

    def _entity(self, gathered: Gathered, pods: Selector, time: int) -> dict[str, Any]:
        """The only one gathered."""
        ((cluster, *_),) = gathered.entities
        (entity,) = self._entities(gathered, pods, time)
        return {**entity, "time": rfc3339(self._time(gathered.sources, time, cluster))}

    def _silent(self, sources: Sources, pods: Selector, time: int) -> Silent:
        """Whether a node of an entity's pods gives no reading; where the pods are is asked once, if it matters."""
        homes: dict[Key, set[tuple[str, str]]] = {}

        def silent(key: Key, source: str) -> bool:
            if not homes:
                homes.update(self._homes(pods, time))
            return any(sources.age(cluster, node, source) is None for cluster, node in homes.get(key, ()))

        return silent

    def _homes(self, pods: Selector, time: int) -> dict[Key, set[tuple[str, str]]]:
        homes: dict[Key, set[tuple[str, str]]] = defaultdict(set)
        for row in self._lookup.client.instant(self._lookup.queries.homes(pods, self._keys), time):
            if (key := self._key(row.labels)) is not None:
                homes[key].add((row.labels.get("cluster", ""), row.labels["node"]))
        return homes or {(): set()}


class Namespaces(_Totals):
    def __init__(self, lookup: Lookup) -> None:
        view = TotalsView("namespace", lookup.catalogue.totals, lookup.catalogue.of_kind("namespace"))
        super().__init__("namespace", lookup, view, namespace_key, NAMESPACE_KEYS)

    def all(self, cluster: str | None) -> dict[str, Any]:
        time, selector = self._lookup.now(), equal(cluster=cluster)
        gathered = self._gather(self._lookup.queries.namespaces(selector), time)
        items = self._entities(gathered, selector, time)
        answered = self._time(gathered.sources, time, cluster)
        return list_answer(items, answered, gathered.sources, self._kind, cluster)

    def one(self, name: str, cluster: str | None) -> dict[str, Any]:
        time, selector = self._lookup.now(), equal(cluster=cluster, namespace=name)
        gathered = self._gather(self._lookup.queries.namespaces(selector), time)
        if not gathered.entities:
            raise self._lookup.not_found("namespace", name, selector, time)
        only_one("namespace", name, ((cluster, "") for cluster, _ in gathered.entities))
        return self._entity(gathered, selector, time)


class Deployments(_Totals):
    def __init__(self, lookup: Lookup) -> None:
        view = TotalsView("workload", lookup.catalogue.totals, lookup.catalogue.of_kind("deployment"))
        super().__init__("deployment", lookup, view, deployment_key, WORKLOAD_KEYS)

    def all(self, cluster: str | None) -> dict[str, Any]:
        time, selector = self._lookup.now(), equal(cluster=cluster)
        gathered = self._gather(self._lookup.queries.deployments(selector), time)
        return self._list(gathered, selector, time, cluster)

    def of_namespace(self, namespace: str, cluster: str | None) -> dict[str, Any]:
        time, selector = self._lookup.now(), equal(cluster=cluster, namespace=namespace)
        rows = self._lookup.client.instant(self._lookup.queries.deployments_of_namespace(selector), time)
        gathered = self._lookup.gathered()
        gathered.add(rows, self._key)
        without_the_gone(gathered, self._kind)
        existing = (row for row in rows if namespace_key(row.labels) and not deployment_key(row.labels))
        places = known_places(existing, gathered.sources, "namespace")
        if not places:
            raise self._lookup.not_found("namespace", namespace, selector, time)
        return self._list(gathered, selector, time, only_one("namespace", namespace, places)[0])

    def one(self, name: str, namespace: str | None, cluster: str | None) -> dict[str, Any]:
        time, selector = self._lookup.now(), equal(cluster=cluster, namespace=namespace, workload=name)
        gathered = self._gather(self._lookup.queries.deployments(selector), time)
        if not gathered.entities:
            raise self._lookup.not_found("deployment", name, (*selector, DEPLOYMENT), time, namespace)
        only_one("deployment", name, ((key[0], key[1]) for key in gathered.entities))
        return self._entity(gathered, (*selector, DEPLOYMENT), time)

    def _list(self, gathered: Gathered, selector: Selector, time: int, cluster: str | None) -> dict[str, Any]:
        items = self._entities(gathered, (*selector, DEPLOYMENT), time)
        answered = self._time(gathered.sources, time, cluster)
        return list_answer(items, answered, gathered.sources, self._kind, cluster)
