"""Parameters as declared data: each is declared once, with what it admits, and parsed here and nowhere else.

A route says which query parameters it takes (``facade.context.takes``); everything about a parameter that a caller can
get wrong is a ParameterError that names it and says what would be right. Declared here are the parameters that several
routes share; a route's own are declared beside it, of the same kinds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar, cast

from facade.errors import BudgetError, ParameterError

T = TypeVar("T")
MAX_TEXT_CHARACTERS: Final = 4096
POINT_BUDGET: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A kind of value: ``parse`` raises ValueError where the text is none; ``what`` and ``example`` tell the caller."""

    what: str
    example: str
    parse: Callable[[str], T]


@dataclass(frozen=True, slots=True)
class Parameter(Generic[T]):
    """A query parameter: its name, its kind, what it is for, and its value where it is not given."""

    name: str
    kind: Kind[T]
    help: str
    default: T | None = None

    def parse(self, text: str) -> T:
        """The text's value. Raises ParameterError."""
        return parse_as(self.kind, self.name, text)


def parse_as(kind: Kind[T], name: str, text: str) -> T:
    """The value of the parameter or path segment ``name``. Raises ParameterError."""
    try:
        if len(text) > MAX_TEXT_CHARACTERS:
            raise ValueError
        return kind.parse(text)
    except ValueError:
        shown = repr(text if len(text) <= 100 else text[:100] + "…")
        raise ParameterError(name, f"{shown} is not {kind.what}, such as {kind.example}") from None


class Values:
    """The parsed parameters of one request, asked for by their declaration: ``values[EXPLAIN]``."""

    def __init__(self, given: Mapping[str, object]) -> None:
        self._given = given

    def get(self, parameter: Parameter[T]) -> T | None:
        """The value given, else the parameter's default, else None."""
        return cast("T", self._given[parameter.name]) if parameter.name in self._given else parameter.default

    def __getitem__(self, parameter: Parameter[T]) -> T:
        """The value given or the default, of a parameter that has one."""
        value = self.get(parameter)
        if value is None:
            raise KeyError(parameter.name)
        return value

    def given(self, parameter: Parameter[T]) -> bool:
        """Whether the request names it."""
        return parameter.name in self._given


def parse_query(arguments: Iterable[tuple[str, str]], accepted: Sequence[Parameter[Any]]) -> Values:
    """Parse a query string's (name, text) pairs. Raises ParameterError for what is unknown, repeated or malformed."""
    known = {parameter.name: parameter for parameter in accepted}
    given: dict[str, object] = {}
    for name, text in arguments:
        if name not in known:
            takes = f"this route takes {', '.join(sorted(known))}" if known else "this route takes no parameters"
            raise ParameterError(name[:100] or "(empty name)", f"unknown parameter; {takes}")
        if name in given:
            raise ParameterError(name, "given more than once")
        given[name] = known[name].parse(text)
    return Values(given)


# --- kinds ------------------------------------------------------------------------------------------------------------


def _matching(pattern: str, longest: int) -> Callable[[str], str]:
    compiled = re.compile(pattern)

    def parse(text: str) -> str:
        if len(text) > longest or not compiled.fullmatch(text):
            raise ValueError
        return text

    return parse


_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/: namespaces are labels, the rest subdomains.
LABEL_NAME: Final = Kind(
    "a Kubernetes name of at most 63 characters (a-z, 0-9 and -)", "kube-system", _matching(_LABEL, 63)
)
SUBDOMAIN_NAME: Final = Kind(
    "a Kubernetes name of at most 253 characters (a-z, 0-9, - and .)",
    "web-6bcd685db7-4vt8s",
    _matching(rf"{_LABEL}(\.{_LABEL})*", 253),
)
# What a path segment of each name must be, before anything is asked.
PATH_SEGMENTS: Final[Mapping[str, Kind[str]]] = {
    "node": SUBDOMAIN_NAME,
    "pod": SUBDOMAIN_NAME,
    "deployment": SUBDOMAIN_NAME,
    "namespace": LABEL_NAME,
}


def _boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError
    return text == "true"


BOOLEAN: Final = Kind("true or false", "true", _boolean)

_DURATION: Final = re.compile(r"(-?[0-9]{1,12}(?:\.[0-9]{1,6})?)(s|m|h|d)?")
_UNIT_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(text: str) -> float:
    """Seconds. Also of what is no window, such as -5: its bounds are another question than its form."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError
    return float(match[1]) * _UNIT_SECONDS[match[2] or "s"]


DURATION: Final = Kind("a length of time", "3600, 90s, 15m, 6h or 7d", _duration)

_UNIX: Final = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?")
_LAST_INSTANT: Final = 253402300799.0  # 9999-12-31T23:59:59Z
# RFC 3339, section 5.6. A plus sign that was not written as %2B arrives as a space.
_RFC3339: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ](([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?)"
    r"([Zz]|[-+ ]([01][0-9]|2[0-3]):[0-5][0-9])"
)


def _instant(text: str) -> float:
    """Unix seconds."""
    if _UNIX.fullmatch(text):
        seconds = float(text)
    elif match := _RFC3339.fullmatch(text):
        offset = "+00:00" if match[5] in "Zz" else match[5].replace(" ", "+")
        try:
            seconds = datetime.fromisoformat(f"{match[1]}T{match[2]}{offset}").astimezone(UTC).timestamp()
        except OverflowError:
            raise ValueError from None
    else:
        raise ValueError
    if not 0 <= seconds <= _LAST_INSTANT:
        raise ValueError
    return seconds


INSTANT: Final = Kind(
    "a time from 1970 on, in Unix seconds or as RFC 3339 has it", "1795492800 or 2026-11-24T02:53:31Z", _instant
)


def names_of(known: Sequence[str]) -> Kind[tuple[str, ...]]:
    """A list of some of the ``known`` names, with commas between; its order is kept, repetitions are not."""

    def parse(text: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(text.split(",")))
        if any(name not in known for name in names):
            raise ValueError
        return names

    return Kind(f"a list, with commas, of some of {', '.join(known)}", ",".join(known[:2]), parse)


# --- parameters that several routes share -----------------------------------------------------------------------------

EXPLAIN: Final = Parameter("explain", BOOLEAN, "whether to add what was asked of Prometheus", default=False)
NAMESPACE: Final = Parameter("namespace", LABEL_NAME, "the namespace that the name is looked for in")
WINDOW: Final = Parameter("window", DURATION, "length of the time series")
START: Final = Parameter("start", INSTANT, "where the time series starts")
END: Final = Parameter("end", INSTANT, "where the time series ends")
STEP: Final = Parameter("step", DURATION, "wish for the distance between two points")
TIME_PARAMETERS: Final = (WINDOW, START, END, STEP)


def check_budget(series: int, points: int, budget: int = POINT_BUDGET) -> None:
    """Raise BudgetError when ``series`` columns of ``points`` numbers each are more than one answer may hold."""
    if series * points > budget:
        raise BudgetError(
            f"{series} series of {points} points are {series * points} numbers, and one answer may hold {budget}: "
            "ask for fewer series (fewer metrics, a filter, a smaller limit), a shorter window or a longer step."
        )
