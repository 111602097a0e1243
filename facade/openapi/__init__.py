"""``/openapi.json``: OpenAPI 3.1, made from what the routes declare.

    document.py    the whole: information, paths, components
    route.py       one route of the URL map: its path, its names, which problems it can answer with
    parameters.py  declared parameters and path segments as OpenAPI has them
    responses.py   what a route answers with: bodies, headers, problems
    schemas.py     building blocks of the schemas, and those that every answer shares
    entities.py    schemas of entities and lists of them
    series.py      schemas of time series
    service.py     what the routes about the facade itself answer with
    examples.py    the example requests; ``examples/*.json`` are what the sample fleet answered to them

Paths, parameters, bounds and shapes come from the routes, signals and units from the catalogue, reasons and problems
from the tables that answers are made with. Nothing is declared here that a route declares.
https://spec.openapis.org/oas/v3.1.1.html
"""

from __future__ import annotations

from typing import Final, cast

from flask import Flask

from facade.config import Settings
from facade.openapi.document import document

__all__ = ["document", "install", "text_of"]
EXTENSION: Final = "cloud-monitoring-openapi"


def install(app: Flask, settings: Settings) -> None:
    """Make the document of the routes of ``app``, once, for as long as it lives."""
    app.extensions[EXTENSION] = app.json.dumps(document(app, settings))


def text_of(app: Flask) -> str:
    """The document that ``install`` made, as JSON."""
    return cast("str", app.extensions[EXTENSION])
