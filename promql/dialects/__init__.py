"""Other exporters' series in place of ours: a query of ``promql`` becomes one of what they publish.

    kube-prometheus.yaml  what each of our metrics is made of (data)
    data.py               reads it
    scan.py               finds the selectors in a query
    this file             puts the one in place of the other

The queries themselves stay as they are, one set for every dialect: a selector is replaced by the expression that gives
the same rows. What is recorded from our metrics by rules is replaced by the rule's own expression, and that again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

from promql import names
from promql.catalogue import Catalogue, Level
from promql.dialects.data import DialectData
from promql.dialects.scan import Found, Matcher, replace_selectors
from promql.rules import Rule, expected_rule, pod_level, unchained_rules
from promql.selectors import escape, literal
from promql.windows import Windows, duration, seconds_of

CLOUDMON: Final = "cloudmon"
KUBE_PROMETHEUS: Final = "kube-prometheus"
DIALECTS: Final = (CLOUDMON, KUBE_PROMETHEUS)
Translate = Callable[[str], str]

_WORKLOAD: Final = frozenset({"workload", "workload_kind"})
_NOTHING: Final = "(vector(1) == 0)"
_MOST_KEPT: Final = 512
# At so many instants of a range it is looked which entities there were.
_MOST_INSTANTS: Final = 240
_JOINED: Final = "* on (cluster, namespace, pod) group_left (uid, node, workload_kind, workload)"
# The label in which a row of a union has its metric's name until it gets it back.
_METRIC: Final = "metric"


def windows_of(dialect: str, windows: Windows) -> Windows:
    """The windows of a dialect: what is scraped from cAdvisor is all read at every scrape."""
    return windows if dialect == CLOUDMON else Windows(windows.scrape_seconds, windows.scrape_seconds)


def translation(dialect: str, catalogue: Catalogue, windows: Windows) -> Translate:
    """What turns a query into the same of the dialect's series; ``windows`` are the dialect's own."""
    if dialect == CLOUDMON:
        return lambda query: query
    return lru_cache(_MOST_KEPT)(Dialect(dialect, catalogue, windows).translate)


def metric_rules(dialect: str, catalogue: Catalogue, windows: Windows) -> list[Rule]:
    """Rules that record our own metrics from the dialect's series: then nothing needs translating."""
    if dialect == CLOUDMON:
        return []
    made = Dialect(dialect, catalogue, windows)
    # Who the pods are is worked out once: the rules after it, of the same evaluation, read what it recorded.
    known = f"max by (cluster, namespace, pod, uid, node, workload_kind, workload) ({names.POD_INFO.name})"
    order = sorted(names.METRICS, key=lambda name: name != names.POD_INFO.name)
    exprs = ((name, made.metric(name, None if name == names.POD_INFO.name else known)) for name in order)
    return [Rule(name, expr) for name, expr in exprs if expr is not None]


class Dialect:
    """Translates queries; stateless."""

    def __init__(self, name: str, catalogue: Catalogue, windows: Windows) -> None:
        self._data = DialectData.load(name, windows)
        self._scrape_seconds = windows.scrape_seconds
        totals = catalogue.totals
        # Each level from the pods themselves: there is no recorded one below to sum.
        rules = [
            rule for level in totals.levels for rule in pod_level(totals, Level(level.name, level.by, None), windows)
        ]
        self._recorded = {rule.record: rule.expr for rule in (expected_rule(totals), *rules, *unchained_rules(totals))}

    def translate(self, query: str) -> str:
        """``query`` asked of their series."""
        return replace_selectors(query, self._known, self._render)

    def metric(self, name: str, pods: str | None = None) -> str | None:
        """The expression of one of our metrics, for a rule that records it; None for one the dialect does not have.
        ``pods`` says who the pods are, where that is recorded.
        """
        made = self._data.metrics[name]
        if made is None:
            return None
        return f"({made.text}) {_JOINED} ({pods or self._data.full})" if made.of_pod else made.text

    def _known(self, name: str) -> bool:
        return name in self._data.metrics or name in self._recorded

    def _theirs(self, name: str) -> bool:
        return bool(self._data.carried(name))

    def _render(self, found: Found) -> str:
        """The rows of all the metrics that are looked for. Those of pods are joined once with who the pods are."""
        if found.range and not found.several and found.metrics[0] in self._data.presence:
            there = self._data.presence[found.metrics[0]]
            return f"{self._pushed(there, found, set())}[{found.range}]" if there else f"{_NOTHING}[1s:1s]"
        of_pods = {name: made.text for name in found.metrics if (made := self._data.metrics.get(name)) and made.of_pod}
        parts = [self._of_pods(of_pods, found)] if of_pods else []
        others = {name: self._other(name, found) for name in found.metrics if name not in of_pods}
        parts += [_told_apart({name: expr}, found) for name, expr in others.items() if expr is not None]
        expr = f"({' or '.join(parts)})" if parts else _NOTHING
        if parts and found.several:
            expr = f'label_replace({expr}, "__name__", "$1", "{_METRIC}", "(.+)")'
        elif found.by and "__name__" in found.by:
            expr = f'label_replace({expr}, "__name__", "{found.metrics[0]}", "", "")'
        return expr if found.range is None else self._ranged(expr, found, found.range)

    def _ranged(self, expr: str, found: Found, span: str) -> str:
        """``expr`` at every scrape interval of the range. Several metrics are asked over a range for no more than which
        entities there were: then at so many instants as are cheap. What is told again and again is asked once.
        """
        step = self._scrape_seconds
        if found.several:
            step *= max(1, math.ceil(seconds_of(span) / step / _MOST_INSTANTS))
        elif expr == _NOTHING or found.metrics[0] in self._data.told_again:
            span = duration(step)
        offset = f" offset {found.offset}" if found.offset else ""
        return f"({expr})[{span}:{duration(step)}]{offset}"

    def _of_pods(self, made: Mapping[str, str], found: Found) -> str:
        wanted = _WORKLOAD if found.by is None else found.by | {matcher.label for matcher in found.matchers}
        who = self._data.full if wanted & _WORKLOAD else self._data.light
        pushed: set[str] = set()
        values, pods = (self._pushed(text, found, pushed) for text in (_told_apart(made, found), who))
        expr = f"(({values}) {_JOINED} ({pods}))"
        return _sifted(expr, [matcher for matcher in found.matchers if matcher.label not in pushed])

    def _other(self, name: str, found: Found) -> str | None:
        """The rows of a metric that is not of pods, or of a total; None where the dialect has none."""
        if name in self._recorded:
            return f"({self._expanded(self._recorded[name], found)})"
        made = self._data.metrics[name]
        if made is None:
            return None
        pushed: set[str] = set()
        expr = self._pushed(made.text, found, pushed, made.after)
        return _sifted(f"({expr})", [matcher for matcher in found.matchers if matcher.label not in pushed])

    def _expanded(self, rule: str, outer: Found) -> str:
        """The expression of a rule with the matchers of ``outer`` too, and its offset, translated."""
        offset = None if outer.range else outer.offset

        def render(found: Found) -> str:
            # What is only compared by uid need not know workloads: the other side does.
            compared = found.by is not None and not found.by & _WORKLOAD
            inherited = [matcher for matcher in outer.matchers if not (compared and matcher.label in _WORKLOAD)]
            both = tuple(dict.fromkeys((*found.matchers, *inherited)))
            return self._render(replace(found, matchers=both, offset=found.offset or offset))

        return replace_selectors(rule, self._known, render)

    def _pushed(self, text: str, ours: Found, pushed: set[str], after: frozenset[str] = frozenset()) -> str:
        """``text`` with the matchers of ``ours`` on those of their series that carry the label, which is then noted in
        ``pushed``; and with its offset, which is a range's where there is one.
        """
        offset = f" offset {ours.offset}" if ours.offset and not ours.range else ""

        def render(theirs: Found) -> str:
            (name,) = theirs.metrics
            carried = self._data.carried(name)
            own = list(theirs.matchers)
            for matcher in ours.matchers:
                if matcher.label in carried and matcher.label not in after:
                    pushed.add(matcher.label)
                    own.append(Matcher(carried[matcher.label], matcher.operator, matcher.quoted))
            span = f"[{theirs.range}]" if theirs.range else ""
            return f"{name}{{{', '.join(map(str, dict.fromkeys(own)))}}}{span}{offset}"

        return replace_selectors(text, self._theirs, render)


def _told_apart(expressions: Mapping[str, str], found: Found) -> str:
    """All rows of all, by the label ``_METRIC`` where several metrics are looked for: `or` does not look at names."""
    if not found.several:
        (expr,) = expressions.values()
        return expr
    return " or ".join(f'label_replace({expr}, "{_METRIC}", "{name}", "", "")' for name, expr in expressions.items())


def _sifted(expr: str, matchers: Sequence[Matcher]) -> str:
    """The rows of ``expr`` that the matchers let through. PromQL has no matchers for what was computed: rows are marked
    by what their label is, and those with the mark are kept, or left out.
    """
    for number, matcher in enumerate(matchers):
        mark = f"kept_{number}"
        regex = matcher.value if matcher.operator in ("=~", "!~") else literal(matcher.value)
        marked = f'label_replace({expr}, "{mark}", "1", "{matcher.label}", "{escape(regex)}")'
        keep = "and" if matcher.operator in ("=", "=~") else "unless"
        expr = f'({marked} {keep} on ({mark}) label_replace(vector(1), "{mark}", "1", "", ""))'
    return expr
