"""One route of the URL map, as a document names it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask import Flask
from werkzeug.routing import Rule

from facade.context import Endpoint, endpoint_of

_SEGMENT = re.compile(r"<([^<>]+)>")
SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Route:
    """A rule of the URL map that answers GET, and the declaration of its view. ``name`` is Flask's: ``nodes.node``."""

    rule: str
    name: str
    endpoint: Endpoint

    @property
    def path(self) -> str:
        """As OpenAPI writes it: ``/api/nodes/{node}``."""
        return _SEGMENT.sub(r"{\1}", self.rule)

    @property
    def segments(self) -> tuple[str, ...]:
        """The names in the path, in their order."""
        return tuple(_SEGMENT.findall(self.rule))

    @property
    def tag(self) -> str:
        """What it is about: the plural of a kind, ``timeseries``, or this service."""
        _, first, *rest = self.rule.split("/")
        return rest[0] if first == "api" and rest else SERVICE

    @property
    def operation_id(self) -> str:
        """A name for the operation that is unique among the routes: ``list_pods_of_node``."""
        shape, last = self.endpoint.shape, self.rule.rpartition("/")[2]
        if shape is None:
            return self.name.rpartition(".")[2]
        if shape.frame == "list":
            return f"list_{last}_of_{self.segments[0]}" if self.segments else f"list_{last}"
        parts = ("get", *self.segments, *(("timeseries",) if last == "timeseries" else ()))
        return "_".join(parts)


def routes(app: Flask) -> list[Route]:
    """The routes of the application, by path."""
    rules = sorted(filter(_answers_get, app.url_map.iter_rules()), key=lambda rule: rule.rule)
    return [Route(rule.rule, rule.endpoint, endpoint_of(app.view_functions[rule.endpoint])) for rule in rules]


def _answers_get(rule: Rule) -> bool:
    return "GET" in (rule.methods or ())
