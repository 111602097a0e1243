"""Statistics over every stored sample of a window: instant queries at its end.

Of levels and recorded totals they are over the samples themselves; of a pod's or node's rates over the rate at every
scrape interval. The average is what a point as long as the window would be: of a rate the counter's increase ÷ the
window, of a total the sum of what was recorded ÷ the evaluations. Rows are named ``<signal>:<statistic>``.

A rate at a scrape interval is a difference of two samples, rendered so that it costs little: measured over a week of
one counter, a statistic of the three forms that a point has (``points.Points``) takes Prometheus 0.63 s, of this one
0.1 s. It has no value where the counter started again or began less than the rate's window before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from promql.catalogue import LEVEL_OF, Catalogue, Kind, Measure, Signal, record
from promql.queries import aggregate, named, share
from promql.selectors import Selector, select
from promql.timeseries.points import OPEN_SECONDS, SERIES_KEYS, MeasuredKind, Points, measure_of
from promql.timeseries.totals import TOTAL_KEYS, Fine, TotalPoints, within_kind
from promql.windows import Windows, duration

STATISTICS: Final = ("min", "max", "avg", "p50", "p95", "last")
_FUNCTIONS: Final = {
    "min": "min_over_time(",
    "max": "max_over_time(",
    "p50": "quantile_over_time(0.5, ",
    "p95": "quantile_over_time(0.95, ",
    "last": "last_over_time(",
}


def statistic_name(signal: str, statistic: str) -> str:
    """The ``signal`` label of a row."""
    return f"{signal}:{statistic}"


class Statistics:
    """One expression a signal and statistic; ``window`` is in seconds."""

    def __init__(self, catalogue: Catalogue, windows: Windows) -> None:
        self._windows = windows
        self._points = Points(windows, OPEN_SECONDS)
        self._fine = Fine(windows, OPEN_SECONDS)
        self._totals = TotalPoints(catalogue.totals, windows)

    def of_measured(
        self, kind: MeasuredKind, selector: Selector, signal: Signal, window: float, *, joined: bool
    ) -> list[str]:
        """The six of a signal of pods or nodes. ``joined`` says that pods had one name after each other: then their
        samples are made one series first.
        """
        measure = measure_of(kind, signal)
        if measure.level is None:
            parts = self._of_rates(kind, measure, signal.source, selector, window, joined=joined)
        elif joined:
            every = self._points.joined(select(measure.level, selector), self._windows.level_seconds(window))
            parts = {name: f"{function}{every})" for name, function in _FUNCTIONS.items()}
        else:
            parts = self._of_series(select(measure.level, selector), window, SERIES_KEYS[kind])
        return _named(signal, parts, self._points.signal(kind, signal, selector, window))

    def of_total(self, kind: Kind, selector: Selector, signal: Signal, window: float, *, alone: bool) -> list[str]:
        """The six of a signal of namespaces or Deployments. ``alone`` says that ``selector`` lets one through: a total
        that was never recorded though it was known which pods there are is then 0, in rows of ``cluster``.
        """
        average = self._totals.signal(kind, selector, signal, window, "avg", self._fine, alone=alone)
        if signal.totals == "ratio":
            every = f"({self._ratio(kind, selector, signal)}){self._points.every_scrape(window)}"
            return _named(signal, {name: f"{function}{every})" for name, function in _FUNCTIONS.items()}, average)
        series = select(self._totals.recorded(kind, signal), within_kind(kind, selector))
        parts = self._of_series(series, window, TOTAL_KEYS[kind])
        if alone:
            parts = {
                name: self._totals.or_nothing(kind, selector, expr, window, self._fine) for name, expr in parts.items()
            }
        return _named(signal, parts, average)

    def _of_rates(
        self, kind: MeasuredKind, measure: Measure, source: str, selector: Selector, window: float, *, joined: bool
    ) -> dict[str, str]:
        seconds, keys = self._windows.rate_seconds(source), SERIES_KEYS[kind]

        def increase(metric: str) -> str:
            covered, series = duration(seconds), select(metric, selector)
            grown = f"last_over_time({series}[{covered}]) - last_over_time({series}[{covered}] offset {covered}) >= 0"
            return aggregate("max", keys, grown) if joined else grown

        increases = [increase(metric) for metric in measure.counters]
        several = len(increases) > 1
        every = f"({share(*increases) if several else increases[0]}){self._points.every_scrape(window)}"
        parts = {name: f"{function}{every})" for name, function in _FUNCTIONS.items()}
        if not joined:
            parts = {name: aggregate("max", keys, expr) for name, expr in parts.items()}
        return parts if several else {name: f"{expr} / {seconds:g}" for name, expr in parts.items()}

    def _of_series(self, series: str, window: float, keys: Sequence[str]) -> dict[str, str]:
        length = duration(self._windows.level_seconds(window) - OPEN_SECONDS)
        return {name: aggregate("max", keys, f"{function}{series}[{length}])") for name, function in _FUNCTIONS.items()}

    def _ratio(self, kind: Kind, selector: Selector, signal: Signal) -> str:
        """The ratio at one evaluation, of the two totals that it recorded."""
        scrape = duration(self._windows.scrape_seconds)

        def last(metric: str) -> str:
            recorded = select(record(LEVEL_OF[kind], metric, "sum_rate"), within_kind(kind, selector))
            return aggregate("max", TOTAL_KEYS[kind], f"last_over_time({recorded}[{scrape}])")

        return share(*map(last, signal.pod.counters))


def _named(signal: Signal, parts: Mapping[str, str], average: str) -> list[str]:
    """All six in their order, their rows named."""
    expressions = {**parts, "avg": average}
    return [named(expressions[name], statistic_name(signal.key, name)) for name in STATISTICS]
