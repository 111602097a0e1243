"""What the routes of all entities share: their parameters and shape, and the way from an answer to a response."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, Final

from flask import request
from flask.typing import ResponseReturnValue

from facade.context import Endpoint, a_place_in, asked, facade, media_type, request_values, takes
from facade.kept import KeptAnswers, Written
from facade.listing import Here, Listing
from facade.lookup.ranges import Wish
from facade.params.lists import METRICS, list_parameters
from facade.params.parsing import Parameter
from facade.params.series import AGG, SERIES_PARAMETERS, STATS
from facade.params.shared import CLUSTER, EXPLAIN, FORMAT, NAMESPACE
from facade.representation.response import represent, response_of
from facade.shapes import Shape
from facade.window import TimeWindow
from promql.catalogue import NAMESPACED, Kind

# The one warning. The engine's own words may hold addresses, and are in the log.
PARTIAL_ANSWER: Final = (
    "A part of the store did not answer: what only it has is missing here, and sums, counts and coverage may be wrong."
)
# From a view that makes an answer to what Flask calls.
Declaration = Callable[[Callable[..., Written]], Endpoint]


def kept(view: Callable[..., Written]) -> Callable[..., ResponseReturnValue]:
    """A view whose answer is made once a scrape interval, and given to all who ask the same in it."""

    @functools.wraps(view)
    def answered(**segments: str) -> ResponseReturnValue:
        make, parts = functools.partial(view, **segments), facade()
        if parts.kept is None:
            with a_place_in(parts.slots):
                return response_of(make())
        return response_of(*_written(parts.kept, make))

    return answered


def _written(answers: KeptAnswers, make: Callable[[], Written]) -> tuple[Written, float]:
    """The answer, and how old it is, in seconds."""
    key, now = (here().path, request.query_string.decode("latin-1"), media_type()), _now()

    def in_a_place() -> Written:
        with a_place_in(facade().slots):
            return make()

    oldest = _oldest_wanted()
    found = answers.get(key, now)
    if found is not None and now - found.made_at <= oldest:
        return found, now - found.made_at
    if oldest < facade().settings.scrape_interval_seconds:
        return answers.make_anew(key, now, in_a_place), 0
    if (making := answers.join(key, now)) is not None:
        with a_place_in(facade().waiting):
            written = making.result()
        return written, max(0, now - written.made_at)
    return answers.make(key, now, in_a_place), 0


def _now() -> float:
    """Prometheus's time; a request that asks for it takes a place."""
    client = facade().client
    if (now := client.now_at_hand()) is not None:
        return now
    with a_place_in(facade().slots):
        return client.now()


def _oldest_wanted() -> float:
    """How old an answer the request will have, in seconds (RFC 9111, section 5.2.1); below 0 if it will have none that
    was kept.
    """
    asked = request.cache_control
    if asked.no_cache or asked.no_store:
        return -1
    return math.inf if asked.max_age is None else asked.max_age


def takes_answer(*parameters: Parameter[Any], shape: Shape) -> Declaration:
    """An answer about entities: what it takes, and what it looks like."""
    return lambda view: takes(*parameters, shape=shape)(kept(view))


def takes_list(kind: Kind, *, within: Kind | None = None) -> Declaration:
    """A list of the kind; ``within`` one entity, which settles the filter of its own kind.

    The pods of a Deployment are found by its name and ``namespace=``, which there says where the name is looked for.
    """
    settled = {None: (), "deployment": ("namespace", "workload")}.get(within, (str(within),))
    owner = (NAMESPACE,) if within in NAMESPACED else ()
    parameters = (*owner, *list_parameters(kind, without=settled))
    return takes_answer(*parameters, CLUSTER, FORMAT, EXPLAIN, shape=Shape("list", kind))


def takes_one(kind: Kind) -> Declaration:
    """One entity of the kind."""
    owner = (NAMESPACE,) if kind in NAMESPACED else ()
    return takes_answer(*owner, CLUSTER, FORMAT, EXPLAIN, shape=Shape("entity", kind))


def takes_timeseries(kind: Kind) -> Declaration:
    """One entity of the kind over a window."""
    owner = (NAMESPACE,) if kind in NAMESPACED else ()
    parameters = (*owner, CLUSTER, *SERIES_PARAMETERS, METRICS[kind], FORMAT, EXPLAIN)
    return takes_answer(*parameters, shape=Shape("timeseries", kind))


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


def respond(answer: dict[str, Any]) -> Written:
    """The answer as it is sent: with a warning where it may lack something, and with what was asked of Prometheus if
    the request wants to know.
    """
    if asked().partial:
        answer["warnings"] = [PARTIAL_ANSWER]
    if request_values()[EXPLAIN]:
        answer["explain"] = asked().explain()
    return represent(answer)


def timeseries(kind: Kind, name: str) -> Written:
    """The answer of every one-entity time-series route."""
    values, parts = request_values(), facade()
    place = values.get(NAMESPACE) if kind in NAMESPACED else None
    return respond(parts.timeseries.one(kind, name, place, cluster(), values.get(METRICS[kind]), wish()))
