"""Parameters that routes of every subject share, and the budget of one answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from facade.errors import BudgetError
from facade.params.kinds import BOOLEAN, CLUSTER_NAME, LABEL_NAME, SUBDOMAIN_NAME, one_of
from facade.params.parsing import Kind, Parameter

POINT_BUDGET: Final = 1_000_000
JSON_FORMAT: Final = "json"
CSV_FORMAT: Final = "csv"

EXPLAIN: Final = Parameter("explain", BOOLEAN, "whether to add what was asked of Prometheus", default=False)
FORMAT: Final = Parameter(
    "format",
    one_of((JSON_FORMAT, CSV_FORMAT)),
    "the form of the answer, whatever the Accept header says; where it is not given, that chooses, and json if it may",
)
CLUSTER: Final = Parameter("cluster", CLUSTER_NAME, "the cluster that is meant, where the store holds several")
NAMESPACE: Final = Parameter("namespace", LABEL_NAME, "the namespace that the name is looked for in")

# What a path segment of each name must be, before anything is asked.
PATH_SEGMENTS: Final[Mapping[str, Kind[str]]] = {
    "node": SUBDOMAIN_NAME,
    "pod": SUBDOMAIN_NAME,
    "deployment": SUBDOMAIN_NAME,
    "namespace": LABEL_NAME,
}


def check_budget(series: int, points: int, budget: int = POINT_BUDGET) -> None:
    """Raise BudgetError when ``series`` columns of ``points`` numbers each are more than one answer may hold."""
    if series * points > budget:
        raise BudgetError(
            f"{series} series of {points} points are {series * points} numbers, and one answer may hold {budget}: "
            "ask for fewer series (fewer metrics, a filter, a smaller limit), a shorter window or a longer step."
        )
