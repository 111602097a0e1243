"""The alerts, rendered from the catalogue (alerts.yaml) as a Prometheus rule file.

Each names what is wrong, since when it must be so, how bad it is (``severity``: critical, warning or info) and the
section of docs/runbooks/ that says what to do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, Literal, get_args

from promql import names
from promql.catalogue import CatalogueError
from promql.rules import dump
from promql.selectors import equal
from promql.shards import incomplete
from promql.windows import Windows, duration
from promql.yaml_text import read_yaml

Severity = Literal["critical", "warning", "info"]
# Where the runbooks are when nobody says otherwise: in the project itself.
RUNBOOKS: Final = "docs/runbooks"
# How often alerts are evaluated: the shortest of them must stand for minutes.
ALERTS_SECONDS: Final = 60.0
_CLUSTER: Final = "{{ with $labels.cluster }} of cluster {{ . }}{{ end }}"
_WORD: Final = re.compile(r"__[A-Z_]+__")


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. ``group`` is its rule group and the file of its runbook; words in ``expr`` are still to be filled in.

    ``for_`` is a PromQL duration, None for an alert that fires at once.
    """

    name: str
    group: str
    severity: Severity
    expr: str
    for_: str | None
    summary: str
    description: str

    @property
    def runbook(self) -> str:
        """The section of its runbook, below the folder of runbooks: ``nodes.md#cloudmonnodecpusaturated``."""
        return f"{self.group}.md#{self.name.lower()}"


def load_alerts(text: str | None = None) -> tuple[Alert, ...]:
    """Every alert of the catalogue, or of ``text`` (YAML as in alerts.yaml), in its order. Raises CatalogueError."""
    text = text or (files("promql.catalogue") / "alerts.yaml").read_text("utf-8")
    return tuple(
        _alert(group, name, data) for group, alerts in read_yaml(text).items() for name, data in alerts.items()
    )


def alerts_document(alerts: tuple[Alert, ...], windows: Windows, runbooks: str = RUNBOOKS) -> dict[str, Any]:
    """The rule file as data. ``runbooks`` is the folder or URL below which the runbooks are."""
    words = _words(windows)
    groups: dict[str, list[dict[str, Any]]] = {}
    for alert in alerts:
        groups.setdefault(alert.group, []).append(_rule(alert, words, runbooks.removesuffix("/")))
    return {
        "groups": [
            {"name": f"cloudmon_alerts_{group}", "interval": duration(ALERTS_SECONDS), "rules": rules}
            for group, rules in groups.items()
        ]
    }


def alerts_file(
    scrape_interval: float, detail_interval: float, storage_interval: float, runbooks: str = RUNBOOKS
) -> str:
    """The alerts as a Prometheus rule file (YAML); intervals in seconds."""
    windows = Windows(scrape_interval, detail_interval, storage_interval)
    return dump(alerts_document(load_alerts(), windows, runbooks))


def _rule(alert: Alert, words: Mapping[str, str], runbooks: str) -> dict[str, Any]:
    return {
        "alert": alert.name,
        "expr": _WORD.sub(lambda word: words[word[0]], alert.expr),
        **({"for": alert.for_} if alert.for_ else {}),
        "labels": {"severity": alert.severity},
        "annotations": {
            "summary": alert.summary,
            "description": alert.description.replace("CLUSTER", _CLUSTER),
            "runbook_url": f"{runbooks}/{alert.runbook}",
        },
    }


def _words(windows: Windows) -> dict[str, str]:
    """What the words in expressions stand for."""
    return {
        "__RATE_WINDOW_RESOURCE__": windows.rate("resource"),
        "__HOLD_RESOURCE__": windows.quoted("resource"),
        "__HOLD_DETAIL__": windows.quoted("detail"),
        "__HOLD_STORAGE__": windows.quoted("storage"),
        "__CLUSTER_INCOMPLETE__": incomplete(equal(source="pods")),
        "__EXPORTER_JOB__": names.EXPORTER_JOB,
        "__FACADE_JOB__": names.FACADE_JOB,
        "__PROMETHEUS_JOB__": names.PROMETHEUS_JOB,
    }


def _alert(group: str, name: str, data: Mapping[str, Any]) -> Alert:
    unknown = set(_WORD.findall(data["expr"])) - set(_words(Windows()))
    if unknown:
        raise CatalogueError(f"alert {name}: nothing fills in {', '.join(sorted(unknown))}")
    if data["severity"] not in get_args(Severity):
        raise CatalogueError(f"alert {name}: {data['severity']} is none of {', '.join(get_args(Severity))}")
    return Alert(
        name=name,
        group=group,
        severity=data["severity"],
        expr=data["expr"],
        for_=data.get("for"),
        summary=data["summary"],
        description=data["description"],
    )
