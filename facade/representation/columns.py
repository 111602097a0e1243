"""The columns of a table. They follow from the kind, the catalogue and the request, never from what was found.

A list of which nothing is known has the columns of one that lacks nothing, and the cells are empty. Their order is that
of the JSON; a dotted column is a key within a block. Beside the contract's names there are ``coverage.<key>.reporting``
and ``.expected``, since a cell such as 12/14 would be taken for a date, and ``missing.<key>`` for every value that may
be null, with the key that it has in the JSON (docs/decisions/0010-missing-keys.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from facade.entities.pods import UTILIZATION
from promql.catalogue import LEVEL_OF, Catalogue, Kind
from promql.queries import ASKED_FOR

Columns = tuple[str, ...]

CLUSTER: Final = "cluster"
TIMESTAMP: Final = "timestamp"
COVERAGE: Final = "coverage"
OF_A_KIND: Final = (TIMESTAMP, "name", "namespace", "value")
_CATALOGUE: Final = Catalogue.load()

# What ``metrics=`` leaves beside the signals. ``cluster`` is always there, and empty where the store holds one.
_IDENTITY: Final[dict[Kind, Columns]] = {
    "pod": ("name", "namespace", CLUSTER, "uid", "node", "workload.kind", "workload.name", "phase"),
    "node": ("name", CLUSTER),
    "namespace": ("name", CLUSTER),
    "deployment": ("name", "namespace", CLUSTER),
}
_STATUS: Final[dict[Kind, Columns]] = {
    "pod": ("ready", "restarts", "started", "last_oom_kill"),
    "node": ("ready", "pods", "age"),
    "namespace": ("pods", "deployments"),
    "deployment": ("replicas.desired", "replicas.ready", "replicas.available", "replicas.updated", "pods"),
}
# The route of one pod counts its kills.
_STATUS_ALONE: Final[dict[Kind, Columns]] = {**_STATUS, "pod": (*_STATUS["pod"][:-1], "oom_kills", "last_oom_kill")}
_CAPACITY: Final[dict[Kind, Columns]] = {
    "node": tuple(
        f"{block}.{key}" for block in ("capacity", "allocatable") for key in ("cpu_cores", "memory_bytes", "pods")
    )
}
_OF_A_NODE: Final = ("cpu_of_allocatable", "memory_of_allocatable")
_NEVER_MISSING: Final = frozenset(
    {"name", "namespace", CLUSTER, "uid", "workload.kind", "workload.name", "last_oom_kill"}
)


def signals_of(kind: Kind, metrics: Sequence[str] | None) -> Columns:
    """The keys of ``usage`` that are asked for; all that the kind has where ``metrics`` is None."""
    return tuple(signal.key for signal in _CATALOGUE.of_kind(kind)) if metrics is None else tuple(metrics)


def entity_columns(kind: Kind, metrics: Sequence[str] | None = None, *, alone: bool = False) -> Columns:
    """The columns of a list of the kind, of which a row is an entity; ``alone`` is the table of one."""
    usage = tuple(f"usage.{key}" for key in signals_of(kind, metrics))
    values = (*_IDENTITY[kind], *usage)
    if metrics is None:
        utilization = tuple(f"utilization.{key}" for key in _utilization(kind))
        status = (_STATUS_ALONE if alone else _STATUS)[kind]
        values = (*_IDENTITY[kind], *status, *usage, *_CAPACITY.get(kind, ()), *ASKED_FOR, *utilization)
    covered = (f"{COVERAGE}.{key}.{side}" for key in _covered(kind, metrics) for side in ("reporting", "expected"))
    return (*values, *covered, *_missing(values))


def series_columns(kind: Kind, metrics: Sequence[str] | None = None) -> Columns:
    """The columns of an entity over a window, of which a row is a point."""
    covered = (COVERAGE,) if kind in LEVEL_OF else ()
    return (TIMESTAMP, *signals_of(kind, metrics), *covered)


def _utilization(kind: Kind) -> Iterable[str]:
    if kind == "pod":
        return UTILIZATION
    return _OF_A_NODE if kind == "node" else (ratio.key for ratio in _CATALOGUE.totals.utilizations)


def _covered(kind: Kind, metrics: Sequence[str] | None) -> Columns:
    """What has a coverage: sums over pods."""
    asked = tuple(ASKED_FOR) if metrics is None and kind != "pod" else ()
    if kind not in LEVEL_OF:
        return asked
    signals = _CATALOGUE.signals
    return (*(key for key in signals_of(kind, metrics) if signals[key].totals == "sum"), *asked)


def _missing(values: Iterable[str]) -> Iterable[str]:
    for column in values:
        if column not in _NEVER_MISSING:
            yield f"missing.{column.removeprefix('usage.').removeprefix('utilization.')}"
