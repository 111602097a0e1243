"""Parameters of time series: the window, what a point is made of, and whole kinds."""

from __future__ import annotations

import math
from typing import Any, Final

from facade.errors import BudgetError, ParameterError
from facade.params.kinds import BOOLEAN, DURATION, INSTANT, Ordering, count, names_of, one_of, ordering
from facade.params.lists import (
    DEFAULT_SERIES,
    METRICS,
    MOST_ITEMS,
    NAME_FILTER,
    NAMESPACE_FILTER,
    NODE_FILTER,
    OFFSET,
    PHASE_FILTER,
    WORKLOAD_FILTER,
    filters,
)
from facade.params.parsing import Parameter, Values
from promql.catalogue import KINDS, NAMESPACED, Catalogue, Kind
from promql.timeseries import Aggregation

AVERAGE: Final = "avg"
# Statistics over so many samples, most of them of rates, take Prometheus about eight seconds of one processor.
SAMPLE_BUDGET: Final = 1_000_000
_AGGREGATIONS: Final[tuple[Aggregation, ...]] = (AVERAGE, "max", "min", "last")

WINDOW: Final = Parameter("window", DURATION, "length of the time series")
START: Final = Parameter("start", INSTANT, "where the time series starts")
END: Final = Parameter("end", INSTANT, "where the time series ends")
STEP: Final = Parameter("step", DURATION, "wish for the distance between two points")
TIME_PARAMETERS: Final = (WINDOW, START, END, STEP)
AGG: Final[Parameter[Aggregation]] = Parameter(
    "agg", one_of(_AGGREGATIONS), "what a point of a level is, of the samples in it", default=AVERAGE
)
STATS: Final = Parameter("stats", BOOLEAN, "whether to add statistics over every stored sample", default=False)
SERIES_PARAMETERS: Final[tuple[Parameter[Any], ...]] = (*TIME_PARAMETERS, AGG, STATS)

# -- whole kinds -------------------------------------------------------------------------------------------------------
KIND: Final[Parameter[Kind]] = Parameter("kind", one_of(KINDS), "the kind of the entities")
_SIGNALS: Final = tuple(signal.key for signal in Catalogue.load().of_kind("pod"))
SIGNAL: Final = Parameter(
    "metrics", names_of(_SIGNALS), "the signal that is wanted, one that the kind has", default=_SIGNALS[:1]
)
SERIES_SORT: Final = Parameter(
    "sort",
    ordering((*_SIGNALS, "name", "namespace")),
    "what the items are sorted by, with - before it from the greatest down: the average over the window of the signal "
    "that is asked for, or a name; what is missing comes last",
    default=Ordering("name"),
)
SERIES_LIMIT: Final = Parameter("limit", count(1, MOST_ITEMS), "most entities of the answer", default=DEFAULT_SERIES)
_FILTERS: Final[tuple[Parameter[Any], ...]] = (
    NAMESPACE_FILTER,
    NODE_FILTER,
    WORKLOAD_FILTER,
    PHASE_FILTER,
    NAME_FILTER,
)
WHOLE_KIND_PARAMETERS: Final[tuple[Parameter[Any], ...]] = (
    KIND,
    SIGNAL,
    *_FILTERS,
    SERIES_SORT,
    SERIES_LIMIT,
    OFFSET,
    *SERIES_PARAMETERS,
)


def whole_kind(values: Values) -> tuple[Kind, str]:
    """The kind and the signal that a request of a whole kind is about, once its parameters agree with each other.

    Raises ParameterError.
    """
    kind = values.get(KIND)
    if kind is None:
        raise ParameterError(KIND.name, f"must be given: one of {', '.join(KINDS)}")
    signal = _one_signal(kind, values[SIGNAL])
    sort, keys = values[SERIES_SORT].key, (signal, "name", *(("namespace",) if kind in NAMESPACED else ()))
    if sort not in keys:
        raise ParameterError(
            SERIES_SORT.name,
            f"{kind}s of which {signal} is asked for can be sorted by {', '.join(keys)}, not by {sort}",
        )
    taken = filters(kind)
    for parameter in _FILTERS:
        if values.given(parameter) and parameter not in taken:
            names = ", ".join(sorted(one.name for one in taken))
            raise ParameterError(parameter.name, f"{kind}s cannot be filtered by it; they can by {names}")
    return kind, signal


def _one_signal(kind: Kind, keys: tuple[str, ...]) -> str:
    known = METRICS[kind].kind
    if len(keys) > 1:
        raise ParameterError(SIGNAL.name, f"a whole kind is answered one signal at a time, not {len(keys)}: name one")
    try:
        (key,) = known.parse(keys[0])
    except ValueError:
        raise ParameterError(SIGNAL.name, f"a {kind} has no {keys[0]}; {known.what}") from None
    return key


def check_samples(series: int, window_seconds: float, scrape_seconds: float, budget: int = SAMPLE_BUDGET) -> None:
    """Raise BudgetError when ``series`` have more stored samples in the window than are looked at one by one."""
    samples = math.ceil(series * window_seconds / scrape_seconds)
    if samples > budget:
        raise BudgetError(
            f"{series} series over {window_seconds:.15g} seconds have about {samples} stored samples, and statistics "
            f"(and agg=last of pods that had one name) look at {budget} at most: ask for fewer series (fewer metrics, "
            "a filter, a smaller limit) or a shorter window."
        )
