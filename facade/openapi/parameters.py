"""Declared parameters and path segments as OpenAPI has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from facade.config import Settings
from facade.openapi.examples import VALUES
from facade.params.kinds import Ordering
from facade.params.parsing import Parameter
from facade.params.series import END, KIND, SIGNAL, START, STEP, WINDOW
from facade.params.shared import PATH_SEGMENTS


def query_parameter(parameter: Parameter[Any], settings: Settings) -> dict[str, Any]:
    """A parameter of the query string. A list has commas between its items: ``style: form`` without ``explode``."""
    schema = dict(parameter.kind.schema)
    default = _default(parameter, settings)
    if default is not None:
        schema["default"] = default
    documented: dict[str, Any] = {
        "name": parameter.name,
        "in": "query",
        "required": parameter is KIND,
        "description": f"{_sentence(parameter.help)}: {parameter.kind.what}.{_bounds(parameter, settings)}",
        "schema": schema,
    }
    if parameter.name in VALUES:
        documented["example"] = _as_json(VALUES[parameter.name], schema)
    if schema.get("type") == "array":
        documented |= {"style": "form", "explode": False}
    return documented


def path_parameter(segment: str) -> dict[str, Any]:
    """A segment of a path."""
    kind = PATH_SEGMENTS[segment]
    return {
        "name": segment,
        "in": "path",
        "required": True,
        "description": f"The name of a {segment}: {kind.what}.",
        "schema": dict(kind.schema),
        "example": VALUES[segment],
    }


def _as_json(text: str, schema: Mapping[str, Any]) -> Any:
    form = schema.get("type")
    if form == "array":
        return text.split(",")
    return int(text) if form == "integer" else text


def _default(parameter: Parameter[Any], settings: Settings) -> Any:
    if parameter is WINDOW:
        return f"{settings.default_time_window_seconds:.15g}"
    default = parameter.default
    if isinstance(default, tuple):
        return list(default)
    return f"{'-' * default.descending}{default.key}" if isinstance(default, Ordering) else default


def _bounds(parameter: Parameter[Any], settings: Settings) -> str:
    """What the settings in force, rather than the form, ask of a value."""
    longest = f"{settings.max_time_window_seconds:.15g} seconds"
    if parameter is WINDOW:
        return f" Longer than nothing, at most {longest}."
    if parameter is STEP:
        return (
            f" The step in force is the largest of the wish, the scrape interval ({settings.scrape_interval_seconds:g} "
            f"seconds) and the window divided by {settings.max_data_points}, in whole scrape intervals, above 300 "
            "seconds in whole five minutes."
        )
    if parameter is SIGNAL:
        return " One of them at a time."
    if parameter is START:
        return f" Before `end`, by at most {longest}; without `end`, `window` says how far it reaches, else until now."
    return " One that is to come becomes now." if parameter is END else ""


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
