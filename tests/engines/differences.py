"""What may differ between the engines' answers: data, of which ``docs/engines.md`` has a row each, and a comparison."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from promql.catalogue import Catalogue

EXACTLY: Final = 1e-9


@dataclass(frozen=True)
class Found:
    """Two answers to the request ``route`` differ at ``path``; lists have their index in it."""

    route: str
    path: str
    one: Any
    other: Any

    @property
    def relative(self) -> float:
        """By how much of the greater; infinite unless both are numbers."""
        one, other = self.one, self.other
        if not (_number(one) and _number(other)):
            return math.inf
        return float(abs(one - other) / max(abs(one), abs(other)))


@dataclass(frozen=True)
class Difference:
    """A kind of difference: the requests and the JSON paths at which it may be, and what it may be there."""

    name: str
    routes: re.Pattern[str]
    paths: re.Pattern[str]
    admits: Callable[[Found], bool]

    def explains(self, found: Found) -> bool:
        return bool(self.routes.search(found.route) and self.paths.fullmatch(found.path)) and self.admits(found)


def _within(relative: float) -> Callable[[Found], bool]:
    return lambda found: found.relative <= relative


def _signals(present: bool) -> str:
    """Those that are computed from counters when they are asked for: of present values, or of points."""
    measures = {signal.key: signal.pod for signal in Catalogue.load().signals.values()}
    return "|".join(key for key, pod in measures.items() if not (pod.gauge if present else pod.level))


_RATE_NOW: Final = re.compile(rf"(items\[\d+\]\.)?usage\.({_signals(True)})")
_RATES: Final = _signals(False)
_RATE_POINT: Final = re.compile(
    rf"series\.({_RATES})\[\d+\]|items\[\d+\]\.values\[\d+\]|(items\[\d+\]\.)?stats\.({_RATES})\.\w+"
)
DIFFERENCES: Final = (
    Difference("window-edge", re.compile(""), _RATE_NOW, _within(0.05)),
    Difference("decimals", re.compile(""), _RATE_POINT, _within(1e-6)),
    # Of what comes, goes or falls silent within the window.
    Difference(
        "half-intervals",
        re.compile("^/api/(nodes/n3|pods/(quiet|only-1|only-2|db-0))/timeseries"),
        _RATE_POINT,
        lambda found: found.one is None or found.relative < 0.35,
    ),
)


def found(route: str, one: Any, other: Any, path: str = "") -> Iterator[Found]:
    """Where two JSON values differ, by more than ``EXACTLY`` where they are numbers."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in one | other:
            yield from found(route, one.get(key, "absent"), other.get(key, "absent"), f"{path}.{key}".lstrip("."))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, pair in enumerate(zip(one, other, strict=True)):
            yield from found(route, *pair, f"{path}[{index}]")
    elif one != other and not (_number(one) and _number(other) and math.isclose(one, other, rel_tol=EXACTLY)):
        yield Found(route, path, one, other)


def unexplained(differences: Iterable[Found]) -> list[Found]:
    """Those that no ``Difference`` explains."""
    return [one for one in differences if not any(difference.explains(one) for difference in DIFFERENCES)]


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
