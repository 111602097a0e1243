"""Points of namespaces and Deployments: recorded totals, at either of their two resolutions (decision 10).

A point is the sum of the recorded totals in its interval ÷ the evaluations in it. Both can be read from every single
evaluation (``Fine``), or from what was recorded of each five minutes of the clock (``Coarse``) where a step is a whole
number of those. Either gives the same number wherever every five minutes were recorded (``incomplete``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from promql.catalogue import LEVEL_OF, Kind, Signal, Totals, record
from promql.queries import DEPLOYMENT, NAMESPACE_KEYS, WORKLOAD_KEYS, aggregate, named, share, union
from promql.rules import COARSE_SECONDS
from promql.selectors import Selector, select
from promql.timeseries.points import Aggregation
from promql.windows import Windows, duration

COVERAGE: Final = "coverage"
# Rows of ``cluster``: it was known which pods there are. What has no total there had no pods.
KNOWN: Final = "known"
# Rows of ``cluster``: not every evaluation of the interval is in what was recorded of its five minutes.
INCOMPLETE: Final = "incomplete"
TOTAL_KEYS: Final[dict[Kind, tuple[str, ...]]] = {"namespace": NAMESPACE_KEYS, "deployment": WORKLOAD_KEYS}
_Function = Literal["sum", "count", "min", "max", "last"]


def within_kind(kind: Kind, selector: Selector) -> Selector:
    """``selector``, with Deployments told from other workloads."""
    return (*selector, DEPLOYMENT) if kind == "deployment" else selector


class Resolution(Protocol):
    """How a function of the values that were recorded in the interval of a point is had."""

    def over(self, function: _Function, name: str, selector: Selector, step: float) -> str: ...


@dataclass(frozen=True, slots=True)
class Fine:
    """From every evaluation. ``open_seconds`` is taken off the window, at its left end."""

    windows: Windows
    open_seconds: float = 0.0

    def over(self, function: _Function, name: str, selector: Selector, step: float) -> str:
        window = self.windows.level_seconds(step) - self.open_seconds
        return f"{function}_over_time({select(name, selector)}[{duration(window)}])"


# The value of the five minutes up to T is recorded once, at T or within five minutes after it, depending on the offset
# that Prometheus gives the group. So the interval is looked at that much later: less a millisecond, which is the
# resolution of samples, because an offset may be nothing, and then the next value is not yet to be seen.
_LATER: Final = f"offset -{duration(COARSE_SECONDS - 0.001)}"


class Coarse:
    """From what was recorded of five minutes each; of steps that are a whole number of those.

    A negative offset needs Prometheus 2.33 or later, or VictoriaMetrics.
    """

    def over(self, function: _Function, name: str, selector: Selector, step: float) -> str:
        across = "sum" if function == "count" else function
        return f"{across}_over_time({select(f'{name}:{function}_5m', selector)}[{duration(step)}] {_LATER})"


@dataclass(frozen=True, slots=True)
class TotalPoints:
    """Renders the totals of a kind. ``step`` is in seconds everywhere."""

    totals: Totals
    windows: Windows

    def has_coarse(self, step: float, aggregation: Aggregation) -> bool:
        """Whether the second resolution can answer: what was recorded last, it does not tell."""
        whole = step % COARSE_SECONDS == 0 and step == self.windows.level_seconds(step)
        return whole and aggregation != "last"

    def of_one(
        self,
        kind: Kind,
        selector: Selector,
        signals: Sequence[Signal],
        step: float,
        aggregation: Aggregation,
        resolution: Resolution,
    ) -> str:
        """Rows of one entity: its signals, and ``COVERAGE``."""
        parts = [
            named(self.signal(kind, selector, signal, step, aggregation, resolution, alone=True), signal.key)
            for signal in signals
        ]
        return union([*parts, named(self._coverage(kind, selector, step, resolution), COVERAGE)])

    def of_all(
        self,
        kind: Kind,
        selector: Selector,
        signal: Signal,
        step: float,
        aggregation: Aggregation,
        resolution: Resolution,
    ) -> str:
        """Rows of every entity: the signal and ``COVERAGE``, and ``KNOWN``.

        Where an entity has a row of neither though its cluster has one of ``KNOWN``, it had no pods.
        """
        return union([
            named(self.signal(kind, selector, signal, step, aggregation, resolution, alone=False), signal.key),
            named(self._coverage(kind, selector, step, resolution), COVERAGE),
            named(f"{self._counted(self.totals.collection, step, resolution)} * 0", KNOWN),
        ])  # fmt: skip

    def incomplete(self, step: float) -> str:
        """Rows of ``cluster`` where ``Coarse`` does not have every evaluation that ``Fine`` has: five minutes that are
        not recorded yet, that ended while Prometheus was down, or from before the rules were installed.
        """
        fine, coarse = (
            self._counted(self.totals.evaluation, step, resolution) for resolution in (Fine(self.windows), Coarse())
        )
        return named(f"({fine} unless on (cluster) ({coarse} == on (cluster) {fine}))", INCOMPLETE)

    def signal(
        self,
        kind: Kind,
        selector: Selector,
        signal: Signal,
        step: float,
        aggregation: Aggregation,
        resolution: Resolution,
        *,
        alone: bool,
    ) -> str:
        """One signal. ``alone`` says that ``selector`` lets one entity through: then what had no pods is 0, in a row
        that has no more than ``cluster``.
        """
        if signal.totals == "ratio":
            return share(*(
                self._over("sum", kind, record(LEVEL_OF[kind], metric, "sum_rate"), selector, step, resolution)
                for metric in signal.pod.counters
            ))  # fmt: skip
        recorded = self.recorded(kind, signal)
        if signal.pod.counter or aggregation == "avg":
            total = self._over("sum", kind, recorded, selector, step, resolution)
            evaluations = self._counted(self.totals.evaluation, step, resolution)
            value = f"{total} / on (cluster) group_left () {evaluations}"
        else:
            value = self._over(aggregation, kind, recorded, selector, step, resolution)
        return self.or_nothing(kind, selector, value, step, resolution) if alone else value

    def or_nothing(self, kind: Kind, selector: Selector, value: str, step: float, resolution: Resolution) -> str:
        """``value`` of one entity, or 0 while it had no pods, and none use nothing.

        That is where nothing is recorded though it was known which pods there are. Where it had pods that should have
        reported and none did, or where nobody knew, there is no number.
        """
        running = record(LEVEL_OF[kind], self.totals.running, "count")
        known = f"{self._counted(self.totals.collection, step, resolution)} * 0"
        none = f"{known} unless on (cluster) {self._over('sum', kind, running, selector, step, resolution)}"
        return f"({value} or on (cluster) ({none}))"

    def recorded(self, kind: Kind, signal: Signal) -> str:
        """The name of the recorded total that a point of the signal is made of; not of a ratio, which has two."""
        metric, what = (signal.pod.counter, "sum_rate") if signal.pod.counter else (str(signal.pod.level), "sum")
        return record(LEVEL_OF[kind], metric, what)

    def _over(
        self, function: _Function, kind: Kind, name: str, selector: Selector, step: float, resolution: Resolution
    ) -> str:
        return aggregate("max", TOTAL_KEYS[kind], resolution.over(function, name, within_kind(kind, selector), step))

    def _counted(self, timestamps: str, step: float, resolution: Resolution) -> str:
        return aggregate("max", ("cluster",), resolution.over("count", timestamps, (), step))

    def _coverage(self, kind: Kind, selector: Selector, step: float, resolution: Resolution) -> str:
        """The share of the pods that should have reported whose CPU and memory were read; no row where there were
        none.
        """
        read, expected = (
            self._over("sum", kind, record(LEVEL_OF[kind], metric, "count"), selector, step, resolution)
            for metric in ("cloudmon_pod_memory_working_set_bytes", self.totals.running)
        )
        return f"({read} / {expected} or {expected} * 0)"
