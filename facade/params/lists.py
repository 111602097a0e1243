"""Parameters of lists: filters, order, page, signals. Which of them a list takes depends on its kind."""

from __future__ import annotations

from typing import Any, Final

from facade.params.kinds import (
    LABEL_NAME,
    SUBDOMAIN_NAME,
    SUBSTRING,
    WORKLOAD,
    Ordering,
    count,
    names_of,
    one_of,
    ordering,
)
from facade.params.parsing import Parameter
from promql.catalogue import KINDS, Catalogue, Kind

PHASES: Final = ("Pending", "Running", "Succeeded", "Failed", "Unknown")
DEFAULT_SERIES: Final = 100
MOST_ITEMS: Final = 100_000
MOST_OFFSET: Final = 10_000_000
_CATALOGUE: Final = Catalogue.load()
_SIGNALS: Final[dict[Kind, tuple[str, ...]]] = {
    kind: tuple(signal.key for signal in _CATALOGUE.of_kind(kind)) for kind in KINDS
}
# Beside its signals, what the items of a kind can be sorted by.
_OTHER_SORT_KEYS: Final[dict[Kind, tuple[str, ...]]] = {
    "node": ("name",),
    "pod": ("restarts", "started", "name", "namespace"),
    "namespace": ("name",),
    "deployment": ("name", "namespace"),
}

NAMESPACE_FILTER: Final = Parameter("namespace", LABEL_NAME, "only what is in this namespace")
NODE_FILTER: Final = Parameter("node", SUBDOMAIN_NAME, "only what is on this node")
WORKLOAD_FILTER: Final = Parameter("workload", WORKLOAD, "only this workload, or its pods: its name, or Kind/name")
PHASE_FILTER: Final = Parameter("phase", one_of(PHASES), "only the pods in this phase")
NAME_FILTER: Final = Parameter("name", SUBSTRING, "only what has this in its name")
LIMIT: Final = Parameter("limit", count(1, MOST_ITEMS), "most items of one page; all where it is not given")
OFFSET: Final = Parameter("offset", count(0, MOST_OFFSET), "how many items come before the page", default=0)

_FILTERS: Final[dict[Kind, tuple[Parameter[Any], ...]]] = {
    "node": (NODE_FILTER, NAME_FILTER),
    "pod": (NAMESPACE_FILTER, NODE_FILTER, WORKLOAD_FILTER, PHASE_FILTER, NAME_FILTER),
    "namespace": (NAMESPACE_FILTER, NAME_FILTER),
    "deployment": (NAMESPACE_FILTER, WORKLOAD_FILTER, NAME_FILTER),
}
METRICS: Final[dict[Kind, Parameter[tuple[str, ...]]]] = {
    kind: Parameter("metrics", names_of(signals), "the signals that are wanted; all where it is not given")
    for kind, signals in _SIGNALS.items()
}
SORT: Final[dict[Kind, Parameter[Ordering]]] = {
    kind: Parameter(
        "sort",
        ordering((*signals, *_OTHER_SORT_KEYS[kind])),
        "what the items are sorted by, with - before it from the greatest down; what is missing comes last",
        default=Ordering("name"),
    )
    for kind, signals in _SIGNALS.items()
}


def filters(kind: Kind, *, without: tuple[str, ...] = ()) -> tuple[Parameter[Any], ...]:
    """The filters of a list of the kind, less those that the route itself settles."""
    return tuple(parameter for parameter in _FILTERS[kind] if parameter.name not in without)


def list_parameters(kind: Kind, *, without: tuple[str, ...] = ()) -> tuple[Parameter[Any], ...]:
    """Everything that a list of the kind takes beside what every route takes."""
    return (*filters(kind, without=without), SORT[kind], LIMIT, OFFSET, METRICS[kind])
