"""The recording rules of a rule file, in the levels in which their past can be computed.

Prometheus evaluates the rules of a group one after the other at one time, so that a rule reads what those before it
have just recorded. For the past, all evaluations of one rule are asked at once; what it reads must then be stored
already. A level holds rules that read only series of scrapes and of lower levels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from local.errors import HistoryFailed
from promql.yaml_text import read_yaml

# Strings are left out first, so that a label's value is not taken for a metric.
_STRING = re.compile(r'"(?:\\.|[^"\\])*"' + r"|'(?:\\.|[^'\\])*'" + r"|`[^`]*`")
_DURATION = re.compile(r"(\d+)(ms|s)")
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


@dataclass(frozen=True, slots=True)
class RecordingRule:
    """``labels`` are those that the rule sets on its result; its group is evaluated every ``interval_milliseconds``."""

    record: str
    expr: str
    labels: Mapping[str, str]
    interval_milliseconds: int

    def reads(self) -> set[str]:
        """Every name in the expression: metrics among them, and functions and labels, which are no one's record."""
        return set(_NAME.findall(_STRING.sub('""', self.expr)))


def _milliseconds(duration: str) -> int:
    """A duration of one unit, as the rule file's own writer gives it: ``15s``, ``2500ms``."""
    match = _DURATION.fullmatch(duration)
    if match is None:
        raise HistoryFailed(f"the interval of a rule group, {duration}, is not in seconds or milliseconds")
    return int(match[1]) * (1 if match[2] == "ms" else 1000)


def levels(rules_yaml: str) -> list[list[RecordingRule]]:
    """The recording rules by level, lowest first.

    Raises HistoryFailed if rules read each other in a circle: their past depends on where the circle was entered.
    """
    rules = [
        RecordingRule(
            rule["record"],
            rule["expr"],
            {name: str(value) for name, value in rule.get("labels", {}).items()},
            _milliseconds(group["interval"]),
        )
        for group in read_yaml(rules_yaml)["groups"]
        for rule in group["rules"]
        if "record" in rule
    ]
    read = {rule.expr: rule.reads() for rule in rules}
    ordered: list[list[RecordingRule]] = []
    while rules:
        pending = {rule.record for rule in rules}
        ready = [rule for rule in rules if not read[rule.expr] & pending]
        # A name that several rules record is complete only when all of them are.
        blocked = {rule.record for rule in rules if rule not in ready}
        ready = [rule for rule in ready if rule.record not in blocked]
        if not ready:
            raise HistoryFailed(f"the recording rules read each other in a circle: {', '.join(sorted(pending))}")
        ordered.append(ready)
        rules = [rule for rule in rules if rule not in ready]
    return ordered
