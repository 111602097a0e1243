"""Grafana's dashboards, built with Grafana's own library from the expressions of ``promql.dashboards``."""

from __future__ import annotations

import json
from typing import Any, Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from local.generate.dashboards.health import health
from local.generate.dashboards.namespace import namespace
from local.generate.dashboards.node import node
from local.generate.dashboards.overview import overview
from local.generate.dashboards.pod import pod
from local.generate.dashboards.workload import workload

_WIDTH: Final = 120
_BUILDERS: Final = {
    "overview": overview,
    "node": node,
    "namespace": namespace,
    "workload": workload,
    "pod": pod,
    "health": health,
}


def dashboards() -> dict[str, Dashboard]:
    """Every dashboard by its name, which is its uid less ``cloudmon-``."""
    return {name: build() for name, build in _BUILDERS.items()}


def dashboard_files() -> dict[str, str]:
    """The JSON of every dashboard, by its file's name."""
    return {
        f"{name}.json": _readable(json.loads(json.dumps(dashboard, cls=JSONEncoder))) + "\n"
        for name, dashboard in dashboards().items()
    }


def _readable(value: Any, indent: int = 0) -> str:
    """JSON in which what fits on a line stands on one."""
    flat = json.dumps(value, ensure_ascii=False)
    if indent + len(flat) <= _WIDTH or not isinstance(value, dict | list) or not value:
        return flat
    pad = " " * (indent + 2)
    if isinstance(value, dict):
        lines = [f"{pad}{json.dumps(key)}: {_readable(inner, indent + 2)}" for key, inner in value.items()]
    else:
        lines = [pad + _readable(inner, indent + 2) for inner in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return opening + "\n" + ",\n".join(lines) + "\n" + " " * indent + closing
