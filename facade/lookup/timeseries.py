"""One entity over a window: one range query for all its signals, and one for what was known of it meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from facade.answer import Sample, Series
from facade.entities.timeseries import Evidence, column, columns_by_signal, wanted
from facade.lookup.base import NAME_LABEL, Lookup, only_one
from facade.params import check_budget
from facade.window import TimeWindow
from promql.catalogue import LEVEL_OF, Kind, Signal
from promql.queries import DEPLOYMENT, union
from promql.selectors import Selector, equal
from promql.timeseries import COVERAGE

Place = tuple[str, str]


class Timeseries:
    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        queries = lookup.series_queries
        self._render: dict[Kind, Callable[[Selector, Sequence[Signal], float], str]] = {
            "pod": queries.pods,
            "node": queries.nodes,
            "namespace": queries.namespaces,
            "deployment": queries.deployments,
        }

    def one(
        self,
        kind: Kind,
        name: str,
        namespace: str | None,
        cluster: str | None,
        metrics: Sequence[str] | None,
        window: TimeWindow,
    ) -> dict[str, Any]:
        """The entity's columns. ``metrics`` are keys of ``usage``; None is all that the kind has."""
        signals = self._lookup.catalogue.of_kind(kind)
        asked = None if metrics is None else [self._lookup.catalogue.signals[key] for key in metrics]
        check_budget(len(signals if asked is None else asked), window.points)
        selector = equal(**{"cluster": cluster, "namespace": namespace, NAME_LABEL[kind]: name})
        query = self._render[kind](selector, signals if asked is None else asked, window.step)
        if kind == "deployment":
            selector = (*selector, DEPLOYMENT)
        rows = self._lookup.client.range(query, window.start + window.step, window.end, window.step)
        evidence = self._evidence(kind, selector, window)
        places = _places(kind, rows) | evidence.places or self._places_now(kind, name, namespace, selector, evidence)
        place = _only_place(kind, name, places)
        columns = columns_by_signal((row for row in rows if row.labels.get("cluster", "") == place[0]), window)
        answer = _frame(kind, name, place, evidence, window)
        chosen = wanted(signals, asked, columns)
        answer["series"] = {signal.key: columns.get(signal.key) or column((), window) for signal in chosen}
        if kind in LEVEL_OF:
            answer["coverage"] = columns.get(COVERAGE) or column((), window)
        answer["missing"] = {
            signal.key: _reason(kind, signal, place, evidence)
            for signal in chosen
            if all(value is None for value in answer["series"][signal.key])
        }
        return answer

    def _evidence(self, kind: Kind, selector: Selector, window: TimeWindow) -> Evidence:
        query = self._lookup.series_queries.evidence(kind, selector, window.window)
        return Evidence.of(self._lookup.client.instant(query, window.end), self._lookup.catalogue.totals)

    def _places_now(
        self, kind: Kind, name: str, namespace: str | None, selector: Selector, evidence: Evidence
    ) -> set[Place]:
        """Where there is something by that name now, though nothing was within the window.

        Tells ``evidence`` of the clusters that there are now. Raises NotFoundError.
        """
        now, queries = self._lookup.now(), self._lookup.queries
        rows = self._lookup.client.instant(union([queries.exists(kind, selector), queries.evaluations()]), now)
        if places := _places(kind, rows):
            evidence.clusters |= {row.labels.get("cluster", "") for row in rows}
            return places
        raise self._lookup.not_found(kind, name, selector, now, namespace)


def _only_place(kind: Kind, name: str, places: set[Place]) -> Place:
    """The one there is. Raises AmbiguousNameError."""
    if kind in ("node", "namespace"):
        places = {(cluster, "") for cluster, _ in places}
    return only_one(kind, name, places)


def _places(kind: Kind, rows: Iterable[Series] | Iterable[Sample]) -> set[Place]:
    return {
        (row.labels.get("cluster", ""), row.labels.get("namespace", ""))
        for row in rows
        if NAME_LABEL[kind] in row.labels
    }


def _frame(kind: Kind, name: str, place: Place, evidence: Evidence, window: TimeWindow) -> dict[str, Any]:
    cluster, namespace = place
    frame: dict[str, Any] = {"name": name}
    if kind in ("pod", "deployment"):
        frame["namespace"] = namespace
    if len(evidence.clusters) > 1:
        frame["cluster"] = cluster
    return frame | {
        "window": window.window,
        "start": window.start,
        "end": window.end,
        "step": window.step,
        "timestamps": window.timestamps(),
    }


def _reason(kind: Kind, signal: Signal, place: Place, evidence: Evidence) -> str:
    """Why a column is empty."""
    if kind == "pod":
        return evidence.pod_reason(signal)
    if kind == "node":
        return evidence.node_reason(signal)
    return evidence.total_reason(signal, LEVEL_OF[kind], place[0])
