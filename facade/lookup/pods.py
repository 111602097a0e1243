"""Pods: all, those of a node, a namespace or a Deployment, and one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from facade.answer import Sample
from facade.entities.facts import Gathered
from facade.entities.pods import brief_pod_entity, latest_of_each_name, pod_entity, pod_key
from facade.instants import rfc3339
from facade.listing import Filters, Listing
from facade.lookup.base import (
    MOST_ASKED_BY_NAME,
    NAME_LABEL,
    Lookup,
    known_places,
    list_answer,
    only_one,
    place,
    several_clusters,
)
from facade.lookup.pod_pages import Page, PodPages
from promql.catalogue import Kind
from promql.queries import DEPLOYMENT, union
from promql.selectors import Selector, equal


@dataclass(frozen=True, slots=True)
class _Owner:
    """What the pods of a list are of; ``selector`` finds it and them."""

    kind: Kind
    name: str
    namespace: str | None
    selector: Selector


class Pods:
    """``most_asked_by_name`` bounds the uids or names of one query; of more, all pods are asked for."""

    def __init__(self, lookup: Lookup, most_asked_by_name: int = MOST_ASKED_BY_NAME) -> None:
        self._lookup = lookup
        self._signals = lookup.catalogue.of_kind("pod")
        self._most = most_asked_by_name
        self._pages = PodPages(lookup, most_asked_by_name)

    def all(self, listing: Listing) -> dict[str, Any]:
        filters, time = listing.filters, self._lookup.now()
        selector = (*equal(cluster=filters.cluster), *_matchers(filters))
        selective = listing.at_most(self._most) or filters.name or filters.phase
        ask = self._pages.first if selective else self._pages.everything
        return self._answer(listing, ask(listing, selector, time), time, filters.cluster)

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
        sources = gathered.sources
        entity = pod_entity(pods[0], sources, self._signals, alone=True, with_cluster=several_clusters(sources))
        return {**entity, "time": rfc3339(time)}

    def of_node(self, node: str, listing: Listing) -> dict[str, Any]:
        return self._of(_Owner("node", node, None, equal(cluster=listing.filters.cluster, node=node)), listing)

    def of_namespace(self, namespace: str, listing: Listing) -> dict[str, Any]:
        selector = equal(cluster=listing.filters.cluster, namespace=namespace)
        return self._of(_Owner("namespace", namespace, None, selector), listing)

    def of_deployment(self, deployment: str, namespace: str | None, listing: Listing) -> dict[str, Any]:
        selector = equal(cluster=listing.filters.cluster, namespace=namespace, workload=deployment)
        return self._of(_Owner("deployment", deployment, namespace, (*selector, DEPLOYMENT)), listing)

    def _of(self, owner: _Owner, listing: Listing) -> dict[str, Any]:
        """The pods of an owner, which may have none, but must be there itself.

        A node has so few that a page of them is not worth another query.
        """
        time, queries = self._lookup.now(), self._lookup.queries
        own = queries.owner(owner.kind, owner.selector)
        if listing.at_most(self._most) and owner.kind != "node":
            rows = self._lookup.client.instant(union([own, queries.sources()]), time)
            selector = _all_of(self._where(owner, rows, time), owner.selector, _matchers(listing.filters))
            page = self._pages.first(listing, selector, time)
        else:
            selector = (*owner.selector, *_matchers(listing.filters))
            pods = queries.pods(selector, self._pages.signals(listing), self._pages.facts(listing))
            rows = self._lookup.client.instant(union([pods, own]), time)
            selector = _all_of(self._where(owner, rows, time), selector)
            page = self._pages.page(listing, self._of_one_place(rows, selector), selector, time)
        cluster = next(matcher.value for matcher in selector if matcher.label == "cluster")
        return self._answer(listing, page, time, cluster)

    def _where(self, owner: _Owner, rows: Sequence[Sample], time: int) -> Selector:
        """In which cluster, and for a Deployment in which namespace, the one owner is that ``rows`` tell of.

        Where they do not, its totals may: while scope cluster is silent, they last longer than its pods.
        """
        queries = self._lookup.queries
        places = self._places(owner, rows)
        if not places:
            asked = union([queries.exists(owner.kind, owner.selector), queries.sources()])
            places = self._places(owner, self._lookup.client.instant(asked, time))
        if not places:
            raise self._lookup.not_found(owner.kind, owner.name, owner.selector, time, owner.namespace)
        cluster, namespace = only_one(owner.kind, owner.name, places)
        return equal(cluster=cluster, namespace=namespace if owner.kind == "deployment" else None)

    def _places(self, owner: _Owner, rows: Sequence[Sample]) -> set[tuple[str, str]]:
        own = (row for row in rows if _tells_of(owner.kind, row))
        return known_places(own, self._filed(rows).sources, owner.kind)

    def _filed(self, rows: Sequence[Sample]) -> Gathered:
        gathered = self._lookup.gathered()
        gathered.add(rows, pod_key)
        return gathered

    def _of_one_place(self, rows: Sequence[Sample], selector: Selector) -> Gathered:
        """The rows filed, less pods elsewhere: of an owner by that name that is gone."""
        gathered = self._filed(rows)
        wanted = {matcher.label: matcher.value for matcher in selector if matcher.label in ("cluster", "namespace")}
        for key, pod in list(gathered.entities.items()):
            if any(pod.labels.get(label, "") != value for label, value in wanted.items()):
                del gathered.entities[key]
        return gathered

    def _answer(self, listing: Listing, page: Page, time: int, cluster: str | None) -> dict[str, Any]:
        sources, several = page.sources, several_clusters(page.sources)
        if listing.metrics is None:
            items = [pod_entity(pod, sources, self._signals, alone=False, with_cluster=several) for pod in page.pods]
        else:
            signals = self._lookup.signals(listing.metrics)
            items = [brief_pod_entity(pod, sources, signals, with_cluster=several) for pod in page.pods]
        return list_answer(items, page.total, listing, time, sources, "pod", cluster)


def _matchers(filters: Filters) -> Selector:
    """What of the filters Prometheus decides, the cluster aside: phases and parts of names are compared here."""
    workload = filters.workload
    kind, name = (workload.kind, workload.name) if workload else (None, None)
    return equal(namespace=filters.namespace, node=filters.node, workload_kind=kind, workload=name)


def _all_of(*selectors: Selector) -> Selector:
    """All their matchers, each once."""
    return tuple(dict.fromkeys(chain(*selectors)))


def _tells_of(kind: Kind, row: Sample) -> bool:
    """Whether the row is one of an owner, and not of a pod or of an exporter's source."""
    return NAME_LABEL[kind] in row.labels and "uid" not in row.labels and "source" not in row.labels
