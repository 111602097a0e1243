"""Nodes: all, and one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from facade.entities.facts import Facts, Gathered, Sources
from facade.entities.nodes import brief_node_entity, node_entity, node_key, node_place, node_value
from facade.instants import rfc3339
from facade.listing import Listing
from facade.lookup.base import (
    Lookup,
    all_collected,
    list_answer,
    only_one,
    several_clusters,
    without_the_gone,
)
from promql.catalogue import Signal
from promql.selectors import Selector, equal


class Nodes:
    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._signals = lookup.catalogue.of_kind("node")

    def all(self, listing: Listing) -> dict[str, Any]:
        cluster = listing.filters.cluster
        time = self._lookup.now()
        selector = equal(cluster=cluster, node=listing.filters.node)
        if listing.metrics is None:
            gathered = self._gather(selector, time)
        else:
            gathered = self._gather_briefly(selector, time, self._lookup.asked(listing), cluster)
        key = self._lookup.sort_signal(listing)
        nodes = [node for node in gathered.entities.values() if listing.filters.lets_name(node.labels["node"])]
        ordered = listing.in_order(nodes, node_place, lambda node: node_value(node, key) if key else None)
        items = self._entities(listing.page(ordered), gathered.sources, listing.metrics)
        return list_answer(items, len(nodes), listing, time, gathered.sources, "node", cluster)

    def one(self, name: str, cluster: str | None) -> dict[str, Any]:
        time = self._lookup.now()
        selector = equal(cluster=cluster, node=name)
        gathered = self._gather(selector, time)
        if not gathered.entities:
            raise self._lookup.not_found("node", name, selector, time)
        only_one("node", name, ((cluster, "") for cluster, _ in gathered.entities))
        (node,) = gathered.entities.values()
        return {**self._entities([node], gathered.sources)[0], "time": rfc3339(time)}

    def _gather(self, selector: Selector, time: int) -> Gathered:
        gathered = self._lookup.gather([self._lookup.queries.nodes(selector, self._signals)], time, node_key)
        return without_the_gone(gathered, "node")

    def _gather_briefly(
        self, selector: Selector, time: int, signals: Sequence[Signal], cluster: str | None
    ) -> Gathered:
        """Those signals only, of the nodes that scope cluster knows; while it is silent, everything may tell of one."""
        query = self._lookup.queries.nodes(selector, signals, brief=True)
        gathered = self._lookup.gather([query], time, node_key)
        if not all_collected(gathered.sources, "node", cluster):
            return self._gather(selector, time)
        return without_the_gone(gathered, "node")

    def _entities(
        self, nodes: Iterable[Facts], sources: Sources, metrics: Sequence[str] | None = None
    ) -> list[dict[str, Any]]:
        several = several_clusters(sources)
        if metrics is not None:
            signals = self._lookup.signals(metrics)
            return [brief_node_entity(node, sources, signals, with_cluster=several) for node in nodes]
        totals = self._lookup.catalogue.totals
        return [node_entity(node, sources, self._signals, totals, with_cluster=several) for node in nodes]
