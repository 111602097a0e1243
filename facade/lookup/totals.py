"""Namespaces and Deployments: all, those of a namespace, and one. All from recorded totals of one evaluation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from facade.entities.facts import Gathered, Key, Sources
from facade.entities.totals import Silent, TotalsView, deployment_key, namespace_key, total_place
from facade.instants import rfc3339
from facade.listing import Filters, Listing
from facade.lookup.base import (
    MOST_ASKED_BY_NAME,
    KeyOf,
    Lookup,
    all_collected,
    clusters_asked,
    known_places,
    list_answer,
    only_one,
    several_clusters,
    without_the_gone,
)
from facade.prometheus import Sample
from promql.catalogue import Kind, Signal
from promql.queries import DEPLOYMENT, NAMESPACE_KEYS, WORKLOAD_KEYS, union
from promql.selectors import Selector, equal, one_of


class _Totals:
    """What both kinds share: the view of a level, the key of an entity, and where its pods are."""

    # Whether there may be so many that a page is found by names and one signal, before its details are asked.
    _many = False

    def __init__(self, kind: Kind, lookup: Lookup, view: TotalsView, key: KeyOf, keys: tuple[str, ...]) -> None:
        self._kind = kind
        self._lookup = lookup
        self._view = view
        self._key = key
        self._keys = keys

    def _gather(self, query: str, time: int) -> Gathered:
        return without_the_gone(self._lookup.gather([query], time, self._key), self._kind)

    def _list(self, listing: Listing, selector: Selector, owner: Selector | None = None) -> dict[str, Any]:
        """The list of what ``selector`` lets through, within the namespace that ``owner`` names."""
        time, cluster = self._lookup.now(), listing.filters.cluster
        page_first = self._many and listing.metrics is None and listing.at_most(MOST_ASKED_BY_NAME)
        signals = None if listing.metrics is None and not page_first else self._lookup.asked(listing)
        gathered, rows = self._gather_all(selector, signals, owner, time, cluster)
        if owner is not None:
            cluster = self._owners_cluster(rows, gathered.sources, owner, time)
        keys = [
            key
            for key in gathered.entities
            if listing.filters.lets_name(key[-1]) and (owner is None or key[0] == cluster)
        ]
        page = listing.page(self._in_order(listing, keys, gathered))
        pods = selector
        if page_first and page:
            pods = (*selector, one_of("namespace", sorted({key[1] for key in page})))
            pods = (*pods, one_of("workload", sorted({key[-1] for key in page})))
            self._lookup.gather_into(gathered, [self._lookup.queries.totals(self._kind, pods)], time, self._key)
        items = self._entities(gathered, page, pods, time, listing.metrics)
        answered = self._time(gathered.sources, time, cluster)
        return list_answer(items, len(keys), listing, answered, gathered.sources, self._kind, cluster)

    def _gather_all(
        self,
        selector: Selector,
        signals: Sequence[Signal] | None,
        owner: Selector | None,
        time: int,
        cluster: str | None,
    ) -> tuple[Gathered, list[Sample]]:
        """All of them, with ``signals`` only, or everything; and the rows that tell of their owner.

        While scope cluster is silent, any total may be what tells of one: then it is everything in any case.
        """
        query = self._lookup.queries.totals(self._kind, selector, signals)
        if owner is not None:
            exists = self._lookup.queries.exists if signals is None else self._lookup.queries.owner
            query = union([query, exists("namespace", owner)])
        rows = self._lookup.client.instant(query, time)
        gathered = self._lookup.gathered()
        gathered.add(rows, self._key)
        kinds: tuple[Kind, ...] = (self._kind,) if owner is None else (self._kind, "namespace")
        collected = all(all_collected(gathered.sources, kind, cluster) for kind in kinds)
        if signals is not None and not collected:
            return self._gather_all(selector, None, owner, time, cluster)
        return without_the_gone(gathered, self._kind), rows

    def _owners_cluster(self, rows: Iterable[Sample], sources: Sources, owner: Selector, time: int) -> str:
        """In which cluster the namespace is that ``owner`` names. Raises NotFoundError or AmbiguousNameError."""
        (name,) = (matcher.value for matcher in owner if matcher.label == "namespace")
        own = (row for row in rows if namespace_key(row.labels) and not deployment_key(row.labels))
        if not (places := known_places(own, sources, "namespace")):
            raise self._lookup.not_found("namespace", name, owner, time)
        return only_one("namespace", name, places)[0]

    def _in_order(self, listing: Listing, keys: Iterable[Key], gathered: Gathered) -> list[Key]:
        signal = self._lookup.sort_signal(listing)

        def value(key: Key) -> float | None:
            facts = gathered.entities[key]
            return self._view.signal_value(key, facts, gathered.sources, signal) if signal else None

        return listing.in_order(keys, total_place, value)

    def _entities(
        self,
        gathered: Gathered,
        keys: Iterable[Key],
        pods: Selector,
        time: int,
        metrics: Sequence[str] | None = None,
    ) -> list[dict[str, Any]]:
        """The entities of ``keys``, which are among those whose pods ``pods`` lets through."""
        own = (*pods, DEPLOYMENT) if self._kind == "deployment" else pods
        sources, silent = gathered.sources, self._silent(gathered.sources, own, time)
        several = several_clusters(sources)
        if metrics is not None:
            signals = self._lookup.signals(metrics)
            return [
                self._view.brief_entity(key, gathered.entities[key], sources, silent, signals, with_cluster=several)
                for key in keys
            ]
        return [self._view.entity(key, gathered.entities[key], sources, silent, with_cluster=several) for key in keys]

    def _time(self, sources: Sources, time: int, cluster: str | None) -> float:
        """The moment of the totals: that of their evaluation, the oldest where clusters differ."""
        evaluated = [sources.evaluated(name) for name in clusters_asked(sources, cluster)]
        return min((moment for moment in evaluated if moment is not None), default=time)

    def _entity(self, gathered: Gathered, pods: Selector, time: int) -> dict[str, Any]:
        """The only one gathered."""
        (key,) = gathered.entities
        (entity,) = self._entities(gathered, [key], pods, time)
        return {**entity, "time": rfc3339(self._time(gathered.sources, time, key[0]))}

    def _silent(self, sources: Sources, pods: Selector, time: int) -> Silent:
        """Whether a node of an entity's pods gives no reading; where the pods are is asked once, if it matters."""
        homes: dict[Key, set[tuple[str, str]]] = {}

        def silent(key: Key, source: str) -> bool:
            if not homes:
                homes.update(self._homes(pods, sources, time))
            return any(sources.age(cluster, node, source) is None for cluster, node in homes.get(key, ()))

        return silent

    def _homes(self, pods: Selector, sources: Sources, time: int) -> dict[Key, set[tuple[str, str]]]:
        """On which nodes the pods of each entity are; ``sources`` learns what those nodes give."""
        homes: dict[Key, set[tuple[str, str]]] = defaultdict(set)
        rows = self._lookup.client.instant(self._lookup.queries.homes(pods, self._keys), time)
        Gathered(self._lookup.catalogue.totals, sources=sources).add(rows, lambda _: None)
        for row in rows:
            if (key := self._key(row.labels)) is not None:
                homes[key].add((row.labels.get("cluster", ""), row.labels["node"]))
        return homes or {(): set()}


class Namespaces(_Totals):
    def __init__(self, lookup: Lookup) -> None:
        view = TotalsView("namespace", lookup.catalogue.totals, lookup.catalogue.of_kind("namespace"))
        super().__init__("namespace", lookup, view, namespace_key, NAMESPACE_KEYS)

    def all(self, listing: Listing) -> dict[str, Any]:
        return self._list(listing, equal(cluster=listing.filters.cluster, namespace=listing.filters.namespace))

    def one(self, name: str, cluster: str | None) -> dict[str, Any]:
        time, selector = self._lookup.now(), equal(cluster=cluster, namespace=name)
        gathered = self._gather(self._lookup.queries.namespaces(selector), time)
        if not gathered.entities:
            raise self._lookup.not_found("namespace", name, selector, time)
        only_one("namespace", name, ((cluster, "") for cluster, _ in gathered.entities))
        return self._entity(gathered, selector, time)


class Deployments(_Totals):
    _many = True

    def __init__(self, lookup: Lookup) -> None:
        view = TotalsView("workload", lookup.catalogue.totals, lookup.catalogue.of_kind("deployment"))
        super().__init__("deployment", lookup, view, deployment_key, WORKLOAD_KEYS)

    def all(self, listing: Listing) -> dict[str, Any]:
        return self._list(listing, self._selector(listing.filters, listing.filters.namespace))

    def of_namespace(self, namespace: str, listing: Listing) -> dict[str, Any]:
        owner = equal(cluster=listing.filters.cluster, namespace=namespace)
        return self._list(listing, self._selector(listing.filters, namespace), owner)

    def one(self, name: str, namespace: str | None, cluster: str | None) -> dict[str, Any]:
        time, selector = self._lookup.now(), equal(cluster=cluster, namespace=namespace, workload=name)
        gathered = self._gather(self._lookup.queries.deployments(selector), time)
        if not gathered.entities:
            raise self._lookup.not_found("deployment", name, (*selector, DEPLOYMENT), time, namespace)
        only_one("deployment", name, ((key[0], key[1]) for key in gathered.entities))
        return self._entity(gathered, selector, time)

    def _selector(self, filters: Filters, namespace: str | None) -> Selector:
        workload = filters.workload
        kind, name = (workload.kind, workload.name) if workload else (None, None)
        return equal(cluster=filters.cluster, namespace=namespace, workload_kind=kind, workload=name)
