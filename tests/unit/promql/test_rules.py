"""The order and the windows of the recording rules. What they record is tested in tests/rules/."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from promql.catalogue import Catalogue, record
from promql.rules import recording_rules, rules_file
from promql.windows import Windows

TOTALS = Catalogue.load().totals


def test_a_rule_stands_after_those_it_reads() -> None:
    rules = recording_rules(TOTALS, Windows())
    records = [rule.record for rule in rules]
    for position, rule in enumerate(rules):
        later = [name for name in records[position:] if name in rule.expr]
        assert not later, f"{rule.record} reads {later}"


def test_promtool_accepts_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(rules_file(7.5, 30))
    subprocess.run(["promtool", "check", "rules", str(path)], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("scrape", "detail", "cpu", "network"),
    [(15, 60, "75s", "255s"), (30, 60, "150s", "270s"), (2.5, 10, "62500ms", "42500ms")],
)
def test_rate_windows_hold_four_readings(scrape: float, detail: float, cpu: str, network: str) -> None:
    rules = recording_rules(TOTALS, Windows(scrape, detail))

    def window(metric: str) -> str:
        rule = next(rule for rule in rules if rule.record == record("workload", metric, "sum_rate"))
        return rule.expr.partition("[")[2].partition("]")[0]

    assert window("cloudmon_pod_cpu_usage_seconds_total") == cpu
    assert window("cloudmon_pod_network_receive_bytes_total") == network
