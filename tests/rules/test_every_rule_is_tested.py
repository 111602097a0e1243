"""No rule without a test: those that the chart ships, against what promtool is given here."""

from __future__ import annotations

from local.generate import CHART, ROOT
from tests.rules.alert_tests import alert_suites
from tests.rules.promtool import Group, untested
from tests.rules.recording_tests import firing_suites, silent_suites

RULE_FILES = sorted((ROOT / CHART / "rules").glob("*.yaml"))
TESTS = [group for suite in (*alert_suites(), *firing_suites(), *silent_suites()) for group in suite.groups]


def test_every_rule_has_a_firing_and_a_silent_test() -> None:
    assert [path.name for path in RULE_FILES] == ["alerts.yaml", "recording.yaml"]
    assert untested([path.read_text("utf-8") for path in RULE_FILES], TESTS) == []


def test_a_rule_without_a_test_is_named() -> None:
    rules = "groups: [{name: g, rules: [{alert: CloudmonNew, expr: up}, {record: 'node:new:sum', expr: up}]}]"
    assert untested([rules], TESTS) == [
        f"{name} has no {kind} test" for name in ("CloudmonNew", "node:new:sum") for kind in ("firing", "silent")
    ]


def test_a_rule_with_half_a_test_is_named() -> None:
    tests: list[Group] = [
        {"alert_rule_test": [{"alertname": "CloudmonNew", "exp_alerts": [{}]}]},
        {"promql_expr_test": [{"expr": "sum(node:new:sum) / 2", "exp_samples": []}]},
    ]
    rules = "groups: [{name: g, rules: [{alert: CloudmonNew, expr: up}, {record: 'node:new:sum', expr: up}]}]"
    assert untested([rules], tests) == ["CloudmonNew has no silent test", "node:new:sum has no firing test"]
