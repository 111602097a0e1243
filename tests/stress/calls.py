"""The calls: every route in all the variants that it takes, and the mistakes that it must refuse."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from typing import Final
from urllib.parse import quote, urlencode

from tests.stress.declared import NAMESPACED, Frame, Route
from tests.stress.entities import NOBODY, Entity

OK: Final = frozenset({200})
_FOUND: Final = frozenset({200, 304})
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
_NO_CACHE: Final = {"Cache-Control": "no-cache"}

# Query variants by frame. A `{…}` stands for something of an entity that is there; a variant of which the route does
# not take every parameter is left out.
_LISTS: Final[Sequence[Mapping[str, str]]] = (
    {},
    {"limit": "2"},
    {"sort": "-cpu_cores", "limit": "5"},
    {"format": "csv"},
    {"explain": "true"},
    {"metrics": "cpu_cores"},
    {"limit": "1", "offset": "1"},
    {"sort": "memory_working_set_bytes"},
    {"namespace": "{namespace}"},
    {"node": "{node}"},
    {"workload": "{workload}"},
    {"phase": "Running"},
    {"name": "{part}"},
    {"sort": "-restarts"},
    {"sort": "started", "limit": "3"},
    {"sort": "-name"},
    {"sort": "namespace"},
    {"metrics": "cpu_cores,memory_working_set_bytes", "sort": "-memory_working_set_bytes", "limit": "10"},
    {"format": "csv", "sort": "-cpu_cores", "limit": "3"},
    {"offset": "100000"},
)
_ENTITIES: Final[Sequence[Mapping[str, str]]] = ({}, {"explain": "true"}, {"format": "csv"})
_SERIES: Final[Sequence[Mapping[str, str]]] = (
    {},
    {"window": "15m", "step": "60"},
    {"window": "6h", "step": "5m"},
    {"window": "1h", "metrics": "cpu_cores"},
    {"window": "30m", "format": "csv"},
    {"window": "30m", "stats": "true"},
    {"window": "1h", "step": "5m", "agg": "max"},
    {"window": "5m", "explain": "true"},
    {"window": "1d", "step": "30m", "agg": "last", "metrics": "memory_working_set_bytes"},
    {"start": "{two_hours_ago}", "end": "{hour_ago}"},
    {"window": "90s", "end": "{hour_ago}"},
    {"window": "3600", "step": "10m", "agg": "min", "stats": "true"},
)
_KIND_SERIES: Final[Sequence[Mapping[str, str]]] = tuple(
    {"kind": kind, **more}
    for more in (
        {"window": "15m"},
        {"window": "1h", "step": "5m", "metrics": "memory_working_set_bytes", "limit": "3"},
        {"window": "30m", "format": "csv"},
        {"window": "15m", "explain": "true", "limit": "2"},
        {"window": "1h", "agg": "max", "metrics": "memory_working_set_bytes"},
        {"window": "1h", "name": "e"},
        {"window": "15m", "sort": "-cpu_cores", "limit": "2"},
        {"window": "30m", "stats": "true", "limit": "5"},
        {"window": "15m", "sort": "name", "metrics": "network_receive_bytes_per_second"},
        {"window": "6h", "step": "5m", "limit": "10", "offset": "1"},
    )
    for kind in ("node", "pod", "namespace", "deployment")
)
_VARIANTS: Final[Mapping[Frame, Sequence[Mapping[str, str]]]] = {
    "list": _LISTS,
    "entity": _ENTITIES,
    "series": _SERIES,
    "kind_series": _KIND_SERIES,
}
# A value of each parameter that nobody may accept.
_WRONG: Final = {
    "limit": "0",
    "offset": "-1",
    "sort": "nothing",
    "metrics": "nothing",
    "namespace": "Not_A_Name",
    "node": "-",
    "workload": "a/b/c",
    "phase": "Asleep",
    "name": "%",
    "cluster": "",
    "window": "0",
    "step": "x",
    "start": "yesterday",
    "end": "x",
    "agg": "mode",
    "stats": "maybe",
    "explain": "perhaps",
    "format": "xml",
    "kind": "planet",
}


@dataclass(frozen=True, slots=True)
class Call:
    """A call, but for the entity that it is about.

    ``blamed`` is what the detail of a refusal must name. ``path`` is asked for in place of the route's template.
    ``placed`` adds the namespace and cluster that make the entity's name the only one.
    """

    route: Route
    query: Mapping[str, str] = field(default_factory=dict)
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    statuses: frozenset[int] = OK
    blamed: str = ""
    path: str = ""
    placed: bool = True

    @property
    def kind(self) -> str | None:
        """The kind of entity that it needs one of: the one that is named, or one that may be listed."""
        return self.route.owner or self.route.items

    def request(self, entity: Entity | None, now: float) -> Request:
        """The call about ``entity``, at ``now`` (Unix seconds). Without one it must not be found."""
        values = entity.values() if entity is not None else {}
        values |= {"hour_ago": str(int(now - 3600)), "two_hours_ago": str(int(now - 7200))}
        query = {name: _filled(text, values) for name, text in self.query.items()}
        query = {name: text for name, text in query.items() if text or not self.query[name]}
        if self.placed and entity is not None and self.route.owner is not None:
            query = {**self._place(entity), **query}
        template = self.path or self.route.template
        path = _PLACEHOLDER.sub(quote(entity.name if entity else NOBODY, safe=""), template)
        nobody = entity is None and path != template
        statuses = frozenset({404}) if nobody and self.statuses & _FOUND else self.statuses
        return Request(self, f"{path}?{urlencode(query)}" if query else path, query, entity, statuses)

    def _place(self, entity: Entity) -> dict[str, str]:
        """What makes a name the only one: its namespace and its cluster."""
        place = {"namespace": entity.namespace if entity.kind in NAMESPACED else "", "cluster": entity.cluster}
        return {name: text for name, text in place.items() if text and name in self.route.parameters}


@dataclass(frozen=True, slots=True)
class Request:
    """A call that can be sent."""

    call: Call
    path: str
    query: Mapping[str, str]
    entity: Entity | None
    statuses: frozenset[int]

    @property
    def wanted(self) -> bool:
        """Whether an answer with what was asked for is admitted, and not only a refusal."""
        return bool(self.statuses & _FOUND)


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], ""), text)


def calls_of(route: Route) -> list[Call]:
    """Every call of a route: what it must answer first, then what it must refuse."""
    return [*_answered(route), *_refused(route)]


def _answered(route: Route) -> Iterator[Call]:
    for query in _VARIANTS.get(route.frame, ({},)):
        if route.admits(query):
            yield Call(route, query)
    first = _first_query(route)
    yield Call(route, first, method="HEAD")
    if route.template.startswith("/api/"):
        yield Call(route, first, headers=_NO_CACHE)
        yield Call(route, first, path=f"{route.template}/")
    if route.tagged:
        # What any answer at all is the same as: as there is one, it is not sent again.
        yield Call(route, first, headers={"If-None-Match": "*"}, statuses=frozenset({304}))
    if route.owner is not None:
        # Its name may be in several namespaces or clusters; then the answer must say in which.
        yield Call(route, first, statuses=frozenset({200, 400}), placed=False)
    if route.frame == "about":
        yield Call(route, headers={"Accept": "text/html"})
    if "cluster" in route.parameters and route.owner is None:
        yield Call(route, {**first, "cluster": "{cluster}"})


def _refused(route: Route) -> Iterator[Call]:
    refused = frozenset({400})
    if not route.template.startswith("/api/"):
        yield Call(route, method="POST", statuses=frozenset({405}))
        return
    first = _first_query(route)
    yield Call(route, {**first, "colour": "red"}, statuses=refused, blamed="colour")
    if route.owner is not None:
        missing = route.template.replace(f"{{{_segment(route)}}}", NOBODY)
        yield Call(route, first, statuses=frozenset({404}), path=missing, blamed=NOBODY, placed=False)
        malformed = route.template.replace(f"{{{_segment(route)}}}", "Not_A_Name")
        yield Call(route, first, statuses=refused, path=malformed, blamed=_segment(route), placed=False)
    for name, text in _WRONG.items():
        if name in route.parameters:
            yield Call(route, {**first, name: text}, statuses=refused, blamed=name)
    if route.admits({"start": "2000", "end": "1000"}):
        yield Call(route, {**first, "start": "2000", "end": "1000"}, statuses=refused, blamed="start")
    if first:
        yield Call(route, statuses=refused, blamed=next(iter(first)))
    yield Call(route, first, method="POST", statuses=frozenset({405}))
    yield Call(route, first, headers={"Accept": "image/png"}, statuses=frozenset({406}))


def _first_query(route: Route) -> Mapping[str, str]:
    """What the route cannot do without."""
    return {"kind": "node"} if route.frame == "kind_series" else {}


def _segment(route: Route) -> str:
    """The name of its segment."""
    return route.template.partition("{")[2].partition("}")[0]


class Plan:
    """All calls, without end: the first variant of every route, then the second of each, and from the beginning again.

    So every route is called early, however short the time. ``entities`` are by kind, and are taken in turn.
    """

    def __init__(
        self,
        routes: Iterable[Route],
        entities: Mapping[str, Sequence[Entity]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.routes = list(routes)
        columns = zip_longest(*(calls_of(route) for route in self.routes))
        self.calls = [call for call in chain.from_iterable(columns) if call is not None]
        self._entities = {kind: list(found) for kind, found in entities.items()}
        self._clock = clock
        self._given = 0

    def next(self) -> Request:
        """The next request. Taken in one thread, or in greenlets of one."""
        rounds, place = divmod(self._given, len(self.calls))
        self._given += 1
        call = self.calls[place]
        there = self._entities.get(call.kind or "", [])
        entity = there[(rounds + place) % len(there)] if there else None
        return call.request(entity, self._clock())

    def list_path(self, entity: Entity) -> str:
        """The list that has ``entity`` while it is there, narrowed to it where the facade can."""
        lists = [route for route in self.routes if route.items == entity.kind and route.owner is None]
        narrowed = any("name" in route.parameters for route in lists)
        return f"/api/{entity.kind}s" + (f"?name={quote(entity.name)}" if narrowed else "")

    def forget(self, entity: Entity) -> None:
        """It is gone."""
        if entity in self._entities.get(entity.kind, []):
            self._entities[entity.kind].remove(entity)
