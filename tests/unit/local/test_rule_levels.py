"""The order in which the past of recording rules can be computed."""

from __future__ import annotations

import pytest
import yaml

from local.errors import HistoryFailed
from local.rule_levels import RecordingRule, levels
from promql.rules import rules_file


def rules(*pairs: tuple[str, str]) -> str:
    return yaml.safe_dump(
        {
            "groups": [
                {"name": "g", "interval": "15s", "rules": [{"record": name, "expr": expr} for name, expr in pairs]}
            ]
        }
    )


def names(rules_yaml: str) -> list[list[str]]:
    return [[rule.record for rule in level] for level in levels(rules_yaml)]


def test_a_rule_comes_after_those_it_reads() -> None:
    chain = rules(
        ("w:cpu:sum", "sum by (w) (cpu)"),
        ("n:cpu:sum", "sum by (n) (w:cpu:sum)"),
        ("c:cpu:avg5m", "avg_over_time(n:cpu:sum[5m:15s]) / w:cpu:sum"),
        ("w:mem:sum", "sum by (w) (mem)"),
    )
    assert names(chain) == [["w:cpu:sum", "w:mem:sum"], ["n:cpu:sum"], ["c:cpu:avg5m"]]


@pytest.mark.parametrize("expr", ["max(a:b:sum2)", 'up{job="a:b:sum"}', "up{job='a:b:sum'}", "up{job=`a:b:sum`}"])
def test_only_the_whole_name_of_a_metric_counts(expr: str) -> None:
    assert names(rules(("a:b:sum", "sum(x)"), ("other", expr))) == [["a:b:sum", "other"]]


def test_a_quote_within_a_string_does_not_end_it() -> None:
    assert names(rules(("a:b:sum", "sum(x)"), ("other", r'up{job="\"a:b:sum"} + a:b:sum'))) == [["a:b:sum"], ["other"]]


def test_a_name_that_two_rules_record_is_complete_after_both() -> None:
    twice = rules(("r", "x"), ("r", "base * 2"), ("base", "y"), ("reader", "sum(r)"))
    assert names(twice) == [["base"], ["r", "r"], ["reader"]]


def test_a_circle_is_an_error() -> None:
    with pytest.raises(HistoryFailed, match="in a circle: a, b"):
        levels(rules(("a", "b + 1"), ("b", "a + 1")))


def test_alerts_are_passed_over_and_labels_are_kept() -> None:
    text = (
        "groups: [{name: g, interval: 2500ms, rules: [{alert: A, expr: x}, {record: r, expr: x, labels: {tier: 1}}]}]"
    )
    assert levels(text) == [[RecordingRule("r", "x", {"tier": "1"}, 2500)]]


def test_the_projects_own_chain_reads_only_what_stands_before() -> None:
    rules_yaml = rules_file(15, 60)
    recorded = [rule["record"] for group in yaml.safe_load(rules_yaml)["groups"] for rule in group["rules"]]
    ordered = levels(rules_yaml)
    assert sorted(rule.record for level in ordered for rule in level) == sorted(recorded)
    assert len(ordered) > 1
    for level in ordered:
        for rule in level:
            assert all(recorded.index(name) < recorded.index(rule.record) for name in rule.reads() & set(recorded))
