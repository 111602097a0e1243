"""Schemas of time series: the columns of one entity, and one column of every entity of a kind."""

from __future__ import annotations

from typing import Final

from facade.openapi.entities import title
from facade.openapi.schemas import (
    AMOUNT,
    CLUSTER,
    COUNT,
    NAME,
    TEXT,
    Schema,
    array,
    described,
    missing_schema,
    nullable,
    ref,
    signal_schema,
    strict,
)
from promql.catalogue import LEVEL_OF, NAMESPACED, Catalogue, Kind

STATISTICS: Final = ("min", "max", "avg", "p50", "p95", "last")
_SECONDS: Final[Schema] = {"type": "number", "exclusiveMinimum": 0}
_FRAME: Final = {
    "window": described(_SECONDS, "`end` less `start`, seconds: a whole number of steps."),
    "start": described({"type": "number"}, "Unix seconds; the first point is one step later."),
    "end": described({"type": "number"}, "Unix seconds, and the last point."),
    "step": described(_SECONDS, "Seconds between two points."),
    "timestamps": array({"type": "number"}, "Unix seconds of the points: each covers the step that ends there."),
}
_COLUMN: Final = array(nullable(AMOUNT), "One value for each of `timestamps`; null where nothing was measured.")
_SHARE: Final = nullable({"type": "number", "minimum": 0, "maximum": 1})


def shared_series_schemas() -> dict[str, Schema]:
    """The components that the time series of every kind refer to."""
    return {
        "Statistics": strict(
            {name: nullable(AMOUNT) for name in STATISTICS},
            description="Over every stored sample of the window, not over the points.",
        ),
        "Column": _COLUMN,
    }


def timeseries_schemas(catalogue: Catalogue, kind: Kind) -> dict[str, Schema]:
    """The time series of one entity of the kind."""
    signals = catalogue.of_kind(kind)
    keys = [signal.key for signal in signals]
    columns = {
        signal.key: {**ref("Column"), "description": str(signal_schema(signal)["description"])} for signal in signals
    }
    place = {"namespace": NAME} if kind in NAMESPACED else {}
    coverage = array(_SHARE, "The share of its running pods that were read.")
    properties: dict[str, Schema] = {
        "name": NAME,
        **place,
        "cluster": CLUSTER,
        **_FRAME,
        "series": {**strict(columns, optional=keys), "minProperties": 1},
        **({"coverage": coverage} if kind in LEVEL_OF else {}),
        "stats": {
            **strict({key: ref("Statistics") for key in keys}, optional=keys),
            "description": "With `stats=true`.",
        },
        "missing": missing_schema(keys),
        "warnings": ref("Warnings"),
        "explain": ref("Explain"),
    }
    name = f"{title(kind)}Timeseries"
    return {
        name: strict(
            properties, optional=("cluster", "stats", "warnings", "explain"), description=f"A {kind} over a window."
        )
    }


def whole_kind_schemas(catalogue: Catalogue) -> dict[str, Schema]:
    """One signal of every entity of a kind."""
    keys = list(catalogue.signals)
    one_signal = {"minProperties": 1, "maxProperties": 1}
    item = {
        "name": NAME,
        "namespace": described(NAME, "Of pods and Deployments."),
        "cluster": CLUSTER,
        "values": ref("Column"),
        "coverage": described(array(_SHARE), "Of namespaces and Deployments: the share of their pods that were read."),
        "stats": {
            **strict({key: ref("Statistics") for key in keys}, optional=keys),
            **one_signal,
            "description": "With `stats=true`, by the signal.",
        },
        "missing": {**missing_schema(keys), **one_signal},
    }
    properties = {
        **_FRAME,
        "items": array(strict(item, optional=("namespace", "cluster", "coverage", "stats", "missing"))),
        "total": described(COUNT, "How many the filters let through, on all pages together."),
        "next": described(TEXT, "The path of the following page, where there is one."),
        "warnings": ref("Warnings"),
        "explain": ref("Explain"),
    }
    description = "One signal of every entity of a kind over a window."
    return {"Timeseries": strict(properties, optional=("next", "warnings", "explain"), description=description)}
