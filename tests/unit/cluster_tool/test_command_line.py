from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from tests.cluster.__main__ import main
from tests.cluster.checks import CHECKS, chosen
from tests.cluster.report import Outcome, succeeded, summary
from tests.cluster.settings import SettingsError, parse
from tests.cluster.waiting import NotInTime, wait_for

NAMES = [check.name for check in CHECKS]


def test_only_what_changes_nothing_is_chosen_by_default(tmp_path: Path) -> None:
    settings = parse(["--kubeconfig", "k"], {}, tmp_path, NAMES)
    assert {check.group for check in chosen(settings.groups, settings.only)} == {"looks"}
    everything = parse(["--kubeconfig", "k", "--all"], {}, tmp_path, NAMES)
    assert [check.name for check in chosen(everything.groups, everything.only)] == NAMES
    some = parse(["--kubeconfig", "k", "--all", "--only", "rollout"], {}, tmp_path, NAMES)
    assert [check.name for check in chosen(some.groups, some.only)] == ["rollout"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "no kubeconfig"),
        (["--kubeconfig", "k", "--values", "v"], "--install"),
        (["--kubeconfig", "k", "--install", "--values", "/nowhere"], "cannot be read"),
    ],
)
def test_an_option_that_cannot_be_used_is_explained(tmp_path: Path, arguments: list[str], complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        parse(arguments, {}, tmp_path, NAMES)


def test_without_a_cluster_it_says_so_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--kubeconfig", str(tmp_path / "none")], {}) == 2
    assert capsys.readouterr().err.startswith("cluster checks: there is no kubeconfig at ")


def test_a_kubeconfig_whose_server_does_not_answer_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nusers: [{name: u, user: {}}]\n"
        "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
        "clusters: [{name: k, cluster: {server: 'http://127.0.0.1:1'}}]\n"
    )
    assert main(["--kubeconfig", str(kubeconfig)], {}) == 2
    assert f"no API server answers by {kubeconfig}" in capsys.readouterr().err


def test_the_summary_has_a_line_for_each_check_and_counts_them() -> None:
    outcomes = [Outcome("rollout", "passed", "3 exporters " * 12, 95.2), Outcome("usage", "failed", "wrong", 1.0)]
    table = summary("a cluster", outcomes)
    lines = table.splitlines()
    assert lines[3].startswith("rollout  passed        95  3 exporters")
    assert max(map(len, lines)) <= 130
    assert lines[-1] == "1 passed, 1 failed"
    assert not succeeded(outcomes)
    assert succeeded(outcomes[:1])
    assert not succeeded([Outcome("rollout", "not run", "", 0.0)])


def test_a_condition_that_never_comes_true_is_named_at_its_deadline() -> None:
    seconds = itertools.count(0.0, 4.0)
    with pytest.raises(NotInTime, match="not within 10 s: the moon is up"):
        wait_for("the moon is up", lambda: None, 10.0, clock=lambda: next(seconds), pause=lambda _: None)
    answers = iter([0, 7])
    assert wait_for("a number", lambda: next(answers), 10.0, clock=lambda: 0.0, pause=lambda _: None) == 7
