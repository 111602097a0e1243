"""One entity over a window: the points of all its signals, and what was known of it meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from facade.answer import Series
from facade.entities.evidence import WindowEvidence, series_key
from facade.entities.facts import Key
from facade.entities.timeseries import column, columns_by_signal, statistics, wanted
from facade.lookup.base import NAME_LABEL, Lookup, only_one
from facade.lookup.ranges import Ranges, Wish
from facade.params.shared import check_budget
from facade.window import TimeWindow
from promql.catalogue import LEVEL_OF, NAMESPACED, Kind, Signal
from promql.queries import union
from promql.selectors import Selector, equal
from promql.timeseries import COVERAGE, within_kind


class Timeseries:
    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._ranges = Ranges(lookup)

    def one(
        self,
        kind: Kind,
        name: str,
        namespace: str | None,
        cluster: str | None,
        metrics: Sequence[str] | None,
        wish: Wish,
    ) -> dict[str, Any]:
        """The entity's columns. ``metrics`` are keys of ``usage``; None is all that the kind has."""
        signals, window = self._lookup.catalogue.of_kind(kind), wish.window
        asked = None if metrics is None else self._lookup.signals(metrics)
        check_budget(len(asked or signals), window.points)
        self._ranges.check_samples(asked or signals, 1, wish)
        selector = equal(**{"cluster": cluster, "namespace": namespace, NAME_LABEL[kind]: name})
        rows, evidence = self._rows(kind, selector, asked or signals, wish)
        keys = _keys(kind, rows) | set(evidence.entities)
        key = _only_key(kind, name, keys or self._keys_now(kind, name, namespace, selector, evidence))
        columns = columns_by_signal((row for row in rows if row.labels.get("cluster", "") == key[0]), window)
        chosen = wanted(signals, asked, columns)
        answer = _entity(kind, key, evidence) | frame(window)
        answer["series"] = {signal.key: columns.get(signal.key) or column((), window) for signal in chosen}
        if kind in LEVEL_OF:
            answer["coverage"] = columns.get(COVERAGE) or column((), window)
        if wish.statistics:
            joined = evidence.entity(key).joined
            answer["stats"] = self._statistics(kind, selector, chosen, window, key[0], joined=joined)
        answer["missing"] = {
            signal.key: evidence.entity(key).reason(signal, key[0])
            for signal in chosen
            if all(value is None for value in answer["series"][signal.key])
        }
        return answer

    def _rows(
        self, kind: Kind, selector: Selector, signals: Sequence[Signal], wish: Wish
    ) -> tuple[list[Series], WindowEvidence]:
        if kind != "pod" or wish.aggregation != "last":
            rows = self._ranges.of_one(kind, selector, signals, wish)
            return rows, self._evidence(kind, selector, wish.window)
        # The last of pods that had one name is looked for only where there were several.
        evidence = self._evidence(kind, selector, wish.window)
        joined = any(entity.joined for entity in evidence.entities.values())
        self._ranges.check_samples(signals, 1, wish, joined=joined)
        return self._ranges.of_one(kind, selector, signals, wish, joined=joined), evidence

    def _evidence(self, kind: Kind, selector: Selector, window: TimeWindow) -> WindowEvidence:
        query = self._lookup.series_queries.evidence(kind, selector, window.window)
        return WindowEvidence.of(kind, self._lookup.client.instant(query, window.end), self._lookup.catalogue.totals)

    def _statistics(
        self,
        kind: Kind,
        selector: Selector,
        signals: Sequence[Signal],
        window: TimeWindow,
        cluster: str,
        *,
        joined: bool,
    ) -> dict[str, Any]:
        queries = self._lookup.series_queries.statistics(kind, selector, signals, window.window, joined=joined)
        rows = [row for answer in self._lookup.client.gather(queries, window.end) for row in answer]
        return statistics((row for row in rows if row.labels.get("cluster", "") == cluster), signals)

    def _keys_now(
        self, kind: Kind, name: str, namespace: str | None, selector: Selector, evidence: WindowEvidence
    ) -> set[Key]:
        """What there is by that name now, though nothing was within the window.

        Tells ``evidence`` of the clusters that there are now. Raises NotFoundError.
        """
        selector = within_kind(kind, selector)
        now, queries = self._lookup.now(), self._lookup.queries
        rows = self._lookup.client.instant(union([queries.exists(kind, selector), queries.evaluations()]), now)
        keys = {key for row in rows if (key := series_key(kind, row.labels)) is not None}
        if not keys:
            raise self._lookup.not_found(kind, name, selector, now, namespace)
        evidence.around.clusters |= {row.labels.get("cluster", "") for row in rows}
        return keys


def frame(window: TimeWindow) -> dict[str, Any]:
    """What every time series says of its window."""
    return {
        "window": window.window,
        "start": window.start,
        "end": window.end,
        "step": window.step,
        "timestamps": window.timestamps(),
    }


def place(key: Key) -> tuple[str, str]:
    """(cluster, namespace) of an entity, the latter empty where its kind has none."""
    cluster, *others, _ = key
    return cluster, "".join(others)


def _keys(kind: Kind, rows: Iterable[Series]) -> set[Key]:
    return {key for row in rows if row.points and (key := series_key(kind, row.labels)) is not None}


def _only_key(kind: Kind, name: str, keys: set[Key]) -> Key:
    """The one there is. Raises AmbiguousNameError."""
    chosen = only_one(kind, name, map(place, keys))
    return next(key for key in keys if place(key) == chosen)


def _entity(kind: Kind, key: Key, evidence: WindowEvidence) -> dict[str, Any]:
    cluster, namespace = place(key)
    entity: dict[str, Any] = {"name": key[-1]}
    if kind in NAMESPACED:
        entity["namespace"] = namespace
    if len(evidence.around.clusters) > 1:
        entity["cluster"] = cluster
    return entity
