"""Nodes: all, and one."""

from __future__ import annotations

from typing import Any

from facade.entities.facts import Gathered
from facade.entities.nodes import node_entity, node_key
from facade.instants import rfc3339
from facade.lookup.base import Lookup, list_answer, only_one, several_clusters, without_the_gone
from promql.selectors import Selector, equal


class Nodes:
    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._signals = lookup.catalogue.of_kind("node")

    def all(self, cluster: str | None) -> dict[str, Any]:
        time = self._lookup.now()
        gathered = self._gather(equal(cluster=cluster), time)
        return list_answer(self._entities(gathered), time, gathered.sources, "node", cluster)

    def one(self, name: str, cluster: str | None) -> dict[str, Any]:
        time = self._lookup.now()
        selector = equal(cluster=cluster, node=name)
        gathered = self._gather(selector, time)
        if not gathered.entities:
            raise self._lookup.not_found("node", name, selector, time)
        only_one("node", name, ((cluster, "") for cluster, _ in gathered.entities))
        return {**self._entities(gathered)[0], "time": rfc3339(time)}

    def _gather(self, selector: Selector, time: int) -> Gathered:
        gathered = self._lookup.gather([self._lookup.queries.nodes(selector, self._signals)], time, node_key)
        return without_the_gone(gathered, "node")

    def _entities(self, gathered: Gathered) -> list[dict[str, Any]]:
        sources = gathered.sources
        several = several_clusters(sources)
        totals = self._lookup.catalogue.totals
        return [
            node_entity(node, sources, self._signals, totals, with_cluster=several)
            for node in gathered.entities.values()
        ]
