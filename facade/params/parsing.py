"""Parameters as declared data: each is declared once, with what it admits, and parsed here and nowhere else.

Everything about a parameter that a caller can get wrong is a ParameterError that names it and says what would be right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar, cast

from facade.errors import ParameterError

T = TypeVar("T")
MAX_TEXT_CHARACTERS: Final = 4096


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """A kind of value: ``parse`` raises ValueError where the text is none; ``what`` and ``example`` tell the caller.

    ``schema`` says the same as JSON Schema has it, for ``/openapi.json``. It may admit what ``parse`` refuses (a day
    that the month does not have), never the other way round.
    """

    what: str
    example: str
    parse: Callable[[str], T]
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


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
