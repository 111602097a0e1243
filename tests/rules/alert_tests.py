"""The cases of all alerts as promtool takes them."""

from __future__ import annotations

from typing import Any

from promql.alerts import alerts_document, load_alerts
from promql.rules import dump
from promql.windows import Windows
from tests.rules.cases import RUNBOOKS, cases, promtool_group
from tests.rules.promtool import Suite


def alert_suites(wait: bool = True) -> list[Suite]:
    """One suite an alert, with that alone: of all of them at once, promtool would evaluate each in every case.

    Without ``wait`` the alerts fire at once. A case of an alert that is not there raises AssertionError.
    """
    alerts = {alert.name: alert for alert in load_alerts()}
    every = cases()
    assert {case.alert for case in every} <= set(alerts)
    return [
        Suite(
            _rules(name, wait),
            [promtool_group(case, alert.severity, alert.runbook) for case in every if case.alert == name],
            "1m",
        )
        for name, alert in alerts.items()
    ]


def _rules(name: str, wait: bool) -> str:
    document = alerts_document(tuple(alert for alert in load_alerts() if alert.name == name), Windows(), RUNBOOKS)
    rule: dict[str, Any] = document["groups"][0]["rules"][0]
    if not wait:
        rule.pop("for", None)
    return dump(document)
