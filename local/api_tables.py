"""Tables of docs/api.md: parameters as OpenAPI declares them, and the fields of a schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from promql.catalogue import Catalogue

_MANY: Final = 6

# Fields that are components of the document, in fewer words.
_COMPONENTS: Final = {
    "Explain": "With `explain=true`: what was asked of Prometheus.",
    "Warnings": "A part of the store did not answer: values may be missing or wrong.",
}


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def parameters_table(parameters: Iterable[Mapping[str, Any]]) -> str:
    """The parameters of an operation: name, meaning, what they admit, default."""
    return table(("parameter", "", "admits", "default"), map(_parameter, parameters))


def _parameter(parameter: Mapping[str, Any]) -> Sequence[str]:
    schema = parameter["schema"]
    meaning, _, form = parameter["description"].rpartition(": ")
    if parameter["in"] == "path":
        return f"`{parameter['name']}` in the path", meaning, form.rstrip("."), "required"
    default = "required" if parameter["required"] else _written(schema.get("default"))
    return f"`{parameter['name']}`", meaning, _choices(schema) or form.rstrip("."), default


def _choices(schema: Mapping[str, Any]) -> str:
    """Long enumerations of signals in few words; nothing for what is no such enumeration."""
    choices = schema.get("items", schema).get("enum", ())
    signals = Catalogue.load().signals
    others = [choice for choice in choices if choice not in signals and not choice.startswith("-")]
    if len(choices) <= _MANY:
        return ""
    if schema.get("type") == "array":
        # Only the signal of a whole kind has a default: there is one at a time.
        if "default" in schema:
            return "one [signal](#signals)"
        return "[signals](#signals), with commas between"
    named = ", ".join(f"`{other}`" for other in others)
    return f"a [signal](#signals), {named}; with `-` before it from the greatest down"


def _written(default: Any) -> str:
    if default is None:
        return ""
    if isinstance(default, list):
        return f"`{','.join(default)}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def fields_table(schema: Mapping[str, Any]) -> str:
    """Every field of an entity: its path, what it is, whether it may be null or left out."""
    return table(("field", "", "may be"), _fields(schema, ""))


def _fields(schema: Mapping[str, Any], prefix: str) -> Iterator[Sequence[str]]:
    for name, inner in schema["properties"].items():
        if "properties" in inner:
            yield from _fields(inner, f"{prefix}{name}.")
        else:
            yield f"`{prefix}{name}`", _what(inner), _may_be(name, inner, schema)


def _what(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return _COMPONENTS[schema["$ref"].rpartition("/")[2]]
    if "description" in schema:
        return str(schema["description"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"] if value is not None)
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if "date-time" in schema.get("format", ""):
        return "RFC 3339"
    return {"string": "text", "boolean": "true or false", "integer": "a count", "number": "a ratio"}[kinds[0]]


def _may_be(name: str, inner: Mapping[str, Any], parent: Mapping[str, Any]) -> str:
    words = ["null"] if "null" in inner.get("type", ()) else []
    return ", ".join([*words, *(["absent"] if name not in parent["required"] else [])])
