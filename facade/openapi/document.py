"""The whole OpenAPI document of one application."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

from facade import __version__
from facade.config import Settings
from facade.openapi.entities import entity_schemas
from facade.openapi.examples import Example, examples
from facade.openapi.parameters import path_parameter, query_parameter
from facade.openapi.problems import component_name, problem_component, problems_of
from facade.openapi.responses import responses
from facade.openapi.route import SERVICE, Route, routes
from facade.openapi.schemas import Schema, shared_schemas
from facade.openapi.series import shared_series_schemas, timeseries_schemas, whole_kind_schemas
from promql.catalogue import KINDS, Catalogue

OPENAPI_VERSION: Final = "3.1.1"
_DESCRIPTION: Final = """What is using a Kubernetes cluster, now and over any window.

Numbers are in base units: cores, bytes, bytes per second, seconds, ratios (1 is all of it). Times are RFC 3339 in UTC,
except in `timestamps`, which are Unix seconds. A value that nobody measured is `null`, and `missing` says why. A slash
at the end of a path is ignored, and every route answers HEAD and OPTIONS as HTTP has them."""
_TAGS: Final = {
    "nodes": "Nodes, and the pods of one.",
    "pods": "Pods.",
    "namespaces": "Namespaces, and the pods and Deployments of one.",
    "deployments": "Deployments, and the pods of one.",
    "timeseries": "Every entity of a kind over a window.",
    SERVICE: "The facade itself.",
}


def document(app: Flask, settings: Settings) -> dict[str, Any]:
    """The OpenAPI document of the routes of ``app``, with the bounds that ``settings`` set.

    Raises KeyError for a route of which neither a shape nor ``service`` says what it answers with.
    """
    found = routes(app)
    answered = examples()
    by_rule = _by_rule(app.url_map.bind("localhost"), answered.values())
    return {
        "openapi": OPENAPI_VERSION,
        "info": {
            "title": "Cloud Monitoring",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": {
            route.path: {"get": _operation(route, settings, by_rule.get((route.rule, "GET"), []))} for route in found
        },
        "components": {"schemas": _schemas(), "responses": _problem_components(found, answered)},
    }


def _operation(route: Route, settings: Settings, given: list[Example]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.operation_id,
        "tags": [route.tag],
        "summary": route.endpoint.help.rstrip("."),
        "parameters": [
            *map(path_parameter, route.segments),
            *(query_parameter(parameter, settings) for parameter in route.endpoint.parameters),
        ],
        "responses": responses(route, given),
    }
    if route.endpoint.description:
        operation["description"] = route.endpoint.description
    return operation


def _by_rule(adapter: MapAdapter, given: Iterable[Example]) -> dict[tuple[str, str], list[Example]]:
    """The examples by route and method; those of no route are left out."""
    found: dict[tuple[str, str], list[Example]] = {}
    for example in given:
        path, method = example.request.path.partition("?")[0], example.request.method
        try:
            rule, _ = adapter.match(path, method=method, return_rule=True)
        except HTTPException:
            continue
        found.setdefault((rule.rule, method), []).append(example)
    return found


def _schemas() -> dict[str, Schema]:
    catalogue = Catalogue.load()
    schemas = {**shared_schemas(), **shared_series_schemas(), **whole_kind_schemas(catalogue)}
    for kind in KINDS:
        schemas |= entity_schemas(catalogue, kind)
        schemas |= timeseries_schemas(catalogue, kind)
    return schemas


def _problem_components(found: Iterable[Route], answered: Mapping[str, Example]) -> dict[str, Any]:
    bodies = {name: example.body for name, example in answered.items()}
    components: dict[str, Any] = {}
    for route in found:
        for problems in problems_of(route).values():
            components[component_name(problems)] = problem_component(problems, bodies)
    return dict(sorted(components.items()))
