"""What the routes of all entities share: parameters of their own, and the way from an answer to a response."""

from __future__ import annotations

from typing import Any, Final

from flask import jsonify
from flask.typing import ResponseReturnValue

from facade.context import asked, facade, request_values
from facade.params import END, EXPLAIN, NAMESPACE, START, STEP, WINDOW, Kind, Parameter, names_of
from facade.window import TimeWindow
from promql.catalogue import Catalogue
from promql.catalogue import Kind as EntityKind

_CLUSTER_CHARACTERS: Final = 253


def _cluster(text: str) -> str:
    if not text or len(text) > _CLUSTER_CHARACTERS or not text.isprintable():
        raise ValueError
    return text


CLUSTER: Final = Parameter("cluster", Kind("a cluster's name", "production", _cluster), "the cluster that is meant")
_CATALOGUE: Final = Catalogue.load()
METRICS: Final[dict[EntityKind, Parameter[tuple[str, ...]]]] = {
    kind: Parameter(
        "metrics",
        names_of([signal.key for signal in _CATALOGUE.of_kind(kind)]),
        "the signals, all where it is not given",
    )
    for kind in ("node", "pod", "namespace", "deployment")
}


def timeseries_parameters(kind: EntityKind) -> tuple[Parameter[Any], ...]:
    """What a time-series route of the kind takes."""
    place = (NAMESPACE, CLUSTER) if kind in ("pod", "deployment") else (CLUSTER,)
    return (*place, WINDOW, START, END, STEP, METRICS[kind], EXPLAIN)


def respond(answer: dict[str, Any]) -> ResponseReturnValue:
    """The answer as JSON, with what was asked of Prometheus if the request wants to know."""
    if request_values()[EXPLAIN]:
        answer["explain"] = asked().explain()
    return jsonify(answer)


def cluster() -> str | None:
    return request_values().get(CLUSTER)


def namespace() -> str | None:
    return request_values().get(NAMESPACE)


def timeseries(kind: EntityKind, name: str) -> ResponseReturnValue:
    """The answer of every one-entity time-series route."""
    values, parts = request_values(), facade()
    window = TimeWindow.resolve(values, parts.settings, parts.client.now())
    place = values.get(NAMESPACE) if kind in ("pod", "deployment") else None
    return respond(parts.timeseries.one(kind, name, place, cluster(), values.get(METRICS[kind]), window))
