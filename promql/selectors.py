"""Selectors: the only place where text that is not ours becomes PromQL.

User text reaches a query only through ``escape``, and only as the value of an ``=`` matcher (``equal``). Values that
came from the store itself (uids) may form an alternation (``one_of``), each of them escaped as a regular expression
first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")
# RE2's metacharacters, https://github.com/google/re2/wiki/Syntax. Anything else stands for itself.
_RE2_META = re.compile(r"([\\.+*?()|\[\]{}^$])")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\x00"}


def escape(value: str) -> str:
    """The text of a double-quoted PromQL string that means exactly ``value``.

    PromQL strings follow Go's escapes (https://prometheus.io/docs/prometheus/latest/querying/basics/#string-literals).
    A lone surrogate has no UTF-8 form that Prometheus would take, so it becomes U+FFFD and matches nothing.
    """
    clean = value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return "".join(_ESCAPES.get(character, character) for character in clean)


@dataclass(frozen=True, slots=True)
class Matcher:
    """One label matcher; ``value`` is plain text, escaped when it is rendered."""

    label: str
    operator: str
    value: str

    def __post_init__(self) -> None:
        if not _LABEL_NAME.match(self.label) or self.operator not in ("=", "!=", "=~", "!~"):
            raise ValueError(f"not a label matcher: {self.label!r} {self.operator!r}")

    def __str__(self) -> str:
        return f'{self.label}{self.operator}"{escape(self.value)}"'


Selector = tuple[Matcher, ...]


def equal(**labels: str | None) -> Selector:
    """``=`` matchers for the labels whose value is not None, in the order given."""
    return tuple(Matcher(label, "=", value) for label, value in labels.items() if value is not None)


def one_of(label: str, values: Iterable[str]) -> Matcher:
    """A matcher for any of ``values``, which came from the store (never from a user)."""
    return Matcher(label, "=~", "|".join(map(literal, values)))


def literal(value: str) -> str:
    """The regular expression that matches exactly ``value``."""
    return _RE2_META.sub(r"\\\1", value)


def braces(*matchers: Matcher | Selector) -> str:
    """``{…}`` of all the matchers, or nothing when there are none."""
    flat: list[Matcher] = []
    for matcher in matchers:
        flat.extend((matcher,) if isinstance(matcher, Matcher) else matcher)
    return "{" + ", ".join(map(str, flat)) + "}" if flat else ""


def select(metrics: str | Iterable[str], selector: Selector = ()) -> str:
    """A vector selector of one metric, or of several (one ``__name__`` alternation)."""
    if isinstance(metrics, str):
        return metrics + braces(selector)
    return braces(one_of("__name__", metrics), selector)
