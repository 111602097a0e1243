"""The chain of recording rules, rendered from the catalogue's totals (decision 10).

All rules of the chain are one group: Prometheus evaluates a group's rules one after the other at one time, so that a
namespace's total is made of workload totals of the same moment, and a cluster's of the same namespaces.

A second group keeps every total at a second resolution: sum, count, min and max over five minutes of the clock, for
windows of weeks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from promql import names
from promql.catalogue import Catalogue, Level, Totals, record
from promql.selectors import equal
from promql.shards import incomplete
from promql.windows import Windows, duration

GROUP = "cloudmon"
DIALECT_GROUP = "cloudmon_dialect"
COARSE_GROUP = "cloudmon_5m"
COARSE_SECONDS = 300.0
COARSE_AGGREGATES = ("sum", "count", "min", "max")


@dataclass(frozen=True, slots=True)
class Rule:
    record: str
    expr: str


def recording_rules(totals: Totals, windows: Windows) -> list[Rule]:
    """Every rule of the chain, each after those that it reads."""
    rules = [expected_rule(totals)]
    for level in totals.levels:
        rules += pod_level(totals, level, windows) if level.source is None else _summed_level(totals, level)
    # That there was an evaluation is said last: whoever finds it recorded finds the totals too. The second resolution
    # is trusted where it has as many evaluations as the first, and may itself be evaluated while the first is.
    return [*rules, *unchained_rules(totals)]


def expected_rule(totals: Totals) -> Rule:
    """The pods that should report: running, and old enough. A row of each, which the counts read instead of each
    finding them anew.
    """
    by = ", ".join((*totals.levels[0].by, "uid"))
    young = f"cloudmon_pod_created_timestamp_seconds > time() - {totals.expected_after_seconds:g}"
    running = f'max by ({by}) (cloudmon_pod_phase{{phase="Running"}})'
    return Rule(totals.expected_pods, f"{running} unless on (cluster, uid) ({young}) {_UNLESS_INCOMPLETE}")


def unchained_rules(totals: Totals) -> list[Rule]:
    """Those that read no total: counts of pods by node, and that there was an evaluation."""
    return [_node_count(totals), _evaluation_rule(totals), _collection_rule(totals)]


def coarse_rules(totals: Totals) -> list[Rule]:
    """The second resolution of every total and of the evaluations."""
    fine = [record(level.name, metric, what) for level in totals.levels for metric, what in totals.recorded()]
    rules = [coarse_rule(name, aggregate) for name in fine for aggregate in COARSE_AGGREGATES]
    # Of the evaluations, how many there were: what a mean over hours divides by. They come first, so that a total is
    # never without an evaluation that they count.
    evaluations = [coarse_rule(name, "count") for name in (totals.evaluation, totals.collection)]
    return [*evaluations, *rules]


def coarse_rule(name: str, aggregate: str) -> Rule:
    """One aggregate of the recorded ``name`` over the last whole five minutes of the clock.

    The subquery's steps are multiples of five minutes whatever the group's own offset, and one of them lies in its
    range: the last boundary. A range of five whole minutes would hold two where an evaluation falls on a boundary and
    the left end is closed (Prometheus 2), and repeat the value of the one before where the last has none.
    """
    span, last = duration(COARSE_SECONDS), duration(COARSE_SECONDS - 0.001)
    return Rule(f"{name}:{aggregate}_5m", f"last_over_time(({aggregate}_over_time({name}[{span}]))[{last}:{span}])")


def rules_file(scrape_interval: float, detail_interval: float, before: Sequence[Rule] = ()) -> str:
    """The rules as a Prometheus rule file (YAML); intervals in seconds. ``before`` is recorded first, in a group of its
    own.
    """
    windows = Windows(scrape_seconds=scrape_interval, detail_seconds=detail_interval)
    return dump(rules_document(windows, duration(scrape_interval), before))


def rules_document(windows: Windows, interval: str, before: Sequence[Rule] = ()) -> dict[str, Any]:
    """The rule file as data. ``interval`` is how often the chain is evaluated, as Prometheus writes it."""
    totals = Catalogue.load().totals
    return {
        "groups": [
            *([_group(DIALECT_GROUP, interval, list(before))] if before else []),
            _group(GROUP, interval, recording_rules(totals, windows)),
            _group(COARSE_GROUP, duration(COARSE_SECONDS), coarse_rules(totals)),
        ]
    }


def dump(document: Mapping[str, Any]) -> str:
    """A rule file's text, an expression a line."""
    return yaml.safe_dump(dict(document), sort_keys=False, width=1000)


def _group(name: str, interval: str, rules: list[Rule]) -> dict[str, Any]:
    records = [{"record": rule.record, "expr": rule.expr} for rule in rules]
    return {"name": name, "interval": interval, "rules": records}


def _evaluation_rule(totals: Totals) -> Rule:
    # While no exporter says anything there is nothing to sum, and nobody knows whether that is because there are no
    # pods: such an evaluation must not count as one that found none.
    return Rule(totals.evaluation, f"time() * group by (cluster) ({names.SOURCE_SAMPLE_AGE_SECONDS.name})")


def _collection_rule(totals: Totals) -> Rule:
    pods = f'{names.SOURCE_SAMPLE_AGE_SECONDS.name}{{node="", source="pods"}}'
    return Rule(totals.collection, f"time() * group by (cluster) ({pods} {_UNLESS_INCOMPLETE})")


def _summed_level(totals: Totals, level: Level) -> list[Rule]:
    by = ", ".join(level.by)
    return [
        Rule(record(level.name, metric, what), f"sum by ({by}) ({record(str(level.source), metric, what)})")
        for metric, what in totals.recorded()
    ]


def pod_level(totals: Totals, level: Level, windows: Windows) -> list[Rule]:
    """The totals of a level made of the pods themselves."""
    by = ", ".join(level.by)
    rules: list[Rule] = []

    def add(metric: str, what: str, aggregate: str, expr: str) -> None:
        rules.append(Rule(record(level.name, metric, what), f"{aggregate} by ({by}) ({expr})"))

    def once(expr: str) -> str:
        return f"max by ({by}, uid) ({expr})"

    add(totals.pods, "count", "count", once('cloudmon_pod_phase{phase!~"Succeeded|Failed"}') + f" {_UNLESS_INCOMPLETE}")
    for name in totals.expected:
        add(name, "count", "count", _expected(totals, name))
    for total in totals.sums:
        add(total.metric, "sum", "sum", once(total.metric))
        condition = f" and on (cluster, uid) {_expected(totals, total.expected)}" if total.expected else ""
        add(total.metric, "count", "count", once(total.metric) + condition)
    for counter, source in totals.rates:
        add(counter, "sum_rate", "sum", once(f"rate({counter}[{windows.rate(source)}])"))
    for ratio in totals.utilizations:
        add(ratio.of, ratio.of_what, "sum", f"{once(ratio.of)} and on (cluster, uid) {_uids(ratio.to)}")
        add(ratio.to, ratio.to_what, "sum", f"{once(ratio.to)} and on (cluster, uid) {_uids(ratio.of)}")
    return rules


# With a shard of scope cluster silent, no number of pods is recorded, as with all of it silent.
_UNLESS_INCOMPLETE = f"unless on (cluster) {incomplete(equal(source='pods'))}"


def _uids(selector: str) -> str:
    return f"max by (cluster, uid) ({selector})"


def _expected(totals: Totals, expected: str) -> str:
    """The recorded pods that should report, less those without the labels that ``expected`` asks for: these are few,
    and quickly left out. To stand alone or after ``and``, which is evaluated before ``unless``.
    """
    matchers = ", ".join(f'{label}!="{value}"' for label, value in totals.expected[expected].items())
    excused = f" unless on (cluster, uid) cloudmon_pod_info{{{matchers}}}" if matchers else ""
    return f"{totals.expected_pods}{excused}"


def _node_count(totals: Totals) -> Rule:
    once = 'max by (cluster, node, uid) (cloudmon_pod_phase{node!="", phase!~"Succeeded|Failed"})'
    return Rule(record("node", totals.pods, "count"), f"count by (cluster, node) ({once} {_UNLESS_INCOMPLETE})")
