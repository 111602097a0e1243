"""The chart rendered as a cluster of a given version would get it, by Helm's own engine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import helm_python
import yaml

CHART: Final = Path(__file__).resolve().parents[1] / "helm" / "cloud-monitoring"
# What the manifests are rendered for, and most tests.
KUBE_VERSION: Final = "v1.34.0"
RELEASE: Final = "cloud-monitoring"

Object = dict[str, Any]


def render(
    values: dict[str, Any] | None = None,
    *,
    kube_version: str = KUBE_VERSION,
    api_versions: Sequence[str] = (),
    name: str = RELEASE,
    namespace: str = RELEASE,
) -> dict[str, str]:
    """Each template's text by its path in the chart. Raises helm_python.HelmError for values that it rejects.

    ``api_versions`` are what the cluster serves beside Kubernetes's own. Helm's engine takes both settings, the
    library's method for rendering has no parameters for them: so the function below it is called here.
    """
    options = {"name": name, "namespace": namespace, "kube_version": kube_version, "api_versions": list(api_versions)}
    with helm_python.Chart.load(CHART) as chart:
        rendered = helm_python._native.call_string(
            "helm_render", chart._raw(), json.dumps(values or {}), json.dumps(options)
        )
    texts: dict[str, str] = json.loads(rendered)
    return {path.partition("/")[2]: text for path, text in texts.items()}


def objects(rendered: dict[str, str]) -> list[Object]:
    """The Kubernetes objects in rendered templates, in their order. (By libyaml: dashboards are long.)"""
    return [
        found
        for path, text in sorted(rendered.items())
        if path.endswith(".yaml")
        for found in yaml.load_all(text, yaml.CSafeLoader)
        if found
    ]
