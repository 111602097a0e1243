"""What every lookup shares."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from facade import asked
from facade.entities.facts import Facts, Gathered, Key, Sources
from facade.errors import AmbiguousNameError, NotFoundError, UpstreamPartialError
from facade.instants import rfc3339
from facade.listing import Listing
from facade.prometheus import PrometheusClient, Sample
from promql import names
from promql.catalogue import Catalogue, Kind, Signal, record
from promql.queries import LAST_SEEN_SECONDS, Queries
from promql.selectors import Selector
from promql.timeseries import TimeseriesQueries
from promql.windows import Windows

# So many names or uids may stand in one query (an alternation that Prometheus looks up one by one); of more, all are
# asked instead.
MOST_ASKED_BY_NAME: Final = 1000
KeyOf = Callable[[Mapping[str, str]], Key | None]

# Scope cluster's source that says which entities of a kind there are, and the metric by which it says so.
COLLECTED: Final[dict[Kind, str]] = {
    "node": "nodes",
    "pod": "pods",
    "namespace": "namespaces",
    "deployment": "deployments",
}
KNOWN_BY: Final[dict[Kind, str]] = {
    "node": names.NODE_INFO.name,
    "pod": names.POD_INFO.name,
    "namespace": names.NAMESPACE_INFO.name,
    "deployment": names.WORKLOAD_REPLICAS.name,
}
# The label that names an entity of a kind, and the metrics whose last sample tells when it was last there.
NAME_LABEL: Final[dict[Kind, str]] = {"node": "node", "pod": "pod", "namespace": "namespace", "deployment": "workload"}
_SEEN_IN: Final[dict[Kind, tuple[str, ...]]] = {
    "node": (names.NODE_INFO.name, names.NODE_CPU_USAGE_CORES.name),
    "pod": (names.POD_INFO.name, names.POD_READY.name),
    "namespace": (names.NAMESPACE_INFO.name, record("namespace", "cloudmon_pods", "count")),
    "deployment": (names.WORKLOAD_REPLICAS.name, record("workload", "cloudmon_pods", "count")),
}


class Lookup:
    """The client and the catalogue's queries; stateless, one per process. ``recorded``: totals are."""

    def __init__(
        self, client: PrometheusClient, catalogue: Catalogue, windows: Windows, *, recorded: bool = True
    ) -> None:
        self.client = client
        self.catalogue = catalogue
        self.queries = Queries(catalogue, windows)
        self.series_queries = TimeseriesQueries(catalogue, windows, recorded=recorded)

    def now(self) -> int:
        """Prometheus's time in whole Unix seconds: the time of an instant answer."""
        return math.floor(self.client.now())

    def signals(self, keys: Iterable[str]) -> list[Signal]:
        """The signals by their keys in ``usage``."""
        return [self.catalogue.signals[key] for key in keys]

    def sort_signal(self, listing: Listing) -> Signal | None:
        """The signal that a list is sorted by, if it is by one."""
        return self.catalogue.signals.get(listing.sort.key)

    def asked(self, listing: Listing) -> list[Signal]:
        """The signals that ``metrics=`` names, and the one that the list is sorted by."""
        key = self.sort_signal(listing)
        return self.signals(dict.fromkeys([*(listing.metrics or ()), *((key.key,) if key else ())]))

    def gather(self, queries: Sequence[str], time: int, key: KeyOf) -> Gathered:
        """The rows of all the queries, filed by entity."""
        gathered = self.gathered()
        self.gather_into(gathered, queries, time, key)
        return gathered

    def gather_into(self, gathered: Gathered, queries: Sequence[str], time: int, key: KeyOf) -> None:
        """File the rows of all the queries with those that are there."""
        if len(queries) == 1:
            gathered.add(self.client.instant(queries[0], time), key)
            return

        def merge(_: int, rows: Iterable[Sample]) -> None:
            gathered.add(rows, key)

        self.client.gather_each(queries, time, merge)

    def gathered(self) -> Gathered:
        """What rows are filed into."""
        return Gathered(self.catalogue.totals)

    def not_found(
        self, kind: Kind, name: str, selector: Selector, time: int, namespace: str | None = None
    ) -> NotFoundError | UpstreamPartialError:
        """The error for a name that nothing has, with when it was last seen; one more query.

        Where a part of the store did not answer, that nothing has it cannot be said.
        """
        where = f" in namespace {namespace}" if namespace else ""
        asked_at = math.ceil(time / LAST_SEEN_SECONDS) * LAST_SEEN_SECONDS
        rows = self.client.instant(self.queries.last_seen(_SEEN_IN[kind], selector), asked_at)
        if asked.partial():
            return UpstreamPartialError(
                f"A part of the store does not answer, and the rest has no {kind} named {name}{where}."
            )
        if not rows or not math.isfinite(rows[0].value):
            return NotFoundError(f"There is no {kind} named {name}{where}, and there was none in the last 30 days.")
        seen = rfc3339(rows[0].value - LAST_SEEN_SECONDS)
        return NotFoundError(f"There is no {kind} named {name}{where}; it was last seen at {seen}.")


def only_one(kind: Kind, name: str, places: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """The one of ``places``, as (cluster, namespace). Raises AmbiguousNameError if there are several; names them."""
    distinct = sorted(set(places))
    clusters = sorted({cluster for cluster, _ in distinct})
    if len(clusters) > 1:
        raise AmbiguousNameError(
            f"cluster: several clusters have a {kind} named {name}: {', '.join(clusters)}. Name one."
        )
    if len(distinct) > 1:
        found = ", ".join(namespace for _, namespace in distinct)
        raise AmbiguousNameError(f"namespace: several namespaces have a {kind} named {name}: {found}. Name one.")
    return distinct[0]


def several_clusters(sources: Sources) -> bool:
    return len(sources.clusters()) > 1


def clusters_asked(sources: Sources, cluster: str | None) -> list[str]:
    """The clusters that an answer is about: the one asked for, else all that the store holds."""
    return sorted(sources.clusters()) if cluster is None else [cluster]


def all_collected(sources: Sources, kind: Kind, cluster: str | None) -> bool:
    """Whether scope cluster speaks of ``kind`` in every cluster that an answer is about."""
    clusters = clusters_asked(sources, cluster)
    return bool(clusters) and all(sources.collected(name, COLLECTED[kind]) for name in clusters)


def list_answer(
    items: list[dict[str, Any]],
    total: int,
    listing: Listing,
    time: float,
    sources: Sources,
    kind: Kind,
    cluster: str | None,
) -> dict[str, Any]:
    """The frame of a list: one page of all ``total``. It is partial unless scope cluster speaks of ``kind``."""
    answer: dict[str, Any] = {"items": items, "total": total, "time": rfc3339(time)}
    if (following := listing.next(total)) is not None:
        answer["next"] = following
    if not all_collected(sources, kind, cluster):
        answer["partial"] = ["not_collected"]
    return answer


def without_the_gone(gathered: Gathered, kind: Kind) -> Gathered:
    """``gathered`` without the entities of ``kind`` that scope cluster, where it speaks, does not know: of something
    deleted, the totals and counts last until its pods are gone.
    """
    for key, facts in list(gathered.entities.items()):
        known = any(fact.startswith(KNOWN_BY[kind]) for fact in facts.values)
        if not known and gathered.sources.collected(key[0], COLLECTED[kind]):
            del gathered.entities[key]
    return gathered


def known_places(rows: Iterable[Sample], sources: Sources, kind: Kind) -> set[tuple[str, str]]:
    """(cluster, namespace) of what ``Queries.exists`` found, without the gone."""
    places = set()
    for row in rows:
        cluster = row.labels.get("cluster", "")
        if row.labels.get("__name__") == KNOWN_BY[kind] or not sources.collected(cluster, COLLECTED[kind]):
            places.add((cluster, row.labels.get("namespace", "")))
    return places


def place(facts: Facts) -> tuple[str, str]:
    return facts.labels.get("cluster", ""), facts.labels.get("namespace", "")
