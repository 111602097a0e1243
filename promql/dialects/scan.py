"""Finds the vector selectors in a query that ``promql`` itself rendered, with what surrounds each.

It knows no more of PromQL than those queries use: strings in double quotes, ``name{…}``, ``{__name__=~"…", …}`` with
the name first, ``[range]``, ``offset``, and ``by (…)`` before what it groups.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_STRING: Final = r'"(?:[^"\\]|\\.)*"'
_MATCHER: Final = re.compile(rf"\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*({_STRING})\s*,?")
_BRACES: Final = re.compile(rf"\{{(?:[^{{}}\"]|{_STRING})*\}}")
_NOT_NAME: Final = re.compile(r"[^\w:]")
_RANGE: Final = re.compile(r"\s*\[(\w+)\]")
_OFFSET: Final = re.compile(r"\s+offset\s+(-?\w+)")
_BY: Final = re.compile(r"by\s*\(([^()]*)\)\s*\(")
_TOKEN: Final = re.compile(rf"{_STRING}|[a-zA-Z_:][a-zA-Z0-9_:]*|[(){{]|\[[^\]]*\]")
_ESCAPE: Final = re.compile(r'\\(x00|[\\"nrt])')
_ESCAPED: Final = {"x00": "\0", "\\": "\\", '"': '"', "n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True, slots=True)
class Matcher:
    """A matcher as it stands; ``quoted`` is its value with its quotes."""

    label: str
    operator: str
    quoted: str

    @property
    def value(self) -> str:
        return _ESCAPE.sub(lambda match: _ESCAPED[match[1]], self.quoted[1:-1])

    def __str__(self) -> str:
        return f"{self.label}{self.operator}{self.quoted}"


@dataclass(frozen=True, slots=True)
class Found:
    """A selector. ``metrics`` are the names that it may have; ``by`` the labels that the innermost aggregation around
    it keeps, None where there is none.
    """

    metrics: tuple[str, ...]
    several: bool
    matchers: tuple[Matcher, ...]
    range: str | None
    offset: str | None
    by: frozenset[str] | None


def replace_selectors(query: str, known: Callable[[str], bool], render: Callable[[Found], str]) -> str:
    """``query`` with each selector of metrics that are ``known`` replaced by what ``render`` makes of it.

    A name counts as a metric's only where it is ``known``; a selector without a name has ``__name__`` first.
    """
    out: list[str] = []
    groups: list[frozenset[str] | None] = [None]
    position = 0
    while match := _TOKEN.search(query, position):
        out.append(query[position : match.start()])
        word = match[0]
        if word == "by" and (by := _BY.match(query, match.start())):
            out.append(by[0])
            groups.append(frozenset(label.strip() for label in by[1].split(",")))
            position = by.end()
            continue
        if word == "{" or (word[0] not in '"([{)' and known(word)):
            found, position = _selector(query, match.start(), groups[-1])
            out.append(render(found))
            continue
        if word == "(":
            groups.append(groups[-1])
        elif word == ")":
            groups.pop()
        out.append(word)
        position = match.end()
    return "".join([*out, query[position:]])


def _selector(query: str, start: int, by: frozenset[str] | None) -> tuple[Found, int]:
    name = _NOT_NAME.split(query[start:], maxsplit=1)[0]
    end = start + len(name)
    matchers: tuple[Matcher, ...] = ()
    if braces := _BRACES.match(query, end):
        matchers = tuple(Matcher(*parts) for parts in _MATCHER.findall(braces[0][1:-1]))
        end = braces.end()
    names: tuple[str, ...] = (name,)
    if not name:
        names = tuple(matchers[0].value.split("|"))
        matchers = matchers[1:]
    found_range = _RANGE.match(query, end)
    end = found_range.end() if found_range else end
    offset = _OFFSET.match(query, end)
    end = offset.end() if offset else end
    return (
        Found(
            names, not name, matchers, found_range[1] if found_range else None, offset[1] if offset else None, by
        ),
        end,
    )  # fmt: skip
