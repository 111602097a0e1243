"""Every alert fires when it should, with what it should say, and is silent otherwise: by promtool."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from facade.metrics import FacadeMetrics
from promql import names
from promql.__main__ import main
from promql.alerts import alerts_file, load_alerts
from promql.catalogue import Catalogue, CatalogueError
from promql.rules import recording_rules
from promql.windows import Windows
from tests.rules import promtool
from tests.rules.alert_tests import alert_suites
from tests.rules.cases import RUNBOOKS, cases, parsed, seconds

RULES = alerts_file(15, 60, 300, RUNBOOKS)


def test_every_alert_fires_and_is_silent_as_it_should(tmp_path: Path) -> None:
    done = promtool.run(tmp_path, alert_suites())
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]


def test_an_alert_that_does_not_wait_is_found_out(tmp_path: Path) -> None:
    done = promtool.run(tmp_path, alert_suites(wait=False))
    for alert in load_alerts():
        found_out = f"alertname: {alert.name}, " in done.stdout + done.stderr
        assert found_out == (alert.for_ is not None), alert.name


def test_every_alert_that_waits_is_silent_before() -> None:
    waits = {alert.name: seconds(alert.for_) for alert in load_alerts() if alert.for_}
    tried = {case.alert: case for case in reversed(cases()) if case.fires}
    for name, wait in waits.items():
        before = tried[name].before
        assert before is not None, name
        assert seconds(before) < seconds(tried[name].at), name
        assert seconds(tried[name].at) >= wait, name


def test_names_severities_and_words() -> None:
    alerts = load_alerts()
    assert len({alert.name for alert in alerts}) == len(alerts)
    assert all(alert.name.startswith("Cloudmon") for alert in alerts)
    assert {alert.severity for alert in alerts} == {"critical", "warning", "info"}
    assert "__" not in RULES


def test_expressions_read_what_there_is() -> None:
    """What is declared, what is recorded, and what the facade says of itself."""
    facade = FacadeMetrics()
    facade.request_answered("/", "GET", 200, 0.1)
    known = set(names.METRICS) | {rule.record for rule in recording_rules(Catalogue.load().totals, Windows())}
    known |= set(re.findall(r"^cloudmon_\w+", facade.exposition().decode(), flags=re.MULTILINE))
    read = set(re.findall(r"[a-z]*:?cloudmon_\w+:?\w*", " ".join(alert.expr for alert in load_alerts())))
    assert len(read) > 20
    assert read <= known, read - known


def test_cases_have_the_labels_of_real_series() -> None:
    seen = 0
    for case in cases():
        for name, labels in map(parsed, case.series):
            if name in names.METRICS:
                seen += 1
                assert set(labels) <= {*names.METRICS[name].labels, "cluster", "instance"}, name
    assert seen > 50


def test_windows_follow_the_intervals() -> None:
    rules = {
        rule["alert"]: rule["expr"]
        for group in yaml.safe_load(alerts_file(40, 45, 400))["groups"]
        for rule in group["rules"]
    }
    assert "[200s]" in rules["CloudmonNodeCpuSaturated"]
    stale = rules["CloudmonDataStale"]
    assert all(part in stale for part in ('"resource"} > 80 ', '"detail"} > 112.5 ', '"storage"} > 1000 '))


@pytest.mark.parametrize(
    ("expr", "severity", "message"),
    [("x > __HOLD_NOTHING__", "info", "nothing fills in __HOLD_NOTHING__"), ("x", "loud", "loud is none of critical")],
)
def test_a_mistake_in_the_catalogue_is_named(expr: str, severity: str, message: str) -> None:
    text = f"nodes:\n  A: {{severity: {severity}, expr: '{expr}', summary: s, description: d}}\n"
    with pytest.raises(CatalogueError, match=message):
        load_alerts(text)


def test_the_command_prints_them(capsys: pytest.CaptureFixture[str]) -> None:
    intervals = ["--scrape-interval", "20", "--detail-interval", "90", "--storage-interval", "400"]
    assert main(["alerts", *intervals, "--runbooks", "https://wiki.example/"]) == 0
    assert capsys.readouterr().out == alerts_file(20, 90, 400, "https://wiki.example")
