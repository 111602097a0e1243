"""Points of pods and nodes: what a measured signal is over the interval that ends at the point (decision 9).

A point at ``t`` covers (t − step, t]: of a counter its increase ÷ the length, of a level the average of the stored
samples, or as ``aggregation`` has it. Rows carry the keys of their entity. A pod's rows have no uid: of pods that had
one name after each other, the series is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from promql.catalogue import Measure, Signal
from promql.queries import NODE_KEYS, aggregate, share
from promql.selectors import Selector, select
from promql.windows import Windows, duration

Aggregation = Literal["avg", "max", "min", "last"]
MeasuredKind = Literal["pod", "node"]
POD_SERIES_KEYS: Final = ("cluster", "namespace", "pod")
# The keys of a kind's rows, and those of what must count once: duplicates of the latter are removed first.
SERIES_KEYS: Final[dict[MeasuredKind, tuple[str, ...]]] = {"pod": POD_SERIES_KEYS, "node": NODE_KEYS}
_ONCE: Final[dict[MeasuredKind, tuple[str, ...]]] = {"pod": (*POD_SERIES_KEYS, "uid"), "node": NODE_KEYS}
# Samples have milliseconds: a window that is one shorter holds the same ones whether its left end is open or closed,
# where they lie on the edges of the windows (round seconds).
OPEN_SECONDS: Final = 0.001


def measure_of(kind: MeasuredKind, signal: Signal) -> Measure:
    """What the signal is of an entity of the kind. Raises ValueError where it has none."""
    measure = signal.measure(kind)
    if measure is None:
        raise ValueError(f"a {kind} has no {signal.key}")
    return measure


@dataclass(frozen=True, slots=True)
class Points:
    """Renders one signal. ``open_seconds`` is taken off every window, at its left end."""

    windows: Windows
    open_seconds: float = 0.0

    def signal(
        self,
        kind: MeasuredKind,
        signal: Signal,
        selector: Selector,
        step: float,
        aggregation: Aggregation = "avg",
        *,
        joined: bool = False,
    ) -> str:
        """``step`` in seconds. ``joined`` says that pods had one name after each other: only then is it looked for
        which of them was the last. Raises ValueError for a signal that the kind does not have.
        """
        measure = measure_of(kind, signal)
        if measure.level is None:
            return self._rates(kind, measure, signal.source, selector, step)
        series = select(measure.level, selector)
        if aggregation == "avg":
            return self._average(kind, series, step)
        if aggregation == "last" and joined:
            return f"last_over_time({self.joined(series, self.windows.level_seconds(step))})"
        once, keys = _ONCE[kind], SERIES_KEYS[kind]
        per_uid = aggregate("max", once, f"{aggregation}_over_time({series}[{self._level(step)}])")
        return per_uid if once == keys else aggregate("min" if aggregation == "min" else "max", keys, per_uid)

    def joined(self, series: str, seconds: float) -> str:
        """The samples of the pods of each name as one series over the last ``seconds``.

        One evaluation a scrape interval, each of which has the one sample that was scraped in it: only there is it
        known which pod's came last.
        """
        scrape = duration(self.windows.scrape_seconds)
        return (
            f"({aggregate('max', POD_SERIES_KEYS, f'last_over_time({series}[{scrape}])')}){self.every_scrape(seconds)}"
        )

    def every_scrape(self, seconds: float) -> str:
        """The range of a subquery that is evaluated at every scrape interval of the last ``seconds``, its end included
        and its start not. Half an interval off either end, the left one may be open or closed.
        """
        scrape = self.windows.scrape_seconds
        return f"[{duration(seconds - scrape / 2)}:{duration(scrape)}]"

    def _level(self, step: float) -> str:
        return duration(self.windows.level_seconds(step) - self.open_seconds)

    def _rates(self, kind: MeasuredKind, measure: Measure, source: str, selector: Selector, step: float) -> str:
        once, keys = _ONCE[kind], SERIES_KEYS[kind]

        def rate(metric: str) -> str:
            per_uid = aggregate("max", once, self._rate(select(metric, selector), source, step))
            return per_uid if once == keys else aggregate("sum", keys, per_uid)

        rates = [rate(metric) for metric in measure.counters]
        return rates[0] if len(rates) == 1 else share(*rates)

    def _rate(self, series: str, source: str, step: float) -> str:
        """The counters' increase over what a point covers ÷ its length; the first of three forms that has a value.

        A counter that was there when the interval began and did not start again: its last value in it less the one
        before it, also where it ended in between: what was read of it is all that is known, and `increase` would add to
        it. One that started again: see ``Windows.rate``. One that began in between: it increased by what is in the
        interval, and by nothing in the rest of it. On Prometheus the second form would do for a counter that was there
        at both ends; VictoriaMetrics also counts from the sample before a window, one interval more.
        """
        seconds = self.windows.rate_seconds(source, step)
        covered, inside = duration(seconds), duration(seconds - self.open_seconds)
        wide = duration(seconds + self.windows.scrape_seconds - self.open_seconds)
        # One that started again before the first sample inside has become less.
        grown = f"(last_over_time({series}[{inside}]) - {series} offset {covered}) / {seconds:g} >= 0"
        steady = f"{grown} and resets({series}[{inside}]) == 0"
        throughout = f"rate({series}[{wide}]) and {series} offset {covered} and {series}"
        return f"{steady} or {throughout} or increase({series}[{inside}]) / {seconds:g}"

    def _average(self, kind: MeasuredKind, series: str, step: float) -> str:
        """The mean of the stored samples in the interval. Pods of one name are summed as samples, not as means: they
        hardly overlap, so that their samples together are one series.
        """
        once, keys, window = _ONCE[kind], SERIES_KEYS[kind], self._level(step)
        total, count = (
            aggregate("max", once, f"{function}({series}[{window}])")
            for function in ("sum_over_time", "count_over_time")
        )
        if once != keys:
            total, count = aggregate("sum", keys, total), aggregate("sum", keys, count)
        return f"{total} / {count}"
