"""What the routes of all entities share: their parameters and shape, and the way from an answer to a response."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue

from facade.context import Endpoint, asked, facade, request_values, takes
from facade.listing import Here, Listing
from facade.lookup.ranges import Wish
from facade.params.lists import METRICS, list_parameters
from facade.params.series import AGG, SERIES_PARAMETERS, STATS
from facade.params.shared import CLUSTER, EXPLAIN, FORMAT, NAMESPACE
from facade.representation.response import represent
from facade.shapes import Shape
from facade.window import TimeWindow
from promql.catalogue import NAMESPACED, Kind

Declaration = Callable[[Callable[..., ResponseReturnValue]], Endpoint]


def takes_list(kind: Kind, *, within: Kind | None = None) -> Declaration:
    """A list of the kind; ``within`` one entity, which settles the filter of its own kind.

    The pods of a Deployment are found by its name and ``namespace=``, which there says where the name is looked for.
    """
    settled = {None: (), "deployment": ("namespace", "workload")}.get(within, (str(within),))
    owner = (NAMESPACE,) if within in NAMESPACED else ()
    parameters = (*owner, *list_parameters(kind, without=settled))
    return takes(*parameters, CLUSTER, FORMAT, EXPLAIN, shape=Shape("list", kind))


def takes_one(kind: Kind) -> Declaration:
    """One entity of the kind."""
    owner = (NAMESPACE,) if kind in NAMESPACED else ()
    return takes(*owner, CLUSTER, FORMAT, EXPLAIN, shape=Shape("entity", kind))


def takes_timeseries(kind: Kind) -> Declaration:
    """One entity of the kind over a window."""
    owner = (NAMESPACE,) if kind in NAMESPACED else ()
    parameters = (*owner, CLUSTER, *SERIES_PARAMETERS, METRICS[kind], FORMAT, EXPLAIN)
    return takes(*parameters, shape=Shape("timeseries", kind))


def here() -> Here:
    """Where the request was asked for."""
    return Here(f"{request.root_path}{request.path}".rstrip("/"), tuple(request.args.items(multi=True)))


def listing(kind: Kind) -> Listing:
    """What the request asks of a list of the kind."""
    return Listing.of(kind, request_values(), here())


def wish() -> Wish:
    """What the request asks of a time series."""
    values, parts = request_values(), facade()
    window = TimeWindow.resolve(values, parts.settings, parts.client.now())
    return Wish(window, values[AGG], values[STATS])


def cluster() -> str | None:
    return request_values().get(CLUSTER)


def namespace() -> str | None:
    return request_values().get(NAMESPACE)


def respond(answer: dict[str, Any]) -> ResponseReturnValue:
    """The answer as a response, with what was asked of Prometheus if the request wants to know."""
    if request_values()[EXPLAIN]:
        answer["explain"] = asked().explain()
    return represent(answer)


def timeseries(kind: Kind, name: str) -> ResponseReturnValue:
    """The answer of every one-entity time-series route."""
    values, parts = request_values(), facade()
    place = values.get(NAMESPACE) if kind in NAMESPACED else None
    return respond(parts.timeseries.one(kind, name, place, cluster(), values.get(METRICS[kind]), wish()))
