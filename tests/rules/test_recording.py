"""Every recording rule, evaluated by promtool over small fleets, against sums made in plain Python."""

from __future__ import annotations

from pathlib import Path

from tests.rules import promtool
from tests.rules.fleet import AT
from tests.rules.promtool import Suite
from tests.rules.recording_tests import firing_suites, silent_suites


def test_every_rule_gives_the_total_of_its_pods(tmp_path: Path) -> None:
    done = promtool.run(tmp_path, firing_suites())
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def test_nothing_is_recorded_of_what_does_not_count(tmp_path: Path) -> None:
    done = promtool.run(tmp_path, silent_suites())
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def test_the_oracle_can_fail(tmp_path: Path) -> None:
    (chain, _) = firing_suites()
    (group,) = chain.groups
    wrong = {"expr": "namespace:cloudmon_pods:count", "eval_time": f"{AT}s", "exp_samples": []}
    done = promtool.run(tmp_path, [Suite(chain.rules, [group | {"promql_expr_test": [wrong]}], "1m")])
    assert done.returncode != 0
