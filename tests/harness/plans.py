"""What a query touches in a store: the series that its selectors match, and the lists of postings that they open.

Prometheus finds series by an index from every label's value to the series that have it. ``Index`` is the same for
counting only: series that differ in nothing but the metric are one entity with the names of all, so that 150,000 pods
take seconds. ``Plan.lists`` counts as Prometheus does (tsdb/querier.go, PostingsForMatchers): one list a value that is
equal, every value of a label for ``!=""`` and for ``=""``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from promql import names
from promql.catalogue import Catalogue
from promql.dialects.scan import Found, Matcher, replace_selectors
from promql.rules import coarse_rules, recording_rules
from promql.windows import Windows

Labels = Mapping[str, str]
# Series of an entity: the metric, and the labels that this series alone has.
Members = frozenset[tuple[str, tuple[tuple[str, str], ...]]]
_LITERAL: Final = re.compile(r"(?:[^\\.+*?()|\[\]{}^$]|\\.)*")


@dataclass(frozen=True, slots=True)
class Plan:
    """``series`` are those that are selected, ``lists`` the postings that are looked up to find them."""

    series: int
    lists: int

    def __add__(self, other: Plan) -> Plan:
        return Plan(self.series + other.series, self.lists + other.lists)


@dataclass
class _Group:
    """Entities with the same members."""

    rows: list[Labels] = field(default_factory=list)
    postings: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))

    def add(self, labels: Labels) -> None:
        for pair in labels.items():
            self.postings[pair].append(len(self.rows))
        self.rows.append(labels)

    def count(self, matchers: tuple[Matcher, ...]) -> int:
        """The rows that all of the matchers let through."""
        if not matchers:
            return len(self.rows)
        candidates: Iterable[int] = range(len(self.rows))
        sizes = [(len(found), found) for matcher in matchers if (found := self._having(matcher)) is not None]
        if sizes:
            candidates = min(sizes)[1]
        tests = [_test(matcher) for matcher in matchers]
        return sum(all(test(self.rows[place]) for test in tests) for place in candidates)

    def _having(self, matcher: Matcher) -> list[int] | None:
        """The rows with one of the values that the matcher names; None where it names none."""
        values = named(matcher)
        if not values or "" in values:
            return None
        return [place for value in values for place in self.postings.get((matcher.label, value), ())]


class Index:
    """All entities of a store."""

    def __init__(self, entities: Iterable[tuple[Labels, Members]]) -> None:
        self._groups: dict[Members, _Group] = defaultdict(_Group)
        self._values: dict[str, set[str]] = defaultdict(set)
        self._plans: dict[Found, Plan] = {}
        for labels, members in entities:
            self._groups[members].add(labels)
        self.series = sum(len(members) * len(group.rows) for members, group in self._groups.items())
        for members, group in self._groups.items():
            for label, value in group.postings:
                self._values[label].add(value)
            for _, own in members:
                for label, value in own:
                    self._values[label].add(value)

    def plan(self, found: Found) -> Plan:
        """What one selector touches; asked once, it is known."""
        if found not in self._plans:
            self._plans[found] = Plan(self._count(found), self._lists(found))
        return self._plans[found]

    def _count(self, found: Found) -> int:
        wanted, total = set(found.metrics), 0
        for members, group in self._groups.items():
            known: dict[tuple[Matcher, ...], int] = {}
            for metric, own in members:
                if metric not in wanted:
                    continue
                alone = dict(own)
                if not all(_test(matcher)(alone) for matcher in found.matchers if matcher.label in alone):
                    continue
                rest = tuple(matcher for matcher in found.matchers if matcher.label not in alone)
                if rest not in known:
                    known[rest] = group.count(rest)
                total += known[rest]
        return total

    def _lists(self, found: Found) -> int:
        return len(found.metrics) + sum(map(self._lists_of, found.matchers))

    def _lists_of(self, matcher: Matcher) -> int:
        known = self._values.get(matcher.label, set())
        if matcher.operator in ("=", "!="):
            return len(known) if matcher.value == "" else 1
        values = named(matcher)
        return len(known & set(values)) if values else len(known)


def selectors(query: str) -> list[Found]:
    """Every selector of a query, as often as it stands there."""
    found: list[Found] = []

    def take(selector: Found) -> str:
        found.append(selector)
        return ""

    replace_selectors(query, known_names().__contains__, take)
    return found


@cache
def known_names() -> frozenset[str]:
    """Every metric that a query may speak of, the recorded ones included."""
    totals = Catalogue.load().totals
    rules = [*recording_rules(totals, Windows()), *coarse_rules(totals)]
    return frozenset([*names.METRICS, *(rule.record for rule in rules)])


def named(matcher: Matcher) -> list[str]:
    """The values that a matcher names one by one; none where it does not."""
    if matcher.operator == "=":
        return [matcher.value]
    parts = matcher.value.split("|")
    if matcher.operator == "=~" and all(_LITERAL.fullmatch(part) for part in parts):
        return [re.sub(r"\\(.)", r"\1", part) for part in parts]
    return []


def _test(matcher: Matcher) -> Callable[[Labels], bool]:
    """Whether labels pass; one that is not there is empty."""
    label, value, negative = matcher.label, matcher.value, matcher.operator[0] == "!"
    if "~" not in matcher.operator:
        return lambda labels: (labels.get(label, "") == value) is not negative
    values = frozenset(named(matcher))
    if values:
        return lambda labels: labels.get(label, "") in values
    pattern = re.compile(value)
    return lambda labels: (pattern.fullmatch(labels.get(label, "")) is not None) is not negative


def text(found: Found) -> str:
    """The selector by itself, as Prometheus reads it."""
    name = "|".join(found.metrics)
    return "{" + ", ".join([f'__name__=~"{name}"', *map(str, found.matchers)]) + "}"
