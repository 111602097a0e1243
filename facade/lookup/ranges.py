"""The rows of a time series: of totals from their second resolution where the step allows, else from every evaluation.

What the second resolution lacks is taken from every evaluation: the last five minutes, which may not be recorded yet,
and all between the first and the last of other gaps. So at most three range queries make an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from facade.answer import Series
from facade.lookup.base import Lookup
from facade.params.series import check_samples
from facade.window import TimeWindow
from promql.catalogue import Kind, Signal
from promql.queries import SIGNAL
from promql.selectors import Selector
from promql.timeseries import INCOMPLETE, Aggregation


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request asks of a time series, whoever's it is."""

    window: TimeWindow
    aggregation: Aggregation = "avg"
    statistics: bool = False


class Ranges:
    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._queries = lookup.series_queries

    def of_one(
        self, kind: Kind, selector: Selector, signals: Sequence[Signal], wish: Wish, *, joined: bool = False
    ) -> list[Series]:
        """The rows of one entity's signals. ``joined`` says that it is pods that had one name after each other."""
        step, aggregation = wish.window.step, wish.aggregation

        def render(coarse: bool) -> str:
            return self._queries.points(kind, selector, signals, step, aggregation, joined=joined, coarse=coarse)

        return self._rows(kind, wish, render)

    def of_kind(
        self, kind: Kind, selector: Selector, signal: Signal, wish: Wish, *, joined: bool = False
    ) -> list[Series]:
        """The rows of one signal of every entity. ``joined`` says that some are pods that had one name."""
        step, aggregation = wish.window.step, wish.aggregation

        def render(coarse: bool) -> str:
            return self._queries.points_of_kind(kind, selector, signal, step, aggregation, joined=joined, coarse=coarse)

        return self._rows(kind, wish, render)

    def check_samples(self, signals: Sequence[Signal], entities: int, wish: Wish, *, joined: bool = False) -> None:
        """Raise BudgetError where the wish would look at too many samples one by one."""
        looked_at = len(signals) if wish.statistics else 0
        if wish.aggregation == "last" and joined:
            looked_at = max(looked_at, sum(signal.pod.level is not None for signal in signals))
        check_samples(entities * looked_at, wish.window.window, self._queries.scrape_seconds)

    def _rows(self, kind: Kind, wish: Wish, render: Callable[[bool], str]) -> list[Series]:
        window = wish.window
        if not self._queries.has_coarse(kind, window.step, wish.aggregation):
            return self._range(render(False), window, range(window.points))
        rows = self._range(render(True), window, range(window.points))
        lacking = {window.index(time) for row in rows if row.labels.get(SIGNAL) == INCOMPLETE for time, _ in row.points}
        whole = [row for row in rows if row.labels.get(SIGNAL) != INCOMPLETE]
        answer = _only(whole, window, set(range(window.points)) - lacking)
        for span in spans(lacking, window.points):
            answer += _only(self._range(render(False), window, span), window, lacking)
        return answer

    def _range(self, query: str, window: TimeWindow, span: range) -> list[Series]:
        return self._lookup.client.range(query, window.time(span[0]), window.time(span[-1]), window.step)


def spans(lacking: set[int], points: int) -> list[range]:
    """At most two stretches that hold all the points that are ``lacking``: those at the end, and those before."""
    first_of_last = points
    while first_of_last - 1 in lacking:
        first_of_last -= 1
    before = [index for index in lacking if index < first_of_last]
    stretches = [range(min(before), max(before) + 1)] if before else []
    return [*stretches, range(first_of_last, points)] if first_of_last < points else stretches


def _only(rows: Iterable[Series], window: TimeWindow, indices: set[int]) -> list[Series]:
    """The rows with no points but those."""
    return [
        Series(row.labels, tuple((time, value) for time, value in row.points if window.index(time) in indices))
        for row in rows
    ]
