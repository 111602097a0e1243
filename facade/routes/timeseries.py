"""Whole kinds over a window."""

from __future__ import annotations

from flask import Blueprint

from facade.context import facade, request_values
from facade.kept import Written
from facade.listing import Filters, Listing
from facade.params.lists import OFFSET
from facade.params.series import SERIES_LIMIT, SERIES_SORT, WHOLE_KIND_PARAMETERS, whole_kind
from facade.params.shared import CLUSTER, EXPLAIN, FORMAT
from facade.routes.common import here, respond, takes_answer, wish
from facade.shapes import Shape

blueprint = Blueprint("timeseries", __name__, url_prefix="/api/timeseries")


@blueprint.get("")
@takes_answer(*WHOLE_KIND_PARAMETERS, CLUSTER, FORMAT, EXPLAIN, shape=Shape("timeseries_of_kind"))
def timeseries() -> Written:
    """Every entity of a kind over a window: one signal, with a list's filters and order."""
    values, parts = request_values(), facade()
    kind, key = whole_kind(values)
    listing = Listing(
        Filters.of(values), values[SERIES_SORT], values[SERIES_LIMIT], values[OFFSET], metrics=(key,), here=here()
    )
    return respond(parts.series_of_kind.all(kind, key, listing, wish()))
