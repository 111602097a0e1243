"""Namespaces and Deployments: all, those of a namespace, and one. All from recorded totals of one evaluation."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from facade.entities.facts import Gathered, Key, Sources
from facade.entities.totals import Silent, TotalsView, deployment_key, namespace_key
from facade.instants import rfc3339
from facade.lookup.base import KeyOf, Lookup, list_answer, only_one, several_clusters
from promql import names
from promql.queries import DEPLOYMENT, NAMESPACE_KEYS, WORKLOAD_KEYS
from promql.selectors import Selector, equal


class _Totals:
    """What both kinds share: the view of a level, the key of an entity, and where its pods are.

    ``_collected`` is the source of scope cluster that says which there are, by the metric ``_known_by``.
    """

    _collected: str
    _known_by: str

    def __init__(self, lookup: Lookup, view: TotalsView, key: KeyOf, keys: tuple[str, ...]) -> None:
        self._lookup = lookup
        self._view = view
        self._key = key
        self._keys = keys

    def _gather(self, query: str, time: int) -> Gathered:
        return self._existing(self._lookup.gather([query], time, self._key))

    def _existing(self, gathered: Gathered) -> Gathered:
        """Without what scope cluster no longer knows: the totals of something deleted last until its pods are gone."""
        for key, facts in list(gathered.entities.items()):
            collected = gathered.sources.collected(key[0], self._collected)
            if collected and not any(fact.startswith(self._known_by) for fact in facts.values):
                del gathered.entities[key]
        return gathered

    def _entities(self, gathered: Gathered, pods: Selector, time: int) -> list[dict[str, Any]]:
        silent = self._silent(gathered.sources, pods, time)
        several = several_clusters(gathered.sources)
        return [
            self._view.entity(key, facts, gathered.sources, silent, with_cluster=several)
            for key, facts in gathered.entities.items()
        ]

    def _time(self, sources: Sources, time: int) -> float:
        """The moment of the totals: that of their evaluation, the oldest where clusters differ."""
        return min(sources.evaluations.values(), default=time)

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
    _collected = "namespaces"
    _known_by = names.NAMESPACE_INFO.name

    def __init__(self, lookup: Lookup) -> None:
        view = TotalsView("namespace", lookup.catalogue.totals, lookup.catalogue.of_kind("namespace"))
        super().__init__(lookup, view, namespace_key, NAMESPACE_KEYS)

    def all(self, cluster: str | None) -> dict[str, Any]:
        time, selector = self._lookup.now(), equal(cluster=cluster)
        gathered = self._gather(self._lookup.queries.namespaces(selector), time)
        items = self._entities(gathered, selector, time)
        return list_answer(items, self._time(gathered.sources, time), gathered.sources, "namespaces")

    def one(self, name: str, cluster: str | None) -> dict[str, Any]:
        time, selector = self._lookup.now(), equal(cluster=cluster, namespace=name)
        gathered = self._gather(self._lookup.queries.namespaces(selector), time)
        if not gathered.entities:
            raise self._lookup.not_found("namespace", name, selector, time)
        only_one("namespace", name, ((cluster, "") for cluster, _ in gathered.entities))
        entity = self._entities(gathered, selector, time)[0]
        return {**entity, "time": rfc3339(self._time(gathered.sources, time))}


class Deployments(_Totals):
    _collected = "deployments"
    _known_by = names.WORKLOAD_REPLICAS.name

    def __init__(self, lookup: Lookup) -> None:
        view = TotalsView("workload", lookup.catalogue.totals, lookup.catalogue.of_kind("deployment"))
        super().__init__(lookup, view, deployment_key, WORKLOAD_KEYS)

    def all(self, cluster: str | None) -> dict[str, Any]:
        time, selector = self._lookup.now(), equal(cluster=cluster)
        gathered = self._gather(self._lookup.queries.deployments(selector), time)
        return self._list(gathered, selector, time)

    def of_namespace(self, namespace: str, cluster: str | None) -> dict[str, Any]:
        time, selector = self._lookup.now(), equal(cluster=cluster, namespace=namespace)
        queries = [self._lookup.queries.deployments(selector), self._lookup.queries.exists("namespace", selector)]
        rows, found = self._lookup.client.gather(queries, time)
        gathered = Gathered()
        gathered.add(rows, self._key, self._lookup.catalogue.totals.evaluation)
        self._existing(gathered)
        places = {(row.labels.get("cluster", ""), "") for row in found} | {(key[0], "") for key in gathered.entities}
        if not places:
            raise self._lookup.not_found("namespace", namespace, selector, time)
        only_one("namespace", namespace, places)
        return self._list(gathered, selector, time)

    def one(self, name: str, namespace: str | None, cluster: str | None) -> dict[str, Any]:
        time, selector = self._lookup.now(), equal(cluster=cluster, namespace=namespace, workload=name)
        gathered = self._gather(self._lookup.queries.deployments(selector), time)
        if not gathered.entities:
            raise self._lookup.not_found("deployment", name, (*selector, DEPLOYMENT), time, namespace)
        only_one("deployment", name, ((key[0], key[1]) for key in gathered.entities))
        entity = self._entities(gathered, (*selector, DEPLOYMENT), time)[0]
        return {**entity, "time": rfc3339(self._time(gathered.sources, time))}

    def _list(self, gathered: Gathered, selector: Selector, time: int) -> dict[str, Any]:
        items = self._entities(gathered, (*selector, DEPLOYMENT), time)
        return list_answer(items, self._time(gathered.sources, time), gathered.sources, "deployments")
