"""The alerts' cases, read from the files beside this one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.rules.promtool import Group

INTERVAL_SECONDS: Final = 15
RUNBOOKS: Final = "https://runbooks.example/cloud-monitoring"
Series = Mapping[str, str]
_TERM: Final = re.compile(
    r"(?P<gap>_)?(?P<start>-?[0-9.]+)?(?P<step>[+-][0-9.]+)?x(?P<count>[0-9]+)"
)  # `_x3`, `5x3`, `0+1.5x3`
_SERIES: Final = re.compile(r"(?P<name>[a-z0-9_:]+)\{(?P<labels>.*)\}")
_LABEL: Final = re.compile(r'([a-z_]+)="([^"]*)"')
_UNITS: Final = {"h": 3600, "m": 60, "s": 1}


@dataclass(frozen=True, slots=True)
class Case:
    """One test of one alert, which must stand at ``at`` and not yet at ``before`` (``14m``)."""

    alert: str
    title: str
    series: Series
    at: str
    before: str | None = None
    labels: Mapping[str, str] | None = None
    summary: str = ""
    description: str = ""

    @property
    def fires(self) -> bool:
        return self.labels is not None


def cases() -> list[Case]:
    """All of them; of an alert, the first firing one comes first."""
    folder = Path(__file__).parent
    return [
        case
        for path in sorted(folder.glob("*.yaml"))
        for alert, data in yaml.safe_load(path.read_text("utf-8")).items()
        for case in _of_alert(alert, data)
    ]


def _of_alert(alert: str, data: Mapping[str, Any]) -> Iterator[Case]:
    firing = [Case(alert, title, **fields) for title, fields in data["fires"].items()]
    yield from firing
    for title, others in data["silent"].items():
        series = {name: values for name, values in {**firing[0].series, **others}.items() if values is not None}
        yield Case(alert, title, series, firing[0].at)


def promtool_group(case: Case, severity: str, runbook: str) -> Group:
    """The case as promtool takes it; ``runbook`` is the alert's section."""
    expected = []
    if case.labels is not None:
        annotations = {
            "summary": case.summary,
            "description": case.description,
            "runbook_url": f"{RUNBOOKS}/{runbook}",
        }
        expected = [{"exp_labels": {**case.labels, "severity": severity}, "exp_annotations": annotations}]
    moments = [(case.at, expected), *([(case.before, [])] if case.before else [])]
    return {
        "name": f"{case.alert}: {case.title}",
        "interval": f"{INTERVAL_SECONDS}s",
        "input_series": [{"series": name, "values": values} for name, values in case.series.items()],
        "alert_rule_test": [
            {"alertname": case.alert, "eval_time": moment, "exp_alerts": alerts} for moment, alerts in moments
        ],
    }


def seconds(duration: str) -> int:
    """``4h5m`` in seconds."""
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([hms])", duration))


def parsed(series: str) -> tuple[str, dict[str, str]]:
    """Name and labels of ``name{label="value", …}``."""
    match = _SERIES.fullmatch(series)
    assert match, series
    return match["name"], dict(_LABEL.findall(match["labels"]))


def samples(values: str) -> Iterator[tuple[int, float]]:
    """promtool's notation as (seconds since the start, value): ``5x2`` is three samples."""
    position = 0
    for term in values.split():
        match = _TERM.fullmatch(term)
        assert match, term
        count = int(match["count"]) + (0 if match["gap"] else 1)
        for step in range(count):
            if not match["gap"]:
                yield position * INTERVAL_SECONDS, float(match["start"]) + step * float(match["step"] or 0)
            position += 1
