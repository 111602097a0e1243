"""Building blocks of the schemas (JSON Schema, draft 2020-12), and the schemas that every answer shares.

Objects admit nothing that they do not name: an answer with a field that is not documented is a mistake.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from facade.entities.missing import NOT_COLLECTED, REASONS
from promql.catalogue import Signal

Schema = dict[str, Any]

TIME: Final[Schema] = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{3})?Z$",
}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
AMOUNT: Final[Schema] = {"type": "number", "minimum": 0}
TEXT: Final[Schema] = {"type": "string"}
NAME: Final[Schema] = {"type": "string", "minLength": 1}
CLUSTER: Final[Schema] = {"type": "string", "description": "Only where the store holds several clusters."}


def ref(name: str, section: str = "schemas") -> Schema:
    """A reference to a component."""
    return {"$ref": f"#/components/{section}/{name}"}


def strict(
    properties: Mapping[str, Schema], *, optional: Collection[str] = (), description: str | None = None
) -> Schema:
    """An object with exactly these properties, of which ``optional`` may be left out."""
    schema: Schema = {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }
    return schema if description is None else {**schema, "description": description}


def nullable(schema: Schema) -> Schema:
    """The schema, or null."""
    if "enum" in schema:
        return {**schema, "type": [schema["type"], "null"], "enum": [*schema["enum"], None]}
    return {**schema, "type": [schema["type"], "null"]}


def described(schema: Schema, description: str) -> Schema:
    """The schema with what it means."""
    return {**schema, "description": description}


def array(items: Schema, description: str | None = None) -> Schema:
    """An array of any length."""
    schema: Schema = {"type": "array", "items": items}
    return schema if description is None else {**schema, "description": description}


def signal_schema(signal: Signal) -> Schema:
    """One value of a signal, never null."""
    optional = " Left out where the kubelet does not report pressure." if signal.optional else ""
    return described(AMOUNT, f"Unit: {signal.unit}.{optional}")


def missing_schema(keys: Collection[str]) -> Schema:
    """Why what is null is null; ``keys`` are those that can be."""
    return {
        "type": "object",
        "description": "Why each value that is null is null, by its key.",
        "propertyNames": {"enum": list(dict.fromkeys(keys))},
        "additionalProperties": ref("Reason"),
    }


def null_paths(schema: Schema, prefix: str = "") -> Iterator[str]:
    """The keys in ``missing`` of what an entity's schema lets be null: the values of ``usage`` and ``utilization`` by
    their own name, those of other blocks by their path.
    """
    for name, inner in schema["properties"].items():
        if "properties" in inner:
            yield from null_paths(inner, "" if name in ("usage", "utilization") else f"{name}.")
        elif "null" in inner.get("type", ()):
            yield f"{prefix}{name}"


def shared_schemas() -> dict[str, Schema]:
    """The components that every kind refers to."""
    reasons = "\n".join(f"- `{reason}`: {text}" for reason, text in REASONS.items())
    query = {"query": described(TEXT, "PromQL, ready to paste into the page of Prometheus.")}
    instant = described({"type": "number"}, "Unix seconds.")
    return {
        "Reason": {
            "type": "string",
            "enum": list(REASONS),
            "description": f"Why a value is null, the first of these that holds:\n{reasons}",
        },
        "Coverage": {
            "type": "array",
            "prefixItems": [
                described(COUNT, "The pods that the sum is over."),
                described(COUNT, "The pods that it should be over."),
            ],
            "items": False,
            "minItems": 2,
            "maxItems": 2,
        },
        "Partial": described(
            {"type": "array", "items": {"const": NOT_COLLECTED}, "minItems": 1, "maxItems": 1},
            "The cluster-scope exporter is silent: the list holds only what has series.",
        ),
        "Warnings": {
            **array(TEXT, "A part of the store did not answer: values are missing, and sums may be too low."),
            "minItems": 1,
        },
        "Explain": array(
            {
                "oneOf": [
                    strict({**query, "time": instant}),
                    strict({**query, "start": instant, "end": instant, "step": described(AMOUNT, "Seconds.")}),
                ]
            },
            "With `explain=true`: what was asked of Prometheus, an instant query or a range.",
        ),
    }
