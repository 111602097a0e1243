"""The rules for the chart: the windows, which depend on the intervals, are left for its templates to fill in.

A chart's templates cannot run Python. So the rules are rendered with a word in place of each window, and the template
puts in what it computes from the same intervals (helm/cloud-monitoring/templates/_windows.tpl). A test holds the result
against ``promql.rules.rules_file`` and ``promql.alerts.alerts_file`` for several intervals, byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from promql.alerts import alerts_document, load_alerts
from promql.catalogue import Catalogue
from promql.dialects import metric_rules
from promql.rules import dump, rules_document
from promql.windows import Windows

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

    def stale(self) -> str:
        return "__STALE__"


def recording_rules_template() -> str:
    """The recording rules as a Prometheus rule file (YAML) with words in place of what depends on the intervals."""
    return dump(rules_document(TemplateWindows(), SCRAPE_INTERVAL))


def dialect_rules_template(dialect: str) -> str:
    """The same, after rules that record our series from those of another dialect."""
    windows = TemplateWindows()
    return dump(rules_document(windows, SCRAPE_INTERVAL, metric_rules(dialect, Catalogue.load(), windows)))


def alerts_template() -> str:
    """The alerts as a Prometheus rule file (YAML), in the same way."""
    return dump(alerts_document(load_alerts(), TemplateWindows(), RUNBOOK_URL))
