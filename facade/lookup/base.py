"""What every lookup shares."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from facade.entities.facts import Facts, Gathered, Key, Sources
from facade.errors import AmbiguousNameError, NotFoundError
from facade.instants import rfc3339
from facade.prometheus import PrometheusClient, Sample
from promql import names
from promql.catalogue import Catalogue, Kind, record
from promql.queries import LAST_SEEN_SECONDS, Queries
from promql.selectors import Selector
from promql.timeseries import TimeseriesQueries
from promql.windows import Windows

KeyOf = Callable[[Mapping[str, str]], Key | None]

# The label that names an entity of a kind, and the metrics whose last sample tells when it was last there.
NAME_LABEL: Final[dict[Kind, str]] = {"node": "node", "pod": "pod", "namespace": "namespace", "deployment": "workload"}
_SEEN_IN: Final[dict[Kind, tuple[str, ...]]] = {
    "node": (names.NODE_INFO.name, names.NODE_CPU_USAGE_CORES.name),
    "pod": (names.POD_INFO.name, names.POD_READY.name),
    "namespace": (names.NAMESPACE_INFO.name, record("namespace", "cloudmon_pods", "count")),
    "deployment": (names.WORKLOAD_REPLICAS.name, record("workload", "cloudmon_pods", "count")),
}


class Lookup:
    """The client and the catalogue's queries; stateless, one per process."""

    def __init__(self, client: PrometheusClient, catalogue: Catalogue, windows: Windows) -> None:
        self.client = client
        self.catalogue = catalogue
        self.queries = Queries(catalogue, windows)
        self.series_queries = TimeseriesQueries(catalogue, windows)

    def now(self) -> int:
        """Prometheus's time in whole Unix seconds: the time of an instant answer."""
        return math.floor(self.client.now())

    def gather(self, queries: Sequence[str], time: int, key: KeyOf) -> Gathered:
        """The rows of all the queries, filed by entity."""
        gathered = Gathered()
        evaluation = self.catalogue.totals.evaluation
        if len(queries) == 1:
            gathered.add(self.client.instant(queries[0], time), key, evaluation)
            return gathered

        def merge(_: int, rows: Iterable[Sample]) -> None:
            gathered.add(rows, key, evaluation)

        self.client.gather_each(queries, time, merge)
        return gathered

    def not_found(
        self, kind: Kind, name: str, selector: Selector, time: int, namespace: str | None = None
    ) -> NotFoundError:
        """The error for a name that nothing has, with when it was last seen; one more query."""
        where = f" in namespace {namespace}" if namespace else ""
        asked_at = math.ceil(time / LAST_SEEN_SECONDS) * LAST_SEEN_SECONDS
        rows = self.client.instant(self.queries.last_seen(_SEEN_IN[kind], selector), asked_at)
        if not rows or not math.isfinite(rows[0].value):
            return NotFoundError(f"There is no {kind} named {name}{where}, and there was none in the last 30 days.")
        seen = rfc3339(rows[0].value - LAST_SEEN_SECONDS)
        return NotFoundError(f"There is no {kind} named {name}{where}; it was last seen at {seen}.")


def only_one(kind: Kind, name: str, places: Iterable[tuple[str, str]]) -> None:
    """Raise AmbiguousNameError if ``places``, as (cluster, namespace), are several; names them."""
    distinct = sorted(set(places))
    clusters = sorted({cluster for cluster, _ in distinct})
    if len(clusters) > 1:
        raise AmbiguousNameError(
            f"cluster: several clusters have a {kind} named {name}: {', '.join(clusters)}. Name one."
        )
    if len(distinct) > 1:
        found = ", ".join(namespace for _, namespace in distinct)
        raise AmbiguousNameError(f"namespace: several namespaces have a {kind} named {name}: {found}. Name one.")


def several_clusters(sources: Sources) -> bool:
    return len(sources.clusters()) > 1


def list_answer(items: list[dict[str, Any]], time: float, sources: Sources, collected: str) -> dict[str, Any]:
    """The list's frame, its items by name and namespace. ``collected`` is the kind of which scope cluster must
    speak.
    """
    items.sort(key=lambda item: (item["name"], item.get("namespace", ""), item.get("cluster", ""), item.get("uid", "")))
    answer: dict[str, Any] = {"items": items, "total": len(items), "time": rfc3339(time)}
    if not sources.collected_anywhere(collected):
        answer["partial"] = ["not_collected"]
    return answer


def place(facts: Facts) -> tuple[str, str]:
    return facts.labels.get("cluster", ""), facts.labels.get("namespace", "")
