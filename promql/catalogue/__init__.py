"""The catalogue: what each signal and each recorded total means, as data (signals.yaml, totals.yaml), checked when
loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

from promql import names
from promql.yaml_text import read_yaml

Kind = Literal["node", "pod", "namespace", "deployment"]
KINDS: Final[tuple[Kind, ...]] = ("node", "pod", "namespace", "deployment")
# Those whose names are unique within a namespace only.
NAMESPACED: Final[tuple[Kind, ...]] = ("pod", "deployment")
# The level of recorded totals that a kind of entity is answered from.
LEVEL_OF: Final[Mapping[Kind, str]] = {"namespace": "namespace", "deployment": "workload"}


class CatalogueError(ValueError):
    """The catalogue's data contradicts itself; says where."""


@dataclass(frozen=True, slots=True)
class Measure:
    """How one signal is had from one kind of entity's series: exactly one of level, counter and ratio, and maybe a
    gauge.
    """

    now: str | None = None
    level: str | None = None
    counter: str | None = None
    ratio: tuple[str, str] | None = None

    @property
    def counters(self) -> tuple[str, ...]:
        """What a rate is taken of: one counter, both sides of a ratio, or nothing for a level."""
        return self.ratio or ((self.counter,) if self.counter else ())

    @property
    def gauge(self) -> str | None:
        """The metric whose last sample is the present value; None where it must be computed."""
        return self.now or self.level


@dataclass(frozen=True, slots=True)
class Signal:
    key: str
    unit: str
    source: str
    pod: Measure
    node: Measure | None
    totals: Literal["sum", "ratio"] | None = None
    network: bool = False
    limited: bool = False
    optional: bool = False

    def measure(self, kind: Literal["pod", "node"]) -> Measure | None:
        return self.pod if kind == "pod" else self.node


@dataclass(frozen=True, slots=True)
class Utilization:
    """Two recorded totals, each over the pods that have both sides."""

    key: str
    of: str
    to: str
    of_what: str
    to_what: str


@dataclass(frozen=True, slots=True)
class Level:
    """A level of the chain of recorded totals; ``source`` is the level it is summed from, None for the pods
    themselves.
    """

    name: str
    by: tuple[str, ...]
    source: str | None


@dataclass(frozen=True, slots=True)
class Sum:
    """A gauge of pods that is recorded as sum and count; ``expected`` names the pods that should report it."""

    metric: str
    expected: str | None


@dataclass(frozen=True, slots=True)
class Totals:
    levels: tuple[Level, ...]
    expected_after_seconds: float
    expected_pods: str
    expected: Mapping[str, Mapping[str, str]]
    pods: str
    sums: tuple[Sum, ...]
    rates: tuple[tuple[str, str], ...]
    utilizations: tuple[Utilization, ...]
    evaluation: str
    collection: str

    @property
    def running(self) -> str:
        """The recorded count of the pods that should report at all."""
        return next(name for name, labels in self.expected.items() if not labels)

    def expected_of(self, metric: str) -> str | None:
        """The recorded count of the pods that should report ``metric``."""
        return next((total.expected for total in self.sums if total.metric == metric), None)

    def recorded(self) -> list[tuple[str, str]]:
        """(metric, what) of everything that each level records, in the order of its rules."""
        columns = [(self.pods, "count"), *((expected, "count") for expected in self.expected)]
        for total in self.sums:
            columns += [(total.metric, "sum"), (total.metric, "count")]
        columns += [(counter, "sum_rate") for counter, _ in self.rates]
        for ratio in self.utilizations:
            columns += [(ratio.of, ratio.of_what), (ratio.to, ratio.to_what)]
        return columns


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All of it. ``signals`` is in the order in which answers give them."""

    signals: Mapping[str, Signal]
    totals: Totals

    @classmethod
    @cache
    def load(cls) -> Catalogue:
        """The data that ships with this package, read and checked once; CatalogueError says what is wrong with it."""
        folder = files(__package__ or "promql.catalogue")
        signals = read_yaml((folder / "signals.yaml").read_text("utf-8"))
        totals = read_yaml((folder / "totals.yaml").read_text("utf-8"))
        return cls({key: _signal(key, data) for key, data in signals.items()}, _totals(totals))

    def of_kind(self, kind: Kind) -> tuple[Signal, ...]:
        """The signals that an entity of ``kind`` has."""
        if kind == "pod":
            return tuple(self.signals.values())
        if kind == "node":
            return tuple(signal for signal in self.signals.values() if signal.node)
        return tuple(signal for signal in self.signals.values() if signal.totals)


def record(level: str, metric: str, what: str) -> str:
    """The name of a recorded total: ``namespace:cloudmon_pod_cpu_usage_cores:sum``."""
    return f"{level}:{metric.removesuffix('_total')}:{what}"


def _signal(key: str, data: dict[str, Any]) -> Signal:
    fields = dict(data)
    pod, node = _measure(key, fields.pop("pod")), fields.pop("node", None)
    return Signal(key=key, pod=pod, node=_measure(key, node) if node else None, **fields)


def _measure(key: str, data: dict[str, Any]) -> Measure:
    ratio = data.get("ratio")
    measure = Measure(**{**data, "ratio": (ratio[0], ratio[1]) if ratio else None})
    if sum(part is not None for part in (measure.level, measure.counter, measure.ratio)) != 1:
        raise CatalogueError(f"signal {key}: needs exactly one of level, counter and ratio")
    for metric in (measure.now, measure.level, measure.counter, *(measure.ratio or ())):
        _known(metric, f"signal {key}")
    return measure


def _totals(data: dict[str, Any]) -> Totals:
    levels = tuple(Level(name, tuple(level["by"]), level.get("from")) for name, level in data["levels"].items())
    sums = tuple(Sum(total["metric"], total.get("expected")) for total in data["sums"])
    for total in sums:
        if total.expected is not None and total.expected not in data["expected"]:
            raise CatalogueError(f"total of {total.metric}: {total.expected} is not among the expected counts")
    for metric in (*(total.metric for total in sums), *(rate["counter"] for rate in data["rates"])):
        _known(metric, "totals")
    utilizations = tuple(
        Utilization(key, ratio["of"], ratio["to"], *ratio["names"]) for key, ratio in data["ratios"].items()
    )
    return Totals(
        levels=levels,
        expected_after_seconds=float(data["expected_after_seconds"]),
        expected_pods=data["expected_pods"],
        expected=data["expected"],
        pods=data["pods"],
        sums=sums,
        rates=tuple((rate["counter"], rate["source"]) for rate in data["rates"]),
        utilizations=utilizations,
        evaluation=data["evaluation"],
        collection=data["collection"],
    )


def _known(metric: str | None, where: str) -> None:
    if metric is not None and metric not in names.METRICS:
        raise CatalogueError(f"{where}: {metric} is not declared in promql/names.py")
