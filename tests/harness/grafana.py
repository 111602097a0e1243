"""What Grafana makes of a dashboard: its variables' values in the text of a query, and the queries of its panels.

After Grafana's documentation of variables (https://grafana.com/docs/grafana/latest/dashboards/variables/) and of
Prometheus's data source there (`$__rate_interval`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]
ALL: Final = "$__all"
BUILT_IN: Final = frozenset({"__interval", "__rate_interval", "__range"})
_REFERENCE: Final = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))")
_LABEL_VALUES: Final = re.compile(r"label_values\((.+), (\w+)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Target:
    """One query of a panel. ``min_step_seconds`` is the smallest step that it asks for."""

    panel: str
    expr: str
    instant: bool
    min_step_seconds: int

    def __str__(self) -> str:
        return f"{self.panel}: {self.expr}"

    @property
    def rate_seconds(self) -> int:
        """The narrowest window of a rate: over a range so short that the smallest step is taken."""
        return 4 * self.min_step_seconds


def panels(dashboard: Json) -> list[Json]:
    """The panels that show something."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def targets(dashboard: Json) -> Iterator[Target]:
    for panel in panels(dashboard):
        for target in panel["targets"]:
            step = int(target["interval"].removesuffix("s"))
            yield Target(panel["title"], target["expr"], target["instant"], step)


def variables(dashboard: Json) -> dict[str, Json]:
    """By name, but for the one that chooses the data source."""
    return {found["name"]: found for found in dashboard["templating"]["list"] if found["type"] != "datasource"}


def referenced(text: str) -> set[str]:
    """The variables that a text refers to."""
    return {match[1] or match[2] for match in _REFERENCE.finditer(text)}


def label_values(query: str) -> tuple[str, str]:
    """The selector and the label of a variable's query."""
    match = _LABEL_VALUES.fullmatch(query)
    assert match, query
    return match[1], match[2]


def interpolated(text: str, dashboard: Json, chosen: Mapping[str, str]) -> str:
    """The text with the chosen values in place of the dashboard's variables. KeyError where one has no value."""
    known = variables(dashboard)

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        return match[0] if name in BUILT_IN else _escaped(known[name], chosen[name])

    return _REFERENCE.sub(value, text)


def in_full(target: Target, dashboard: Json, chosen: Mapping[str, str], range_seconds: int) -> str:
    """The query of a target as it is sent for a short range: at its smallest step."""
    text = interpolated(target.expr, dashboard, chosen)
    text = text.replace("$__rate_interval", f"{target.rate_seconds}s").replace("$__range", f"{range_seconds}s")
    return text.replace("$__interval", f"{target.min_step_seconds}s")


def _escaped(variable: Json, value: str) -> str:
    if value == ALL:
        return str(variable["allValue"])
    if variable.get("includeAll") or variable.get("multi"):
        # It may stand in a regular expression, within a quoted string.
        return re.sub(r"[$^*{}\[\]'+?.()|\\]", lambda found: "\\\\" + found[0], value)
    return value.replace("\\", "\\\\").replace('"', '\\"')
