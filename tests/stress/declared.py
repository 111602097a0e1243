"""Which routes a facade has and what they take, from what it says of itself.

``/openapi.json`` tells all. A facade that has none still links to its lists from ``/``: the routes of their items are
then those that the contract has, and are called with nothing but what every facade takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Frame = Literal["about", "status", "metrics", "openapi", "list", "entity", "series", "kind_series", "other"]
KIND_OF: Final = {"nodes": "node", "pods": "pod", "namespaces": "namespace", "deployments": "deployment"}
NAMESPACED: Final = ("pod", "deployment")

_FRAMES: Final[Mapping[str, Frame]] = {
    "/": "about",
    "/healthz": "status",
    "/readyz": "status",
    "/metrics": "metrics",
    "/openapi.json": "openapi",
    "/api/timeseries": "kind_series",
}
# What items of a kind lead to, where only the links are known.
_BELOW: Final = {"node": ("pods",), "pod": (), "namespace": ("pods", "deployments"), "deployment": ("pods",)}
_TAKEN_BY_ALL: Final = ("explain", "cluster")
_SERIES: Final = ("window", "step", "start", "end", "metrics")


@dataclass(frozen=True, slots=True)
class Route:
    """``template`` has its segments in braces; ``parameters`` are those of the query, each with its JSON Schema.

    ``tagged``: it says 304 to a client that has its answer already.
    """

    template: str
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tagged: bool = False

    @property
    def frame(self) -> Frame:
        """What its answers look like."""
        if self.template in _FRAMES:
            return _FRAMES[self.template]
        if not self.template.startswith("/api/"):
            return "other"
        if self.template.endswith("/timeseries"):
            return "series"
        if self.template.endswith("}"):
            return "entity"
        return "list" if self.template.rpartition("/")[2] in KIND_OF else "other"

    @property
    def owner(self) -> str | None:
        """The kind of entity that its segment names; None where it has none."""
        kind = KIND_OF.get(self.template.split("/")[2]) if "{" in self.template else None
        return kind if self.template.count("{") == 1 else None

    @property
    def items(self) -> str | None:
        """The kind of a list's items."""
        return KIND_OF.get(self.template.rpartition("/")[2])

    def admits(self, query: Mapping[str, str]) -> bool:
        """Whether it takes these parameters, and the words among their values where it lists the words."""
        for name, text in query.items():
            if name not in self.parameters:
                return False
            words = self.parameters[name].get("enum")
            if words is not None and "{" not in text and text not in map(str, words):
                return False
        return True


def from_openapi(document: Mapping[str, Any]) -> list[Route]:
    """The routes of an OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.0) that can be read."""
    routes = []
    for template, item in document["paths"].items():
        if "get" not in item:
            continue
        given = (_resolved(document, one) for one in (*item.get("parameters", ()), *item["get"].get("parameters", ())))
        parameters = {one["name"]: _schema(document, one) for one in given if one["in"] == "query"}
        routes.append(Route(template, parameters, tagged="304" in item["get"].get("responses", {})))
    return routes


def from_links(links: Iterable[str]) -> list[Route]:
    """The routes that a facade has that links to ``links``."""
    routes = []
    for path in links:
        kind = KIND_OF.get(path.removeprefix("/api/"))
        is_api = path.startswith("/api/")
        routes.append(Route(path, _taken(_TAKEN_BY_ALL if is_api else ())))
        if kind is not None:
            own = (*_TAKEN_BY_ALL, "namespace") if kind in NAMESPACED else _TAKEN_BY_ALL
            below = f"{path}/{{{kind}}}"
            routes += [Route(below, _taken(own)), Route(f"{below}/timeseries", _taken((*own, *_SERIES)))]
            routes += [Route(f"{below}/{items}", _taken(own)) for items in _BELOW[kind]]
    return routes


def with_the_root(routes: Iterable[Route]) -> list[Route]:
    """``routes``, and ``/``, which every facade has; each template once, in their order."""
    by_template = {"/": Route("/")}
    for route in routes:
        by_template.setdefault(route.template, route)
    return list(by_template.values())


def _taken(names: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    return {name: {} for name in names}


def _schema(document: Mapping[str, Any], parameter: Mapping[str, Any]) -> Mapping[str, Any]:
    return _resolved(document, parameter.get("schema", {}))


def _resolved(document: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a ``$ref`` within the document points to."""
    while "$ref" in part:
        found: Any = document
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
        part = found
    return part
