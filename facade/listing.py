"""What a request asks of a list: which items, in which order, which page of them, and what of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeVar
from urllib.parse import quote, urlencode

from facade.params.kinds import Ordering, Workload
from facade.params.lists import (
    LIMIT,
    METRICS,
    NAME_FILTER,
    NAMESPACE_FILTER,
    NODE_FILTER,
    OFFSET,
    PHASE_FILTER,
    SORT,
    WORKLOAD_FILTER,
)
from facade.params.parsing import Values
from facade.params.shared import CLUSTER
from promql.catalogue import Kind

T = TypeVar("T")
# (namespace, name, cluster, uid), in the order in which they settle ties; empty where a kind has none.
Place = tuple[str, str, str, str]
BY_NAME: Final = Ordering("name")


@dataclass(frozen=True, slots=True)
class Filters:
    """Each None lets everything through. ``name`` is a part of the name, the others are whole."""

    cluster: str | None = None
    namespace: str | None = None
    node: str | None = None
    workload: Workload | None = None
    phase: str | None = None
    name: str | None = None

    @classmethod
    def of(cls, values: Values) -> Self:
        """The filters of a request; those that its route does not take are None."""
        return cls(
            cluster=values.get(CLUSTER),
            namespace=values.get(NAMESPACE_FILTER),
            node=values.get(NODE_FILTER),
            workload=values.get(WORKLOAD_FILTER),
            phase=values.get(PHASE_FILTER),
            name=values.get(NAME_FILTER),
        )

    def lets_name(self, name: str) -> bool:
        """Whether the name has in it what is asked for."""
        return self.name is None or self.name in name


@dataclass(frozen=True, slots=True)
class Here:
    """Where a list was asked for: a path, and the parameters as they were given."""

    path: str = "/"
    arguments: tuple[tuple[str, str], ...] = ()

    def at(self, offset: int) -> str:
        """The same, from ``offset`` on."""
        kept = [(name, text) for name, text in self.arguments if name != OFFSET.name]
        return f"{quote(self.path)}?{urlencode([*kept, (OFFSET.name, offset)])}"


@dataclass(frozen=True, slots=True)
class Listing:
    """``limit`` None is all that follow the first ``offset``; ``metrics`` None is all signals and every other block."""

    filters: Filters = Filters()
    sort: Ordering = BY_NAME
    limit: int | None = None
    offset: int = 0
    metrics: tuple[str, ...] | None = None
    here: Here = Here()

    @classmethod
    def of(cls, kind: Kind, values: Values, here: Here) -> Self:
        """What the request asks of a list of ``kind``."""
        return cls(
            Filters.of(values),
            values[SORT[kind]],
            values.get(LIMIT),
            values[OFFSET],
            values.get(METRICS[kind]),
            here,
        )

    @property
    def by_place(self) -> bool:
        """Whether the order needs no more than names."""
        return self.sort.key in ("name", "namespace")

    @property
    def end(self) -> int | None:
        """How many items the page and those before it are; None for all."""
        return None if self.limit is None else self.offset + self.limit

    def at_most(self, items: int) -> bool:
        """Whether a page has no more than so many."""
        return self.limit is not None and self.limit <= items

    def in_order(self, items: Iterable[T], place: Callable[[T], Place], value: Callable[[T], float | None]) -> list[T]:
        """All items by what the list is sorted by: ``value``, unless that is the name or namespace.

        What has no value comes last in both directions; what has the same goes by its place, from the least up.
        """
        by_place = sorted(items, key=place)
        if self.by_place:
            index = 1 if self.sort.key == "name" else 0
            return sorted(by_place, key=lambda item: place(item)[index], reverse=self.sort.descending)
        valued = [(value(item), item) for item in by_place]
        measured = [(number, item) for number, item in valued if number is not None]
        measured.sort(key=lambda pair: pair[0], reverse=self.sort.descending)
        return [item for _, item in measured] + [item for number, item in valued if number is None]

    def page(self, ordered: Sequence[T]) -> list[T]:
        """Those of the page."""
        return list(ordered[self.offset : self.end])

    def next(self, total: int) -> str | None:
        """The path of the following page; None where there is none."""
        return None if self.end is None or self.end >= total else self.here.at(self.end)
