"""The queries of time series: points, statistics over a window, and what was known within it.

points.py       pods and nodes, from their own series
totals.py       namespaces and Deployments, from recorded totals at two resolutions
statistics.py   over every stored sample of a window
evidence.py     which entities there were, and why a column is empty
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from promql.catalogue import LEVEL_OF, Catalogue, Kind, Signal
from promql.queries import named, union
from promql.selectors import Selector
from promql.timeseries.evidence import CLUSTERS, evidence, known
from promql.timeseries.points import Aggregation, MeasuredKind, Points
from promql.timeseries.statistics import STATISTICS, Statistics, statistic_name
from promql.timeseries.totals import COVERAGE, INCOMPLETE, KNOWN, Coarse, Fine, TotalPoints, within_kind
from promql.windows import Windows

__all__ = [
    "CLUSTERS",
    "COVERAGE",
    "INCOMPLETE",
    "KNOWN",
    "STATISTICS",
    "Aggregation",
    "TimeseriesQueries",
    "statistic_name",
    "within_kind",
]
_MOST_QUERIES: Final = 2


class TimeseriesQueries:
    """Renders them. Steps and windows are in seconds; rows carry the keys of their entity and ``signal``.

    ``aggregation`` is what a point of a level is; rates know only their average. ``coarse`` reads totals from their
    second resolution, where ``has_coarse`` says that there is one. ``joined`` says that pods had one name after each
    other within the window.
    Totals that are not ``recorded`` have none.
    """

    def __init__(self, catalogue: Catalogue, windows: Windows, *, recorded: bool = True) -> None:
        self._catalogue = catalogue
        self._recorded = recorded
        self._points = Points(windows)
        self._totals = TotalPoints(catalogue.totals, windows)
        self._statistics = Statistics(catalogue, windows)
        self._fine, self._coarse = Fine(windows), Coarse()
        self.scrape_seconds = windows.scrape_seconds

    def points(
        self,
        kind: Kind,
        selector: Selector,
        signals: Sequence[Signal],
        step: float,
        aggregation: Aggregation = "avg",
        *,
        joined: bool = False,
        coarse: bool = False,
    ) -> str:
        """One entity: every signal of it. Totals have ``COVERAGE`` too, and with ``coarse``, ``INCOMPLETE``."""
        if kind not in LEVEL_OF:
            return union(self._measured(kind, selector, signal, step, aggregation, joined) for signal in signals)
        resolution = self._coarse if coarse else self._fine
        query = self._totals.of_one(kind, selector, signals, step, aggregation, resolution)
        return union([query, self._totals.incomplete(step)]) if coarse else query

    def points_of_kind(
        self,
        kind: Kind,
        selector: Selector,
        signal: Signal,
        step: float,
        aggregation: Aggregation = "avg",
        *,
        joined: bool = False,
        coarse: bool = False,
    ) -> str:
        """Every entity: one signal of each. Totals have ``COVERAGE`` and ``KNOWN`` too, and with ``coarse``,
        ``INCOMPLETE``.
        """
        if kind not in LEVEL_OF:
            return self._measured(kind, selector, signal, step, aggregation, joined)
        resolution = self._coarse if coarse else self._fine
        query = self._totals.of_all(kind, selector, signal, step, aggregation, resolution)
        return union([query, self._totals.incomplete(step)]) if coarse else query

    def has_coarse(self, kind: Kind, step: float, aggregation: Aggregation) -> bool:
        """Whether points of the kind can be had from the second resolution of totals."""
        return self._recorded and kind in LEVEL_OF and self._totals.has_coarse(step, aggregation)

    def statistics(
        self,
        kind: Kind,
        selector: Selector,
        signals: Sequence[Signal],
        window: float,
        *,
        alone: bool = True,
        joined: bool = False,
    ) -> list[str]:
        """One or two queries, to be asked at the window's end, of rows named by ``statistic_name``.

        ``alone`` says that ``selector`` lets one entity through: then the statistics of a total that had no pods are 0.
        """
        parts = [
            self._statistics.of_total(kind, selector, signal, window, alone=alone)
            if kind in LEVEL_OF
            else self._statistics.of_measured(_measured(kind), selector, signal, window, joined=joined)
            for signal in signals
        ]
        # Every other signal, since those that cost most stand beside each other.
        halves = (parts[first::_MOST_QUERIES] for first in range(_MOST_QUERIES))
        return [union(expr for part in half for expr in part) for half in halves if half]

    def evidence(self, kind: Kind, selector: Selector, window: float) -> str:
        """See ``evidence.evidence``."""
        return evidence(self._catalogue.totals, kind, selector, window)

    def known(
        self, kind: Kind, selector: Selector, window: float, held: Selector = (), phase: str | None = None
    ) -> str:
        """See ``evidence.known``."""
        return known(self._catalogue.totals, kind, selector, window, held, phase)

    def _measured(
        self, kind: Kind, selector: Selector, signal: Signal, step: float, aggregation: Aggregation, joined: bool
    ) -> str:
        points = self._points.signal(_measured(kind), signal, selector, step, aggregation, joined=joined)
        return named(points, signal.key)


def _measured(kind: Kind) -> MeasuredKind:
    return "pod" if kind == "pod" else "node"
