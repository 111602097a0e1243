"""Every entity of a kind over a window, one signal of each: who there was, then the points of those that are answered.

Three to six queries, however many entities there are:

    who there was, at the window's end; beside it, where they are sorted by the signal, the window's average of each
    the points of the page, from up to three range queries (``facade.lookup.ranges``)
    its statistics, where they are asked for
    why a column is empty, where one is

A filter lets through what it held for at any time within the window: a pod that moved is of both nodes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from facade.answer import Sample
from facade.entities.evidence import WindowEvidence, series_key
from facade.entities.facts import Key
from facade.entities.timeseries import Cell, Column, KindColumns, one_point, statistics
from facade.listing import Filters, Listing
from facade.listing import Place as Order
from facade.lookup.base import MOST_ASKED_BY_NAME, NAME_LABEL, Lookup
from facade.lookup.ranges import Ranges, Wish
from facade.lookup.timeseries import frame, place
from facade.params.shared import check_budget
from facade.window import TimeWindow
from promql.catalogue import LEVEL_OF, Kind, Signal
from promql.selectors import Selector, equal, one_of

# Where no more than so many times the page are known, all are asked: a query that names hundreds is long.
_FEW: Final = 4


@dataclass(slots=True)
class _Entities:
    """Who there was: the uids of each, of pods; and the clusters of the store."""

    uids: dict[Key, set[str]] = field(default_factory=dict)
    clusters: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Page:
    """Whose columns are answered, and what lets them through; whether any are pods that had one name after each
    other.
    """

    keys: Sequence[Key]
    selector: Selector
    joined: bool


class SeriesOfKind:
    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._queries = lookup.series_queries
        self._ranges = Ranges(lookup)

    def all(self, kind: Kind, key: str, listing: Listing, wish: Wish) -> dict[str, Any]:
        """The signal ``key`` of the entities that ``listing`` asks for."""
        filters, window, signal = listing.filters, wish.window, self._lookup.catalogue.signals[key]
        found, averages = self._found(kind, signal, listing, window)
        passing = [key for key in found.uids if filters.lets_name(key[-1])]
        ordered = listing.in_order(passing, _order, lambda key: averages.column(key)[0])
        keys = listing.page(ordered)
        page = _Page(
            keys, page_selector(kind, filters, keys, found.uids), joined=any(len(found.uids[key]) > 1 for key in keys)
        )
        check_budget(len(keys), window.points)
        self._ranges.check_samples([signal], len(keys), wish, joined=page.joined)
        answer = frame(window)
        answer["items"] = self._items(kind, signal, page, wish)
        if len(found.clusters) > 1:
            answer["items"] = [_with_cluster(item, key) for item, key in zip(answer["items"], keys, strict=True)]
        answer["total"] = len(passing)
        if (following := listing.next(len(passing))) is not None:
            answer["next"] = following
        return answer

    def _found(self, kind: Kind, signal: Signal, listing: Listing, window: TimeWindow) -> tuple[_Entities, KindColumns]:
        """Who there was, and the averages where the order needs them."""
        filters, whole = listing.filters, window.as_one_point()
        queries = [self._queries.known(kind, _base(filters), window.window, _held(filters), filters.phase)]
        if not listing.by_place:
            queries.append(self._queries.points_of_kind(kind, _base(filters), signal, window.window))
        known, *averages = self._lookup.client.gather(queries, window.end)
        found = _Entities()
        for row in known:
            key = series_key(kind, row.labels)
            if key is None:
                found.clusters.add(row.labels.get("cluster", ""))
            else:
                found.uids.setdefault(key, set()).add(row.labels.get("uid", ""))
        rows = [row for answer in averages for row in one_point(answer, whole)]
        return found, KindColumns.of(kind, signal, rows, whole)

    def _items(self, kind: Kind, signal: Signal, page: _Page, wish: Wish) -> list[dict[str, Any]]:
        if not page.keys:
            return []
        rows = self._ranges.of_kind(kind, page.selector, signal, wish, joined=page.joined)
        columns = KindColumns.of(kind, signal, rows, wish.window)
        values = {key: columns.column(key) for key in page.keys}
        stats = self._statistics(kind, signal, values, page, wish)
        empty = [key for key, cells in values.items() if _nothing(cells)]
        reasons = self._reasons(kind, signal, empty, page.selector, wish.window)
        items = []
        for key in page.keys:
            item: dict[str, Any] = {"name": key[-1]}
            if place(key)[1]:
                item["namespace"] = place(key)[1]
            item["values"] = values[key]
            if kind in LEVEL_OF:
                item["coverage"] = columns.coverage_of(key)
            item |= {"stats": {signal.key: stats[key]}} if wish.statistics else {}
            item |= {"missing": {signal.key: reasons[key]}} if key in reasons else {}
            items.append(item)
        return items

    def _statistics(
        self, kind: Kind, signal: Signal, values: Mapping[Key, Column], page: _Page, wish: Wish
    ) -> dict[Key, dict[str, Cell]]:
        if not wish.statistics:
            return {}
        (query,) = self._queries.statistics(
            kind, page.selector, [signal], wish.window.window, alone=False, joined=page.joined
        )
        rows: dict[Key | None, list[Sample]] = {}
        for row in self._lookup.client.instant(query, wish.window.end):
            rows.setdefault(series_key(kind, row.labels), []).append(row)
        found = {key: statistics(rows.get(key, ()), [signal])[signal.key] for key in values}
        for key, six in found.items():
            # A total that was never recorded though it was known which pods there are: it used nothing.
            if signal.totals == "sum" and kind in LEVEL_OF and _nothing(six.values()) and not _nothing(values[key]):
                found[key] = dict.fromkeys(six, 0)
        return found

    def _reasons(
        self, kind: Kind, signal: Signal, empty: Sequence[Key], selector: Selector, window: TimeWindow
    ) -> dict[Key, str]:
        """Why the columns of these entities are empty."""
        if not empty:
            return {}
        query = self._queries.evidence(kind, selector, window.window)
        rows = self._lookup.client.instant(query, window.end)
        evidence = WindowEvidence.of(kind, rows, self._lookup.catalogue.totals)
        return {key: evidence.entity(key).reason(signal, key[0]) for key in empty}


def page_selector(kind: Kind, filters: Filters, page: Sequence[Key], known: Mapping[Key, Collection[str]]) -> Selector:
    """What lets the page's entities through, and not many others; ``known`` has the uids of all that pass, and what has
    another name.
    """
    base = _base(filters)
    held_at_times = filters.node or filters.workload or filters.phase
    if not held_at_times and len(known) <= _FEW * len(page):
        return base
    if kind == "pod":
        label, values = "uid", sorted({uid for key in page for uid in known[key]})
    else:
        label, values = NAME_LABEL[kind], sorted({key[-1] for key in page})
    most_of_all = len(values) > MOST_ASKED_BY_NAME and 2 * len(page) > len(known)
    return base if most_of_all else (*base, one_of(label, values))


def _base(filters: Filters) -> Selector:
    """What holds for an entity at all times."""
    return equal(cluster=filters.cluster, namespace=filters.namespace)


def _held(filters: Filters) -> Selector:
    """What must have held at some time within the window, the phase aside."""
    kind, name = (None, None) if filters.workload is None else (filters.workload.kind, filters.workload.name)
    return equal(node=filters.node, workload_kind=kind, workload=name)


def _order(key: Key) -> Order:
    cluster, namespace = place(key)
    return namespace, key[-1], cluster, ""


def _nothing(cells: Iterable[Cell]) -> bool:
    return all(cell is None for cell in cells)


def _with_cluster(item: dict[str, Any], key: Key) -> dict[str, Any]:
    """The item with its cluster after its name and namespace."""
    first = ("name", "namespace")
    named = {label: text for label, text in item.items() if label in first}
    return named | {"cluster": key[0]} | {label: value for label, value in item.items() if label not in first}
