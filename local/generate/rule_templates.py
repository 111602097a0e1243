"""The rules for the chart: the windows, which depend on the intervals, are left for its templates to fill in.

A chart's templates cannot run Python. So the rules are rendered with a word in place of each window, and the template
puts in what it computes from the same intervals (helm/cloud-monitoring/templates/_windows.tpl). A test holds the result
against ``promql.rules.rules_file`` and ``promql.alerts.alerts_file`` for several intervals, byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import yaml

from promql.alerts import alerts_document, dump, load_alerts
from promql.catalogue import Catalogue
from promql.rules import COARSE_GROUP, COARSE_SECONDS, GROUP, Rule, coarse_rules, recording_rules
from promql.windows import Windows, duration

SCRAPE_INTERVAL: Final = "__SCRAPE_INTERVAL__"
RUNBOOK_URL: Final = "__RUNBOOK_URL__"


@dataclass(frozen=True, slots=True)
class TemplateWindows(Windows):
    """Windows that are named, not measured: ``__RATE_WINDOW_DETAIL__``, ``__HOLD_STORAGE__``."""

    def rate(self, source: str, step_seconds: float = 0.0) -> str:
        if step_seconds:
            raise ValueError("a rule has no step")
        return "__RATE_WINDOW_RESOURCE__" if source == "resource" else "__RATE_WINDOW_DETAIL__"

    def quoted(self, source: str) -> str:
        return f"__HOLD_{source.upper()}__"


def recording_rules_template() -> str:
    """The recording rules as a Prometheus rule file (YAML) with words in place of what depends on the intervals."""
    totals = Catalogue.load().totals
    groups = [
        _group(GROUP, SCRAPE_INTERVAL, recording_rules(totals, TemplateWindows())),
        _group(COARSE_GROUP, duration(COARSE_SECONDS), coarse_rules(totals)),
    ]
    return yaml.safe_dump({"groups": groups}, sort_keys=False, width=1000)


def alerts_template() -> str:
    """The alerts as a Prometheus rule file (YAML), in the same way."""
    return dump(alerts_document(load_alerts(), TemplateWindows(), RUNBOOK_URL))


def _group(name: str, interval: str, rules: list[Rule]) -> dict[str, Any]:
    records = [{"record": rule.record, "expr": rule.expr} for rule in rules]
    return {"name": name, "interval": interval, "rules": records}
