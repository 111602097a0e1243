"""Grafana's schema of dashboards, as the classes of Grafana's own library have it.

The library's classes are generated from Grafana's schema: their annotations say which keys there are and of what type.
Reading a dashboard with them drops what they do not know, and takes any type: so what was read is compared with what
was given, key by key, and then each value with its annotation.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator
from enum import Enum
from typing import Any, get_args, get_origin

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

register_default_plugins()
_NUMBERS = {float: (int, float), int: (int,)}


def mistakes(dashboard: dict[str, Any]) -> list[str]:
    """Where the JSON of a dashboard is not what the schema has; empty where it is."""
    try:
        read = Dashboard.from_json(json.loads(json.dumps(dashboard)))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return [f"it cannot be read: {error!r}"]
    return [*_differences("", dashboard, _as_json(read)), *_wrong_types("", read, Dashboard)]


def _as_json(value: Any) -> Any:
    return json.loads(json.dumps(value, cls=JSONEncoder))


def _differences(path: str, given: Any, read: Any) -> Iterator[str]:
    if isinstance(given, dict) and isinstance(read, dict):
        for key in given.keys() | read.keys():
            if key not in given or key not in read:
                yield f"{path}.{key}: {'lacking' if key in read else 'unknown'}"
            else:
                yield from _differences(f"{path}.{key}", given[key], read[key])
    elif isinstance(given, list) and isinstance(read, list) and len(given) == len(read):
        for position, (one, other) in enumerate(zip(given, read, strict=True)):
            yield from _differences(f"{path}[{position}]", one, other)
    elif given != read:
        yield f"{path}: {given!r} was read as {read!r}"


def _wrong_types(path: str, value: Any, expected: Any) -> Iterator[str]:
    origin, arguments = get_origin(expected), get_args(expected)
    if origin in (typing.Union, types.UnionType):
        # Of several types it is the one that it comes nearest to.
        options = [option for option in arguments if (option is type(None)) is (value is None)] or arguments
        yield from min((list(_wrong_types(path, value, option)) for option in options), key=len)
    elif origin is typing.Literal:
        if value not in arguments:
            yield f"{path}: {value!r} is none of {arguments}"
    elif origin is list:
        yield from _wrong_elements(path, value, arguments[0])
    elif origin is dict:
        for key, inner in value.items() if isinstance(value, dict) else ():
            yield from _wrong_types(f"{path}.{key}", inner, arguments[1])
    else:
        # Queries and options of panels are anything to the schema of a dashboard, and of a class of their own here.
        yield from _wrong_class(path, value, type(value) if expected in (Any, object) else expected)


def _wrong_elements(path: str, value: Any, expected: Any) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{path}: {value!r} is no list"
        return
    for position, inner in enumerate(value):
        yield from _wrong_types(f"{path}[{position}]", inner, expected)


def _wrong_class(path: str, value: Any, expected: type[Any]) -> Iterator[str]:
    if isinstance(value, dict) and hasattr(expected, "from_json"):
        # The library leaves some parts as they are given.
        given, value = value, expected.from_json(value)
        yield from _differences(path, given, _as_json(value))
    if issubclass(expected, Enum):
        if value not in [member.value for member in expected]:
            yield f"{path}: {value!r} is no {expected.__name__}"
    elif not isinstance(value, _NUMBERS.get(expected, (expected,))):
        yield f"{path}: {value!r} is no {expected.__name__}"
    for name, annotation in _annotations(type(value)).items():
        yield from _wrong_types(f"{path}.{name}", getattr(value, name), annotation)


def _annotations(class_: type[Any]) -> dict[str, Any]:
    if not class_.__module__.startswith("grafana_foundation_sdk"):
        return {}
    return typing.get_type_hints(class_)
