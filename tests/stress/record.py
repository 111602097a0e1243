"""What happened to every route, and the report of it."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

_HEADS: Final = ("route", "requests", "errors", "429", "p50", "p90", "p95", "p99", "max ms", "req/s")
_PERCENTILES: Final = (0.5, 0.9, 0.95, 0.99)
_ERRORS_SHOWN: Final = 5


@dataclass(slots=True)
class RouteRecord:
    """Of one route: its latencies (milliseconds, 429s not among them), and its complaints with their first example."""

    latencies: array[float] = field(default_factory=lambda: array("d"))
    busy: int = 0
    gone: int = 0
    complaints: dict[str, tuple[int, str]] = field(default_factory=dict)

    @property
    def errors(self) -> int:
        return sum(count for count, _ in self.complaints.values())


class Record:
    """By route template; routes that are never called are in it too."""

    def __init__(self, templates: Iterable[str]) -> None:
        self.routes = {template: RouteRecord() for template in templates}
        self._saturated = False

    @property
    def requests(self) -> int:
        return sum(len(route.latencies) + route.busy for route in self.routes.values())

    @property
    def errors(self) -> int:
        return sum(route.errors for route in self.routes.values())

    @property
    def failed(self) -> bool:
        """Whether a route gave a wrong answer, or none."""
        return any(route.errors or not route.latencies for route in self.routes.values())

    def answered(self, template: str, milliseconds: float, *, gone: bool = False) -> None:
        """An answer as it should be; ``gone``: a 404 of what had been listed and is not any more."""
        self.routes[template].latencies.append(milliseconds)
        self.routes[template].gone += gone

    def asked_to_wait(self, template: str) -> None:
        """A 429."""
        self.routes[template].busy += 1

    def saturated(self) -> None:
        """The process that calls had no processor time left."""
        self._saturated = True

    def complained(self, template: str, milliseconds: float, complaint: str, example: str) -> None:
        """A wrong answer, or none; ``example`` is the call."""
        route = self.routes[template]
        route.latencies.append(milliseconds)
        count, first = route.complaints.get(complaint, (0, example))
        route.complaints[complaint] = (count + 1, first)

    def report(self, seconds: float) -> str:
        """A row for each route, then what was wrong; ``seconds`` is how long it took."""
        rows = [_row(template, route, seconds) for template, route in self.routes.items()]
        rows.append(_total(self.routes.values(), seconds))
        lines = [*_aligned([_HEADS, *rows]), *self._remarks(), *self._wrong()]
        return "\n".join(lines)

    def _remarks(self) -> list[str]:
        gone = sum(route.gone for route in self.routes.values())
        busy = sum(route.busy for route in self.routes.values())
        lines = [""] if gone or busy or self._saturated else []
        if gone:
            lines.append(f"{gone} times something had gone since it was listed: 404, as it should be.")
        if busy:
            lines.append(f"{busy} times the facade asked to come back later (429); their times are not in the table.")
        if self._saturated:
            lines.append("This test was short of processor time itself: the facade is faster than it says.")
        return lines

    def _wrong(self) -> list[str]:
        lines: list[str] = []
        for template, route in self.routes.items():
            if not route.latencies:
                lines.append(f"{template}: never answered; was STRESS_SECONDS too short for it?")
            shown = list(route.complaints.items())[:_ERRORS_SHOWN]
            for complaint, (count, example) in shown:
                lines += [f"{template}: {count} × {complaint}", f"    first: {example}"]
            if left := len(route.complaints) - len(shown):
                lines.append(f"{template}: and {left} other kinds of error")
        return ["", "Errors:", *lines] if lines else lines


def percentile(ascending: Sequence[float], share: float) -> float:
    """The smallest value that is not exceeded by ``share`` of all (nearest rank)."""
    return ascending[max(0, math.ceil(share * len(ascending)) - 1)]


def _row(template: str, route: RouteRecord, seconds: float) -> list[str]:
    ascending = sorted(route.latencies)
    times = [percentile(ascending, share) for share in _PERCENTILES] + ascending[-1:] if ascending else []
    requests = len(ascending) + route.busy
    counts = [str(requests), str(route.errors), str(route.busy)]
    return [template, *counts, *(f"{time:.1f}" for time in times or [math.nan] * 5), f"{requests / seconds:.1f}"]


def _total(routes: Iterable[RouteRecord], seconds: float) -> list[str]:
    together = RouteRecord()
    for route in routes:
        together.latencies.extend(route.latencies)
        together.busy += route.busy
        together.complaints[str(len(together.complaints))] = (route.errors, "")
    return _row("all", together, seconds)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The first column to the left, the others to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells).replace("nan", "  -"))
    return lines
